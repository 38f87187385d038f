//! A value that is kept by its key.

use bytes::Bytes;

use super::EpochMs;

/// Names a value that is kept: a kind and a name, like `token/leads/default`. At most 900 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoredKey(Box<str>);

impl StoredKey {
    /// Of this kind and name.
    pub fn new(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}").into())
    }

    /// As it stands in the table.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A kept value. It may hold a secret: it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// What its owner made of it; at most some kilobytes.
    pub value: Bytes,
    /// Of no use after this; it may be there for days longer.
    pub expires_ms: EpochMs,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}
