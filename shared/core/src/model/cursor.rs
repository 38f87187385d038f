//! The stream's item.

use super::{DeliverState, EpochMs, Fence, FetchState, PageNumber, Position};

/// The stream's one item: who fetches, how far was fetched, and how far is settled without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Grows with every lease; what a fetcher writes under an older one is refused.
    pub fence: Fence,
    /// The invocation that holds the lease.
    pub owner: Box<str>,
    /// When it was taken; 0 where that is not known.
    pub lease_since_ms: EpochMs,
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
    /// When it was; 0 where it is not, or was before that was kept.
    pub paused_ms: EpochMs,
    /// Pages that begin before this were voided once, since the last rewind, and are read again. Perhaps one of
    /// their records crashes its processor: they are handled in isolation.
    pub isolate_to: Position,
    /// How reading gets on, as the last fetcher left it.
    pub fetching: FetchState,
    /// How delivery gets on, as a processor last noted it.
    pub delivering: DeliverState,
    /// What is known of invocations that ended without a word, where a host knows.
    pub ended: Option<Ended>,
}

/// Every invocation that began before a moment is over: its process is dead, and a host says so that is
/// alone on its table. On a platform that cannot know this, nothing says so, and locks run out by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// They began before this moment.
    pub before_ms: EpochMs,
    /// None of them sent anything after this one; at most `before_ms`.
    pub sent_until_ms: EpochMs,
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
            lease_since_ms: 0,
            lease_until_ms: 0,
            head: Position::Start,
            next: 1,
            committed: 0,
            watermark: Position::Start,
            generation: 0,
            paused: false,
            paused_ms: 0,
            isolate_to: Position::Start,
            fetching: FetchState::default(),
            delivering: DeliverState::default(),
            ended: None,
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
