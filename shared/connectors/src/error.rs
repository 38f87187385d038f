//! Why a connection cannot be made.

/// Why a connection cannot be made: where in the flow file, and what to do. Holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConnectError {
    /// The key in the flow file, like `source.http.url`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl ConnectError {
    pub(crate) fn new(place: &str, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), message: message.into() }
    }
}
