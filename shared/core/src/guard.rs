//! The protocol's guards, each by its name, so that a test can take one out and see that it is missed.
//!
//! Production code asks [`Platform::stands`](crate::ports::Platform::stands) around the condition that a
//! guard is. Every guard stands on every platform but the simulation's: what ships is what is tested.

/// Declares the guards, and their list.
macro_rules! guards {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What keeps the protocol right under faults.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Guard {
            $($(#[$doc])+ $name,)+
        }

        impl Guard {
            /// Every guard.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

guards! {
    /// A fetcher seals and voids only under the newest fence.
    Fence,
    /// A message counts only if it names its page's live emission.
    Emission,
    /// The commit moves over pages without a gap.
    Contiguous,
    /// A seal or void whose answer was lost recognises its own success.
    OwnSuccess,
    /// The fetcher, too, commits what is DONE.
    FetcherHelps,
    /// Open pages that lost their message are read again.
    Reap,
    /// Pages are voided only as they were seen: a copy of a void that comes late voids nothing.
    VoidAsSeen,
    /// What is younger than the settle lag is not read yet.
    SettleLag,
    /// A page is sealed after its message was sent.
    SealAfterSend,
    /// A message whose page is not sealed yet is given back.
    UnsealedWaits,
    /// A page that is not there is looked for once more before its message is taken for stale.
    LookTwice,
    /// A message is acknowledged when all its records are settled.
    AcknowledgeLast,
    /// Only what is durably parked counts as settled.
    ParkFirst,
    /// A record that was refused is marked as applied nowhere.
    RefusedIsNotApplied,
    /// One write of an entity at a time.
    EntityLock,
    /// The lock outlives its invocation by as long as a request can land.
    LockUntilLanded,
    /// What an invocation has sent that is known to be over may still land: other versions wait for that.
    LandingOutlivesProcess,
    /// The ledger knows a record as applied before it is marked at the source.
    MarkLast,
    /// An unknown outcome keeps its lock.
    LockOnUnknown,
    /// What was answered without saying whether it was applied may still land: other versions wait for that.
    AnsweredMayLand,
    /// A claimed version is not an applied one.
    ClaimIsNotApplied,
    /// An older version yields to a newer one that is claimed.
    YieldToNewer,
    /// Two versions of an entity never share a request.
    OneVersionARequest,
    /// A deletion leaves a tombstone.
    Tombstone,
    /// A rewind's generation makes the ledger let applied versions pass.
    Generation,
    /// A rewind raises the fence.
    RewindFence,
    /// A parked record stays parked until its replay is settled.
    ParkedUntilSettled,
    /// Waits grow so long that no outage wears out a message's receipts.
    ReceiptsLast,
    /// A page that is carried through an outage is not taken for lost.
    CarriedIsNotLost,
    /// A page whose message is hidden for long is not taken for lost.
    HiddenIsNotLost,
    /// A failing destination gets one probe at a time.
    OneProbe,
    /// A record that crashes its processor is found and passed.
    Isolation,
    /// A send slot that was missed is not used any more.
    SlotExpires,
    /// A request whose answer is awaited no more holds its slot until it has landed.
    SlotUntilLanded,
    /// Where a write must not be repeated, what may have been applied is not simply sent again.
    ResolveUnknown,
    /// While nothing gets through it is the destination that fails, and nothing is given up.
    GiveUpAlone,
}
