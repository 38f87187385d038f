//! The page queue: in memory, over SQS's protocol, and on an SQS that others wrote.

mod emulator;
mod memory;
mod sqs;

use tidegate_core::ports::{PageQueue, Receipt};

/// The receiving side, which is the host's.
trait Host {
    /// All that is visible now.
    async fn receive(&self) -> Vec<Message>;

    /// Deletes a received message.
    async fn delete(&self, receipt: &Receipt);

    /// Lets time pass.
    async fn pass(&self, ms: u64);

    /// How many messages wait, visible or delayed, and how many are received and not deleted.
    async fn counts(&self) -> (usize, usize);

    async fn receipts(&self) -> Vec<Receipt> {
        self.receive().await.into_iter().map(|message| message.receipt).collect()
    }

    async fn bodies(&self) -> Vec<String> {
        let mut bodies: Vec<_> = self.receive().await.into_iter().map(|it| it.body).collect();
        bodies.sort_unstable();
        bodies
    }
}

/// A received message.
struct Message {
    receipt: Receipt,
    body: String,
    receives: u32,
}

/// Runs behaviours on every queue.
macro_rules! contract {
    ($($behaviour:ident),* $(,)?) => {
        mod on_memory {
            $(#[tokio::test] async fn $behaviour() {
                let host = super::memory::MemoryHost::new();
                super::$behaviour(&*host.queue, &host).await;
            })*
        }
        mod on_sqs {
            $(#[tokio::test] async fn $behaviour() {
                let host = super::memory::MemoryHost::new();
                super::$behaviour(&super::sqs::front(&host, |_, _| None), &host).await;
            })*
        }
        mod on_an_emulator {
            $(#[tokio::test]
            #[ignore = "needs an SQS at AWS_ENDPOINT_URL; tests/deploy/run starts one"]
            async fn $behaviour() {
                let host = super::emulator::EmulatorHost::new(stringify!($behaviour)).await;
                super::$behaviour(&host.queue, &host).await;
            })*
        }
    };
}

contract!(
    what_is_sent_is_received,
    sending_nothing_is_no_error,
    a_full_batch_is_taken,
    sending_again_sends_copies,
    a_delayed_message_is_not_seen_before,
    what_is_given_back_comes_back,
    more_than_ten_are_given_back,
    giving_back_again_only_moves_the_time,
    giving_back_what_is_gone_keeps_nobody_else,
);

fn bodies(count: usize) -> Vec<String> {
    (0..count).map(|index| format!(r#"{{"n":{index},"text":"ü \" \\"}}"#)).collect()
}

async fn what_is_sent_is_received(queue: &impl PageQueue, host: &impl Host) {
    queue.send(&bodies(10), 0).await.unwrap();
    assert_eq!(host.bodies().await, bodies(10));
    assert_eq!(host.counts().await, (0, 10));
}

async fn sending_nothing_is_no_error(queue: &impl PageQueue, host: &impl Host) {
    queue.send(&[], 0).await.unwrap();
    queue.give_back(&[]).await.unwrap();
    assert_eq!(host.counts().await, (0, 0));
}

async fn a_full_batch_is_taken(queue: &impl PageQueue, host: &impl Host) {
    let limits = queue.limits();
    let bodies = vec!["x".repeat(limits.batch_bytes_max / limits.batch_max); limits.batch_max];
    queue.send(&bodies, 0).await.unwrap();
    assert_eq!(host.bodies().await, bodies);
    queue.send(&["y".repeat(limits.batch_bytes_max)], 0).await.unwrap();
    assert_eq!(host.bodies().await[0].len(), limits.batch_bytes_max);
}

async fn sending_again_sends_copies(queue: &impl PageQueue, host: &impl Host) {
    for _ in 0..2 {
        queue.send(&bodies(1), 0).await.unwrap();
    }
    assert_eq!(host.bodies().await, [bodies(1), bodies(1)].concat());
}

async fn a_delayed_message_is_not_seen_before(queue: &impl PageQueue, host: &impl Host) {
    queue.send(&bodies(1), 3_500).await.unwrap();
    host.pass(2_000).await;
    assert_eq!(host.receive().await.len(), 0);
    // A queue may know whole seconds only; then it rounds up.
    host.pass(2_000).await;
    assert_eq!(host.receive().await.len(), 1);
}

async fn what_is_given_back_comes_back(queue: &impl PageQueue, host: &impl Host) {
    queue.send(&bodies(2), 0).await.unwrap();
    let receipts = host.receipts().await;
    queue.give_back(&[(receipts[0].clone(), 0), (receipts[1].clone(), 3_500)]).await.unwrap();
    let back = host.receive().await;
    assert_eq!(back.iter().map(|message| message.receives).collect::<Vec<_>>(), [2]);
    host.pass(2_000).await;
    assert_eq!(host.receive().await.len(), 0);
    host.pass(2_000).await;
    assert_eq!(host.receive().await.len(), 1);
}

async fn more_than_ten_are_given_back(queue: &impl PageQueue, host: &impl Host) {
    for _ in 0..3 {
        queue.send(&bodies(8), 0).await.unwrap();
    }
    let messages: Vec<_> =
        host.receipts().await.into_iter().map(|receipt| (receipt, 3_000)).collect();
    assert_eq!(messages.len(), 24);
    queue.give_back(&messages).await.unwrap();
    assert_eq!(host.receive().await.len(), 0);
    host.pass(3_000).await;
    assert_eq!(host.receive().await.len(), 24);
}

async fn giving_back_again_only_moves_the_time(queue: &impl PageQueue, host: &impl Host) {
    queue.send(&bodies(1), 0).await.unwrap();
    let receipt = host.receipts().await.remove(0);
    queue.give_back(&[(receipt.clone(), 9_000)]).await.unwrap();
    queue.give_back(&[(receipt, 1_000)]).await.unwrap();
    host.pass(1_000).await;
    assert_eq!(host.receive().await.len(), 1);
}

async fn giving_back_what_is_gone_keeps_nobody_else(queue: &impl PageQueue, host: &impl Host) {
    queue.send(&bodies(2), 0).await.unwrap();
    let receipts = host.receipts().await;
    host.delete(&receipts[0]).await;
    let messages: Vec<_> = receipts.into_iter().map(|receipt| (receipt, 0)).collect();
    // Whether it is an error is the queue's affair.
    let _ = queue.give_back(&messages).await;
    assert_eq!(host.receive().await.len(), 1);
}
