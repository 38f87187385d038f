//! The queue: at least once, in any order, sometimes not at all.

use tidegate_core::{
    model::Message,
    ports::{PageQueue, QueueLimits, Receipt, Unavailable},
};
use tidegate_testkit::QUEUE_LIMITS;

use super::Seat;
use crate::world::Carried;

pub const CALLS: &[&str] = &["send", "give_back"];

impl PageQueue for Seat {
    /// The application acts as it does before the real queue: [`crate::world::RECEIVES_MAX`] is how soon
    /// this one has dead letters.
    fn limits(&self) -> QueueLimits {
        QUEUE_LIMITS
    }

    fn encode(&self, message: &Message) -> String {
        tidegate_wire::encode(message)
    }

    async fn send(&self, bodies: &[String], delay_ms: u64) -> Result<(), Unavailable> {
        let all = self.call("send", async || {
            let now_ms = self.world.now_ms();
            let inner = &mut *self.world.inner();
            let mut all = true;
            for body in bodies {
                if inner.rng.chance(inner.faults.partial_send) {
                    all = false;
                    continue;
                }
                if let Ok(Message::Page(page)) = tidegate_wire::decode(body) {
                    inner.emitted.insert(page.emission);
                }
                let copies = 1 + usize::from(inner.rng.chance(inner.faults.duplicate));
                for _ in 0..copies {
                    inner.unique += 1;
                    let name = inner.unique;
                    let visible_ms = now_ms.saturating_add_unsigned(delay_ms);
                    let body = body.clone();
                    inner.messages.push(Carried { name, body, visible_ms, receives: 0 });
                }
            }
            all
        });
        if all.await? { Ok(()) } else { Err(Unavailable("some entries failed".into())) }
    }

    async fn give_back(&self, messages: &[(Receipt, u64)]) -> Result<(), Unavailable> {
        self.call("give_back", async || {
            let now_ms = self.world.now_ms();
            let inner = &mut *self.world.inner();
            for (receipt, delay_ms) in messages {
                let name: u64 = receipt.0.parse().expect("a receipt is the message's name");
                for message in inner.messages.iter_mut().filter(|message| message.name == name) {
                    message.visible_ms = now_ms.saturating_add_unsigned(*delay_ms);
                }
            }
        })
        .await
    }
}
