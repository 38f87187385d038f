//! Polling futures without a runtime. The ports in memory answer at once, so that nothing here ever waits.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};

/// More polls than any test's future needs.
const POLLS_MAX: u64 = 1_000_000;

/// Runs a future to its end.
///
/// # Panics
/// Where it waits for what never happens, such as a clock that is not moved.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    drive(future, POLLS_MAX).expect("it waits for what never happens")
}

/// Polls a future so many times at the most; `None` where it waits still.
pub fn drive<T>(future: impl Future<Output = T>, polls_max: u64) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls_max {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(value);
        }
    }
    None
}

/// Lets the futures beside this one take a step.
pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
