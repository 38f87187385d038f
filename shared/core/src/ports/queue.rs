//! The page queue, as the application uses it. Receiving and deleting are the host's.

use std::future::Future;

use super::Unavailable;

/// Most messages in one send.
pub const QUEUE_BATCH_MAX: usize = 10;

/// Names one receipt of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub Box<str>);

/// At least once, in no certain order, each message at most until the queue's retention.
pub trait PageQueue: Send + Sync {
    /// Sends up to [`QUEUE_BATCH_MAX`] bodies of together at most [`BODIES_BYTES_MAX`](crate::model::BODIES_BYTES_MAX) bytes,
    /// each to become visible after `delay_ms`. `Ok` only if every one was taken. Called by the
    /// fetcher once a batch; a repeat sends copies, which is harmless.
    fn send(
        &self,
        bodies: &[String],
        delay_ms: u64,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Makes received messages visible again after their delay. Called once an invocation with all
    /// that is given back; a failure, or a repeat, only changes when they come back.
    fn give_back(
        &self,
        messages: &[(Receipt, u64)],
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

impl<Q: PageQueue> PageQueue for std::sync::Arc<Q> {
    async fn send(&self, bodies: &[String], delay_ms: u64) -> Result<(), Unavailable> {
        Q::send(self, bodies, delay_ms).await
    }

    async fn give_back(&self, messages: &[(Receipt, u64)]) -> Result<(), Unavailable> {
        Q::give_back(self, messages).await
    }
}
