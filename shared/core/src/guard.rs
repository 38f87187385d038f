//! The protocol's guards, each by its name, so that a test can take one out and see that it is missed.
//!
//! Every guard stands, always, but in builds with the feature `mutation`, which the simulation alone asks
//! for: there [`without`] takes out one for the length of a call.

/// What keeps the protocol right under faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
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
    /// The ledger knows a record as applied before it is marked at the source.
    MarkLast,
    /// An unknown outcome keeps its lock.
    LockOnUnknown,
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
    /// A record that kills whoever handles it is found and passed.
    Careful,
    /// A moment of a budget that was missed is not used any more.
    UseBy,
    /// A request that nobody waits for any more holds its slot until it has landed.
    SlotUntilLanded,
    /// Where a write must not be repeated, what may have been applied is not simply sent again.
    Doubt,
    /// While nothing gets through it is the destination that fails, and nothing is given up.
    GiveUpAlone,
}

impl Guard {
    /// Whether it stands.
    #[cfg(not(feature = "mutation"))]
    pub const fn stands(self) -> bool {
        true
    }

    /// Whether it stands.
    #[cfg(feature = "mutation")]
    pub fn stands(self) -> bool {
        switchboard::OUT.get() != Some(self)
    }
}

#[cfg(feature = "mutation")]
pub use switchboard::{ALL, without};

#[cfg(feature = "mutation")]
mod switchboard {
    use std::cell::Cell;

    use super::Guard;

    thread_local! {
        pub(super) static OUT: Cell<Option<Guard>> = const { Cell::new(None) };
    }

    /// Every guard.
    pub const ALL: &[Guard] = &[
        Guard::Fence,
        Guard::Emission,
        Guard::Contiguous,
        Guard::OwnSuccess,
        Guard::FetcherHelps,
        Guard::Reap,
        Guard::VoidAsSeen,
        Guard::SettleLag,
        Guard::SealAfterSend,
        Guard::UnsealedWaits,
        Guard::LookTwice,
        Guard::AcknowledgeLast,
        Guard::ParkFirst,
        Guard::RefusedIsNotApplied,
        Guard::EntityLock,
        Guard::LockUntilLanded,
        Guard::MarkLast,
        Guard::LockOnUnknown,
        Guard::ClaimIsNotApplied,
        Guard::YieldToNewer,
        Guard::OneVersionARequest,
        Guard::Tombstone,
        Guard::Generation,
        Guard::RewindFence,
        Guard::ParkedUntilSettled,
        Guard::ReceiptsLast,
        Guard::CarriedIsNotLost,
        Guard::HiddenIsNotLost,
        Guard::OneProbe,
        Guard::Careful,
        Guard::UseBy,
        Guard::SlotUntilLanded,
        Guard::Doubt,
        Guard::GiveUpAlone,
    ];

    /// Runs `act` without this guard, on this thread.
    pub fn without<T>(guard: Option<Guard>, act: impl FnOnce() -> T) -> T {
        let before = OUT.replace(guard);
        let answer = act();
        OUT.set(before);
        answer
    }
}
