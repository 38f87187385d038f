//! The page queue, as the application uses it. Receiving and deleting are the host's.

use std::future::Future;

use super::Unavailable;
use crate::model::Message;

/// What a queue takes. Each queue says it of itself: the application knows no such number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Most messages in one send.
    pub batch_max: usize,
    /// Most bytes of bodies in one send. One message may have them all.
    pub batch_bytes_max: usize,
    /// Most bytes of records' data in a page, so that it fits one message however badly it packs.
    pub page_bytes_max: usize,
    /// A message that is received more often than this goes to the dead letters.
    pub receives_max: u32,
}

/// Names one receipt of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub Box<str>);

/// At least once, in no certain order, each message at most until the queue's retention.
pub trait PageQueue: Send + Sync {
    /// What it takes: the same at every call.
    fn limits(&self) -> QueueLimits;

    /// The body that carries a message, to be sent by [`Self::send`]. Called once a message.
    fn encode(&self, message: &Message) -> String;

    /// Sends bodies, no more at once than [`Self::limits`] says, each to become visible after
    /// `delay_ms`. `Ok` only if every one was taken. Called by the fetcher once a batch; a repeat
    /// sends copies, which is harmless.
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
    fn limits(&self) -> QueueLimits {
        Q::limits(self)
    }

    fn encode(&self, message: &Message) -> String {
        Q::encode(self, message)
    }

    async fn send(&self, bodies: &[String], delay_ms: u64) -> Result<(), Unavailable> {
        Q::send(self, bodies, delay_ms).await
    }

    async fn give_back(&self, messages: &[(Receipt, u64)]) -> Result<(), Unavailable> {
        Q::give_back(self, messages).await
    }
}
