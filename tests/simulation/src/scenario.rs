//! The kinds of streams that are simulated, each biased towards one kind of trouble.

use tidegate_core::model::{EpochMs, Ordering};

/// What a run is like. A seed picks its scenario by its remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Records never change; no ledger.
    Imports,
    /// Records change and are deleted while older versions are under way.
    Updates,
    /// One page at a time.
    Serial,
    /// Fetchers sleep far beyond their lease and wake again.
    Zombies,
    /// Processors pause for most of their lifetime, at any await.
    Pauses,
    /// Whole minutes as timestamps: ties longer than a page.
    Ties,
    /// The source is a log: it gives every state of a row, one after the other.
    Log,
    /// Requests land as late as they may, and nobody hears of it.
    LateLandings,
    /// Requests land however late; the destination takes no older version for a newer one.
    Conditional,
    /// Records that kill whoever handles them.
    Killers,
    /// Somebody pauses, resumes, rewinds and replays meanwhile.
    Operators,
    /// Many rewinds, and fetchers that sleep through them.
    Rewinds,
    /// What is sent twice is applied twice: unknown outcomes are looked up, or parked.
    Charges,
    /// A laptop: everything is killed at once, again and again, and the process that comes next knows it. The
    /// source is a log, and requests land slowly.
    Restarts,
}

impl Scenario {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Imports,
        Self::Updates,
        Self::Serial,
        Self::Zombies,
        Self::Pauses,
        Self::Ties,
        Self::Log,
        Self::LateLandings,
        Self::Conditional,
        Self::Killers,
        Self::Operators,
        Self::Rewinds,
        Self::Charges,
        Self::Restarts,
    ];

    /// The scenario of a seed.
    pub fn of(seed: u64) -> Self {
        Self::ALL[(seed % Self::ALL.len() as u64) as usize]
    }

    pub(crate) fn ordering(self) -> Ordering {
        match self {
            Self::Imports => Ordering::None,
            Self::Serial => Ordering::Serial,
            _ => Ordering::Entity,
        }
    }

    /// Records change, and are deleted.
    pub(crate) fn changes(self) -> bool {
        !matches!(self, Self::Imports | Self::Charges)
    }

    /// A sandbox was frozen, and wakes long after its lease.
    pub(crate) fn fetchers_oversleep(self) -> bool {
        matches!(self, Self::Zombies | Self::Rewinds)
    }

    pub(crate) fn processors_pause(self) -> bool {
        matches!(self, Self::Pauses | Self::LateLandings | Self::Charges)
    }

    /// The source gives every state of a row, one after the other.
    pub(crate) fn is_log(self) -> bool {
        matches!(self, Self::Log | Self::Restarts)
    }

    /// All actors are one process, which is killed at times.
    pub(crate) fn restarts(self) -> bool {
        self == Self::Restarts
    }

    /// Timestamps are multiples of this, in ms.
    pub(crate) fn tick_ms(self) -> EpochMs {
        if self == Self::Ties { 60_000 } else { 1_000 }
    }

    pub(crate) fn has_operators(self) -> bool {
        matches!(self, Self::Killers | Self::Operators | Self::Rewinds | Self::Charges)
    }

    /// The source says how far it was read, beyond the last record.
    pub(crate) fn reaches(self) -> bool {
        matches!(
            self,
            Self::Updates | Self::Serial | Self::Zombies | Self::Operators | Self::Rewinds
        )
    }

    /// What was delivered is marked at the source.
    pub(crate) fn marks(self) -> bool {
        matches!(self, Self::Imports | Self::Charges)
    }

    /// The destination refuses what is older than what it has.
    pub(crate) fn is_conditional(self) -> bool {
        self == Self::Conditional
    }
}
