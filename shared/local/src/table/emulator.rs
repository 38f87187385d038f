//! What dynoxide answers.

use dynoxide::{DynoxideError, Result};
use futures_util::FutureExt;
use serde::{Serialize, de::DeserializeOwned};

/// The state table's name.
pub const TABLE: &str = "tidegate";

/// Has dynoxide answer a request.
pub fn run<Q: DeserializeOwned, A: Serialize, F: Future<Output = Result<A>>>(
    body: &[u8],
    operation: impl FnOnce(Q) -> F,
) -> Result<Vec<u8>> {
    let request = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    serde_json::to_vec(&at_once(operation(request))?)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// What dynoxide does on SQLite is done when it is first asked: it is asynchronous for browsers.
pub fn at_once<T>(operation: impl Future<Output = Result<T>>) -> Result<T> {
    operation.now_or_never().expect("a native storage never waits")
}
