//! The stream's item.

use super::{EpochMs, Fence, PageNumber, Position};

/// The stream's one item: who fetches, how far was fetched, and how far is settled without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Grows with every lease; what a fetcher writes under an older one is refused.
    pub fence: Fence,
    /// The invocation that holds the lease.
    pub owner: Box<str>,
    /// When the lease ends. It saves work and gives no safety: the fence does.
    pub lease_until_ms: EpochMs,
    /// Fetched up to.
    pub head: Position,
    /// The number of the next page.
    pub next: PageNumber,
    /// Every page up to this one is settled, or void.
    pub committed: PageNumber,
    /// Settled up to, without a gap.
    pub watermark: Position,
    /// Grows with every rewind; within one, the watermark never goes back.
    pub generation: u64,
    /// Set by an operator: the fetcher takes nothing on.
    pub paused: bool,
    /// Pages that begin before this were voided once, since the last rewind, and are read again. Perhaps one of
    /// their records crashes its processor: they are handled in isolation.
    pub isolate_to: Position,
}

impl Default for Cursor {
    fn default() -> Self {
        Self::new()
    }
}

impl Cursor {
    /// A stream that nothing was ever read of.
    pub fn new() -> Self {
        Self {
            fence: 0,
            owner: Box::default(),
            lease_until_ms: 0,
            head: Position::Start,
            next: 1,
            committed: 0,
            watermark: Position::Start,
            generation: 0,
            paused: false,
            isolate_to: Position::Start,
        }
    }

    /// Up to where pages are to be handled in isolation, should those that are open be voided now.
    pub fn isolated_until(&self) -> Position {
        self.isolate_to.clone().max(self.head.clone())
    }

    /// How many pages are emitted and not committed.
    pub fn pages_open(&self) -> u64 {
        (self.next - 1).saturating_sub(self.committed)
    }
}

/// A step of the commit: pages `from.0 + 1 ..= to.0`, all DONE and joined end to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// `committed` and `watermark` as they must still be.
    pub from: (PageNumber, Position),
    /// Where they go.
    pub to: (PageNumber, Position),
}
