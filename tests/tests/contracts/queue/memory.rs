//! The queue in memory, by a clock that is moved.

use std::sync::Arc;

use tidegate_core::ports::Receipt;
use tidegate_local::{MemoryQueue, QueueSettings};
use tidegate_testkit::ManualClock;

use super::{Host, Message};

/// Receives from the queue in memory.
#[derive(Clone)]
pub struct MemoryHost {
    pub queue: Arc<MemoryQueue<ManualClock>>,
    pub clock: ManualClock,
}

impl MemoryHost {
    pub fn new() -> Self {
        let clock = ManualClock::at(1_000_000);
        let settings = QueueSettings {
            visibility_ms: 60_000,
            retention_ms: 86_400_000,
            limits: tidegate_aws::Queue::LIMITS,
        };
        Self { queue: Arc::new(MemoryQueue::new(clock.clone(), settings)), clock }
    }
}

impl Host for MemoryHost {
    async fn receive(&self) -> Vec<Message> {
        let message = |received: tidegate_local::Received| Message {
            receipt: received.receipt,
            body: received.body,
            receives: received.receives,
        };
        self.queue.receive(usize::MAX).into_iter().map(message).collect()
    }

    async fn delete(&self, receipt: &Receipt) {
        self.queue.delete(std::slice::from_ref(receipt));
    }

    async fn pass(&self, ms: u64) {
        self.clock.advance(ms.try_into().unwrap());
    }

    async fn counts(&self) -> (usize, usize) {
        let counts = self.queue.counts();
        (counts.waiting, counts.in_flight)
    }
}
