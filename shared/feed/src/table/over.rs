//! Passing over what is not kept: lines, and rows that are too long.

use memchr::{memchr, memchr2, memchr3};

/// Passes over a row, or a line, of which nothing is kept but where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    inside: Inside,
    /// `None` for a line, in which quotes mean nothing.
    delimiter: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// In front of a value.
    Front,
    /// In a value without quotes, or behind them.
    Bare,
    Quoted,
    /// Behind a quote in quotes: it ends them, or is doubled.
    Quote,
    /// Behind a carriage return, which a line feed may follow.
    Return,
}

impl Over {
    pub(super) fn row(delimiter: u8) -> Self {
        Self { inside: Inside::Front, delimiter: Some(delimiter) }
    }

    pub(super) fn line() -> Self {
        Self { inside: Inside::Bare, delimiter: None }
    }

    /// Whether a quote stands open.
    pub(super) fn is_open(&self) -> bool {
        self.inside == Inside::Quoted
    }

    /// Where the row ends in `text`, which follows what was passed over before. `None` if it goes on.
    pub(super) fn pass(&mut self, text: &[u8], last: bool) -> Option<usize> {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let next = match (self.inside, self.delimiter) {
                (Inside::Return, _) => return Some(at + usize::from(rest[0] == b'\n')),
                (Inside::Quoted, _) => memchr(b'"', rest),
                (Inside::Bare, Some(delimiter)) => memchr3(delimiter, b'\n', b'\r', rest),
                (Inside::Bare, None) => memchr2(b'\n', b'\r', rest),
                (Inside::Front | Inside::Quote, _) => Some(0),
            };
            let Some(next) = next else { break };
            at += next + 1;
            self.inside = match (self.inside, rest[next]) {
                (Inside::Quoted, _) => Inside::Quote,
                (Inside::Front | Inside::Quote, b'"') => Inside::Quoted,
                (_, b'\n') => return Some(at),
                (_, b'\r') => Inside::Return,
                (_, byte) if Some(byte) == self.delimiter => Inside::Front,
                _ => Inside::Bare,
            };
        }
        last.then_some(text.len())
    }
}
