//! A standard queue in memory: visibility, delay, receive count, dead letters, retention.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tidegate_core::{
    model::{EpochMs, Message},
    ports::{Clock, PageQueue, QueueLimits, Receipt, Unavailable},
};

/// How a queue treats its messages.
#[derive(Debug, Clone, Copy)]
pub struct QueueSettings {
    /// How long a received message stays invisible, in ms.
    pub visibility_ms: EpochMs,
    /// A message older than this is dropped, in ms.
    pub retention_ms: EpochMs,
    /// What it takes, and how often a message is received before it goes to the dead letters.
    pub limits: QueueLimits,
}

/// One receipt of a message.
#[derive(Debug, Clone)]
pub struct Received {
    /// The message's own name, the same over all its receipts.
    pub message_id: Box<str>,
    /// Names this receipt.
    pub receipt: Receipt,
    /// What was sent.
    pub body: String,
    /// How often it was received, this time included.
    pub receives: u32,
    /// When it was sent.
    pub sent_ms: EpochMs,
}

/// How many messages stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Waiting, visible or delayed.
    pub waiting: usize,
    /// Received and neither deleted nor given back.
    pub in_flight: usize,
    /// Among the dead letters.
    pub dead: usize,
}

impl QueueCounts {
    /// Whether no message is left.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

/// What a request is billed by: each begun so many bytes of its messages count as one request.
const BILLED_BYTES: usize = 64 * 1024;

/// Requests made so far, for the summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueTraffic {
    /// Batches sent.
    pub sends: u64,
    /// As how many requests those are billed.
    pub sends_billed: u64,
    /// Receives that found something.
    pub receives: u64,
    /// As how many requests those are billed.
    pub receives_billed: u64,
    /// Batches deleted.
    pub deletes: u64,
    /// Batches given back.
    pub give_backs: u64,
}

/// The queue. Clones of its `Arc` share it.
#[derive(Debug)]
pub struct MemoryQueue<C> {
    clock: C,
    settings: QueueSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sequence: u64,
    messages: HashMap<u64, Stored>,
    /// Messages by when they become visible, then by age.
    order: BTreeSet<(EpochMs, u64)>,
    dead: Vec<Stored>,
    traffic: QueueTraffic,
}

#[derive(Debug, Clone)]
struct Stored {
    body: String,
    sent_ms: EpochMs,
    visible_ms: EpochMs,
    receives: u32,
    in_flight: bool,
}

impl<C: Clock> MemoryQueue<C> {
    /// An empty queue.
    pub fn new(clock: C, settings: QueueSettings) -> Self {
        Self { clock, settings, state: Mutex::default() }
    }

    /// Each call changes the state in one step, so what a panic left behind is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to `max` visible messages. Those received too often go to the dead letters instead.
    pub fn receive(&self, max: usize) -> Vec<Received> {
        let now_ms = self.clock.now_ms();
        let state = &mut *self.state();
        let mut received = Vec::new();
        while received.len() < max
            && let Some(&(visible_ms, number)) = state.order.first()
            && visible_ms <= now_ms
        {
            state.order.pop_first();
            let Some(stored) = state.messages.get_mut(&number) else { continue };
            if stored.sent_ms + self.settings.retention_ms <= now_ms {
                state.messages.remove(&number);
                continue;
            }
            stored.receives += 1;
            if stored.receives > self.settings.limits.receives_max {
                let dead = state.messages.remove(&number).expect("it was just there");
                state.dead.push(dead);
                continue;
            }
            stored.in_flight = true;
            stored.visible_ms = now_ms + self.settings.visibility_ms;
            state.order.insert((stored.visible_ms, number));
            received.push(Received {
                message_id: format!("m-{number}").into(),
                receipt: Receipt(format!("{number}.{}", stored.receives).into()),
                body: stored.body.clone(),
                receives: stored.receives,
                sent_ms: stored.sent_ms,
            });
        }
        if !received.is_empty() {
            state.traffic.receives += 1;
            state.traffic.receives_billed += billed(received.iter().map(|it| it.body.len()));
        }
        received
    }

    /// Removes messages; a receipt that is no longer the newest still deletes, as a standard queue
    /// mostly does.
    pub fn delete(&self, receipts: &[Receipt]) {
        let state = &mut *self.state();
        for number in receipts.iter().filter_map(number_of) {
            if let Some(stored) = state.messages.remove(&number) {
                state.order.remove(&(stored.visible_ms, number));
            }
        }
        if !receipts.is_empty() {
            state.traffic.deletes += 1;
        }
    }

