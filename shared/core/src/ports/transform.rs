//! What becomes of a record between source and destination.

/// Turns a source record's JSON into the destination's. Pure, and bounded in time by itself.
pub trait Transform: Send + Sync {
    /// Writes the result to the end of `out`, and leaves `out` as it was unless it answers
    /// [`Transformed::Written`].
    fn apply(&self, record: &[u8], out: &mut Vec<u8>) -> Transformed;
}

/// What a transform came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transformed {
    /// The result stands in `out`.
    Written,
    /// The flow's filter leaves the record out.
    Filtered,
    /// The record cannot be transformed: park it with this reason. No secrets.
    Refused(Box<str>),
}
