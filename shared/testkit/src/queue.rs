//! The sending end of a queue, for tests that hand the application its messages themselves.

use tidegate_core::{
    model::Message,
    ports::{PageQueue, QueueLimits, Receipt, Unavailable},
};

/// What a queue in the cloud takes.
pub const QUEUE_LIMITS: QueueLimits = QueueLimits {
    batch_max: 10,
    batch_bytes_max: 1_000_000,
    page_bytes_max: tidegate_wire::page_bytes_max(1_000_000),
    receives_max: 1_000,
};

/// Takes every message and brings none of them back.
#[derive(Debug, Default)]
pub struct Outbox;

impl PageQueue for Outbox {
    fn limits(&self) -> QueueLimits {
        QUEUE_LIMITS
    }

    fn encode(&self, message: &Message) -> String {
        tidegate_wire::encode(message)
    }

    async fn send(&self, _: &[String], _: u64) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn give_back(&self, _: &[(Receipt, u64)]) -> Result<(), Unavailable> {
        Ok(())
    }
}
