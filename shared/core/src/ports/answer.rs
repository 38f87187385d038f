//! How a port answers, and that it may not.

use std::{future::Future, pin::Pin};

/// A boxed future, for the `dyn` ports.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The port gave no answer. The effect may have happened, or may still.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {0}")]
pub struct Unavailable(pub String);
