//! What keeps the protocol right, each by its name, so that a check can take one out.

/// One guard of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A fetcher seals only under the newest fence.
    FenceInSeal,
    /// A page is sealed only as the next one.
    NextInSeal,
    /// A fetcher voids only under the newest fence.
    FenceInVoid,
    /// Pages are voided only as they were seen.
    SeenInVoid,
    /// A message counts only if it names its page's live emission.
    Emission,
    /// The commit moves over DONE pages without a gap.
    Contiguous,
    /// The commit moves only from where its caller saw it.
    SeenInAdvance,
    /// The fetcher, too, commits what is DONE.
    FetcherHelps,
    /// Open pages that lost their message are read again.
    Reap,
    /// The cursor is read no later than the page: a fence that was newer when the page was not sealed
    /// yet says that it never will be, but a fence that is newer by now does not.
    CursorFirst,
    /// A message whose page is not sealed yet is given back.
    UnsealedWaits,
    /// A message is acknowledged last of all.
    AcknowledgeLast,
    /// One write of an entity at a time.
    EntityLock,
    /// A lock does not end before its write can no longer land.
    LockUntilLanded,
    /// An unknown outcome keeps its lock.
    LockOnUnknown,
    /// A claim is ended only by its owner.
    OwnerInFinish,
    /// A claimed version is not an applied one.
    ClaimIsNotApplied,
    /// An older version yields to a newer one that is claimed.
    YieldToNewer,
}

/// The guards that stand: all, unless some were taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Guards {
    out: u32,
}

impl Guards {
    /// All but `guard`.
    #[must_use]
    pub fn without(self, guard: Guard) -> Self {
        Self { out: self.out | 1 << guard as u32 }
    }

    /// Whether `guard` stands.
    pub fn stands(self, guard: Guard) -> bool {
        self.out & 1 << guard as u32 == 0
    }
}
