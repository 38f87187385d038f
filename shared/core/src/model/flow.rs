//! What the protocol needs to know of a flow; the rest of its file is the connectors' own.

use super::{BudgetId, EpochMs, StreamId};

/// The part of a flow that the application goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowSettings {
    /// How strictly records of one entity follow each other.
    pub ordering: Ordering,
    /// Most records in a page.
    pub page_records_max: u32,
    /// Most pages emitted and not committed.
    pub window_pages_max: u64,
    /// Records younger than this are left for the next run: a late commit may still slip in before
    /// them. In ms; it takes a source that says when a record changed.
    pub settle_lag_ms: EpochMs,
    /// Most requests in flight at the destination, over all processors.
    pub concurrency_max: u32,
    /// Most requests in a window, over all processors; every one of them holds.
    pub rates: Vec<RateLimit>,
    /// Most requests until a reset, over all processors; every one of them holds.
    pub quotas: Vec<Quota>,
    /// The budget that the limits are shared through; `None` for the stream's own.
    pub budget: Option<Box<str>>,
    /// Whose turn comes first among those who share a budget.
    pub priority: Priority,
    /// What becomes of a record that may have been applied, where that is unknown.
    pub on_unknown: OnUnknown,
    /// How failures are tried again.
    pub retry: RetryPolicy,
    /// What becomes of a page whose message was received too often.
    pub dead_letters: DeadLetters,
    /// An open page that no processor held for so long has lost its message. In ms.
    pub stuck_after_ms: EpochMs,
    /// The longest that a request to the destination may take, in ms.
    pub request_timeout_ms: u64,
    /// The longest that a look-up may take, in ms.
    pub lookup_timeout_ms: u64,
    /// The longest that the destination may take to apply a request that it has accepted, in ms:
    /// what an entity's lock outlives its invocation by.
    pub landing_ms: EpochMs,
}

/// How strictly records of one entity follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ordering {
    /// Records never change: no ledger, cheapest.
    None,
    /// An older version of an entity never lands after a newer one.
    #[default]
    Entity,
    /// One page at a time, one record after the other.
    Serial,
}

/// What becomes of a page whose message was received too often without being settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeadLetters {
    /// What it still held is parked, and the watermark passes it.
    #[default]
    Park,
    /// Its letter stays, and the watermark stays before it until an operator acts; after `stuck_after_ms`
    /// the stream is read again from there.
    Block,
}

/// What a request is for: the two may go to different systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// To the destination.
    Deliver,
    /// To ask what another system knows, before records are mapped.
    LookUp,
}

/// At most `count` in any `window_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests.
    pub count: u32,
    /// In how long, in ms.
    pub window_ms: u64,
}

/// What becomes of a record whose request may have been applied, where that is unknown: it timed out, its
/// answer was lost, or the processor that sent it crashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// It is sent again: the destination is idempotent, by the key or by nature.
    #[default]
    Retry,
    /// The destination is asked whether it has it; it is sent again only if not.
    LookUp,
    /// It is parked as unknown, for an operator to look at.
    Park,
}

/// At most `count` until a reset, however they are spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Requests.
    pub count: u64,
    /// When they are there again.
    pub reset: Reset,
}

impl Quota {
    /// Its span, as its name among a budget's quotas: a stream that is allowed less of the same has used
    /// of it what all have.
    pub fn name(&self) -> Box<str> {
        match &self.reset {
            Reset::Sliding { window_ms } => format!("{window_ms}").into(),
            Reset::Daily { zone, minute } => format!("{zone}@{minute}").into(),
        }
    }
}

/// When a quota is there again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reset {
    /// In any span of this length.
    Sliding {
        /// The span, in ms.
        window_ms: EpochMs,
    },
    /// Every day.
    Daily {
        /// An IANA time zone.
        zone: Box<str>,
        /// Minutes after midnight there.
        minute: u16,
    },
}

/// Whose turn comes first among those who share a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A caller waits for it: webhooks.
    High,
    /// Scheduled runs.
    #[default]
    Normal,
    /// Whatever is left is enough: back-fills.
    Low,
}

/// A longer window is a quota: spreading a day's allowance evenly would idle through a quiet morning.
const PACED_WINDOW_MS_MAX: u64 = 60_000;

impl RateLimit {
    /// Whether its window is so long that nothing is spread over it.
    pub fn is_quota(&self) -> bool {
        self.window_ms > PACED_WINDOW_MS_MAX
    }

    /// The same, as a quota of any span of its window.
    pub fn into_quota(self) -> Quota {
        let window_ms = EpochMs::try_from(self.window_ms).unwrap_or(EpochMs::MAX);
        Quota { count: self.count.into(), reset: Reset::Sliding { window_ms } }
    }
}

/// How a failed delivery is tried again: with exponentially growing, capped waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries that settle nothing before a record is parked, if others get through meanwhile.
    pub attempts_max: u32,
    /// Records that may be refused in a row, and none taken, before nothing more is sent; 0 for any number.
    pub refused_max: u32,
    /// The first wait, in ms.
    pub base_ms: u64,
    /// The longest wait, in ms.
    pub cap_ms: u64,
}

impl FlowSettings {
    /// The budget that a stream sends under.
    pub fn budget_of(&self, stream: &StreamId) -> BudgetId {
        match &self.budget {
            None => BudgetId::of_stream(stream),
            Some(name) => BudgetId::shared(name),
        }
    }

    /// Whether no record may overtake another.
    pub fn is_serial(&self) -> bool {
        self.ordering == Ordering::Serial
    }

    /// Most pages emitted and not committed: one alone where the order is serial.
    pub fn window_pages(&self) -> u64 {
        match self.ordering {
            Ordering::Serial => 1,
            Ordering::None | Ordering::Entity => self.window_pages_max.max(1),
        }
    }

    /// The longest that a request may take, in ms.
    pub fn timeout_ms(&self, kind: RequestKind) -> u64 {
        match kind {
            RequestKind::Deliver => self.request_timeout_ms,
            RequestKind::LookUp => self.lookup_timeout_ms,
        }
    }

    /// One processor's share of the requests in flight; at least one, for a share of none would
    /// never finish.
    pub fn concurrency_share(&self, processors: u32) -> u32 {
        (self.concurrency_max / processors.max(1)).max(1)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts_max: 20, refused_max: 100, base_ms: 1_000, cap_ms: 600_000 }
    }
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            ordering: Ordering::default(),
            page_records_max: 100,
            window_pages_max: 100,
            settle_lag_ms: 0,
            concurrency_max: 10,
            rates: Vec::new(),
            quotas: Vec::new(),
            budget: None,
            priority: Priority::default(),
            on_unknown: OnUnknown::default(),
            retry: RetryPolicy::default(),
            dead_letters: DeadLetters::default(),
            stuck_after_ms: 3_600_000,
            request_timeout_ms: 30_000,
            lookup_timeout_ms: 30_000,
            landing_ms: 30_000,
        }
    }
}
