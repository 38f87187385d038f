//! What comes of a file.

use bytes::Bytes;

/// A record that was found in a window of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The record as JSON; where it is at fault, as much of its text as came.
    pub data: Bytes,
    /// Where it ends in the window, in bytes: reading may begin again there.
    pub end: usize,
    /// Why it cannot be used, in one line. It never stops those behind it.
    pub fault: Option<Box<str>>,
}

/// Why the rest of a file cannot be read, in one line that says what and where. What was found before stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damage(pub String);

/// What was mended or passed over on the way: it is counted, and told to operators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    /// Sequences of bytes that the encoding does not have, each replaced by U+FFFD.
    pub replaced: u64,
    /// Characters that no XML may hold, left out.
    pub dropped: u64,
    /// References by a name of HTML's, which XML does not have without a document type, taken as they are meant.
    pub entities: u64,
    /// Unknown references and bare `&`, kept as they are written.
    pub literal: u64,
    /// What else there is to say, each once, in one line.
    pub told: Vec<String>,
}

impl Notices {
    /// Notes something to be told, once.
    pub fn tell(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.told.contains(&what) {
            self.told.push(what);
        }
    }

    /// Adds what another has.
    pub fn add(&mut self, other: Self) {
        self.replaced += other.replaced;
        self.dropped += other.dropped;
        self.entities += other.entities;
        self.literal += other.literal;
        for what in other.told {
            self.tell(what);
        }
    }
}