    /// Takes out up to `max` dead letters.
    pub fn take_dead(&self, max: usize) -> Vec<Received> {
        let state = &mut *self.state();
        let count = max.min(state.dead.len());
        let dead = state.dead.drain(..count).enumerate();
        dead.map(|(index, stored)| Received {
            message_id: format!("d-{index}").into(),
            receipt: Receipt(format!("dead-{index}").into()),
            body: stored.body,
            receives: stored.receives,
            sent_ms: stored.sent_ms,
        })
        .collect()
    }

    /// Puts back a dead letter that could not be buried.
    pub fn return_dead(&self, received: Received) {
        self.state().dead.push(Stored {
            body: received.body,
            sent_ms: received.sent_ms,
            visible_ms: 0,
            receives: received.receives,
            in_flight: false,
        });
    }

    /// How many messages stand where.
    pub fn counts(&self) -> QueueCounts {
        let now_ms = self.clock.now_ms();
        let state = self.state();
        let in_flight = state
            .messages
            .values()
            .filter(|stored| stored.in_flight && stored.visible_ms > now_ms)
            .count();
        QueueCounts { waiting: state.messages.len() - in_flight, in_flight, dead: state.dead.len() }
    }

    /// The bodies of all its messages, in the order that they were sent.
    pub fn bodies(&self) -> Vec<String> {
        let state = self.state();
        let mut messages: Vec<_> = state.messages.iter().collect();
        messages.sort_unstable_by_key(|(number, _)| **number);
        messages.into_iter().map(|(_, stored)| stored.body.clone()).collect()
    }

    /// Requests made so far.
    pub fn traffic(&self) -> QueueTraffic {
        self.state().traffic
    }

    /// When the next message becomes visible, if there is any.
    pub fn next_visible_ms(&self) -> Option<EpochMs> {
        self.state().order.first().map(|(visible_ms, _)| *visible_ms)
    }
}

impl<C: Clock> PageQueue for MemoryQueue<C> {
    fn limits(&self) -> QueueLimits {
        self.settings.limits
    }

    fn encode(&self, message: &Message) -> String {
        tidegate_wire::encode(message)
    }

    async fn send(&self, bodies: &[String], delay_ms: u64) -> Result<(), Unavailable> {
        let now_ms = self.clock.now_ms();
        let state = &mut *self.state();
        for body in bodies {
            state.sequence += 1;
            let visible_ms = now_ms.saturating_add_unsigned(delay_ms);
            state.order.insert((visible_ms, state.sequence));
            let body = body.clone();
            let stored =
                Stored { body, sent_ms: now_ms, visible_ms, receives: 0, in_flight: false };
            state.messages.insert(state.sequence, stored);
        }
        state.traffic.sends += 1;
        state.traffic.sends_billed += billed(bodies.iter().map(String::len));
        Ok(())
    }

    async fn give_back(&self, messages: &[(Receipt, u64)]) -> Result<(), Unavailable> {
        let now_ms = self.clock.now_ms();
        let state = &mut *self.state();
        for (receipt, delay_ms) in messages {
            let Some(number) = number_of(receipt) else { continue };
            let Some(stored) = state.messages.get_mut(&number) else { continue };
            state.order.remove(&(stored.visible_ms, number));
            stored.visible_ms = now_ms.saturating_add_unsigned(*delay_ms);
            stored.in_flight = false;
            state.order.insert((stored.visible_ms, number));
        }
        if !messages.is_empty() {
            state.traffic.give_backs += 1;
        }
        Ok(())
    }
}

/// As how many requests one with bodies of these lengths is billed.
fn billed(lengths: impl Iterator<Item = usize>) -> u64 {
    lengths.sum::<usize>().div_ceil(BILLED_BYTES).max(1) as u64
}

fn number_of(receipt: &Receipt) -> Option<u64> {
    receipt.0.split_once('.')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_billed_by_every_begun_64_kib_of_all_its_bodies() {
        assert_eq!(billed([].into_iter()), 1);
        assert_eq!(billed([BILLED_BYTES].into_iter()), 1);
        assert_eq!(billed([BILLED_BYTES - 1, 2].into_iter()), 2);
        assert_eq!(billed([10; 10].into_iter()), 1);
    }
}
