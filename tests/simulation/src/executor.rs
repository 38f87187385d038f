//! A single-threaded executor: whoever the seed picks takes the next step.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use tidegate_core::model::EpochMs;

/// A running invocation.
pub struct Actor {
    pub kind: Kind,
    /// The host kills it then.
    pub killed_ms: EpochMs,
    /// It takes no step before then.
    pub frozen_until_ms: EpochMs,
    crashed: Arc<AtomicBool>,
    awake: Arc<Awake>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Fetcher,
    Processor,
    Burier,
    Operator,
}

impl Actor {
    pub fn new(
        kind: Kind,
        killed_ms: EpochMs,
        crashed: Arc<AtomicBool>,
        future: impl Future<Output = ()> + 'static,
    ) -> Self {
        let awake = Arc::new(Awake(AtomicBool::new(true)));
        Self { kind, killed_ms, frozen_until_ms: 0, crashed, awake, future: Box::pin(future) }
    }

    /// Whether it can get on, and does not wait for the clock alone.
    pub fn is_awake(&self) -> bool {
        self.awake.0.load(SeqCst)
    }

    /// Takes one step; true when it is over, one way or the other.
    pub fn step(&mut self) -> bool {
        self.awake.0.store(false, SeqCst);
        let waker = Waker::from(self.awake.clone());
        let over = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        matches!(over, Poll::Ready(())) || self.crashed.load(SeqCst)
    }
}
