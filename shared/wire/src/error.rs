//! Why a body cannot be read.

/// Why a body is no message.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The envelope is not what this version writes.
    #[error("the message is no Tidegate message: {0}")]
    Envelope(#[from] serde_json::Error),
    /// The packed records are damaged.
    #[error("the message's packed records are damaged: {0}")]
    Packed(String),
}

/// Says what is wrong with packed records.
pub fn damaged(what: impl ToString) -> WireError {
    WireError::Packed(what.to_string())
}
