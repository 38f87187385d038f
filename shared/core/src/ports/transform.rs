//! What becomes of a record between source and destination.

/// Turns a source record's JSON into the destination's. Pure, and bounded in time by itself.
pub trait Transform: Send + Sync {
    /// Writes the result to the end of `out`, and leaves `out` as it was unless it answers
    /// [`Transformed::Written`]. `found` is the JSON that the flow's look-up found for the record.
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed;

    /// Whether a record passes the flow's filter, asked before it is looked up: [`Transformed::Written`]
    /// where it does.
    fn admits(&self, _record: &[u8]) -> Transformed {
        Transformed::Written
    }

    /// Whether a record, no deletion, keeps the flow's rules and passes its filter: asked before it is looked up.
    /// [`Transformed::Written`] where it does.
    fn accepts(&self, record: &[u8]) -> Transformed {
        self.admits(record)
    }
}

/// What a transform came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transformed {
    /// The result stands in `out`.
    Written,
    /// The flow's filter leaves the record out.
    Filtered,
    /// What was looked up has all of it already: there is nothing left to send.
    Unchanged,
    /// The record breaks the flow's own rules: park it with this reason, which has all its faults. No secrets.
    Invalid(Box<str>),
    /// Not now, for want of something of our own, such as a thread: it says nothing of the record. No secrets.
    Later(Box<str>),
    /// The record cannot be transformed: park it with this reason. No secrets.
    Refused(Box<str>),
}
