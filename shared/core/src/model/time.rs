//! Time as the application counts it.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type EpochMs = i64;
