//! A single-threaded executor: whoever the seed picks takes the next step.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use tidegate_core::model::EpochMs;

/// A running invocation.
pub struct Actor {
    pub kind: Kind,
    /// The host kills it then.
    pub killed_ms: EpochMs,
    crashed: Arc<AtomicBool>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Fetcher,
    Processor,
    Burier,
}

impl Actor {
    pub fn new(
        kind: Kind,
        killed_ms: EpochMs,
        crashed: Arc<AtomicBool>,
        future: impl Future<Output = ()> + 'static,
    ) -> Self {
        Self { kind, killed_ms, crashed, future: Box::pin(future) }
    }

    /// Takes one step; true when it is over, one way or the other.
    pub fn step(&mut self) -> bool {
        let over = self.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        matches!(over, Poll::Ready(())) || self.crashed.load(SeqCst)
    }
}
