//! The budget that a source's requests keep to, together with all who share it: its rate, its quotas, how
//! many may be in flight, and what its answers say of all that.
//!
//! A destination's budget is the application's, which knows what else there is to do. A source's requests
//! follow from each other, and so each asks here before it is sent. It never waits for long: a request for
//! which there is no leave now is given up, with when there will be.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;
use tidegate_core::{
    decide::{ALL, Rate, Terms},
    model::{
        Allowance, Ask, Blame, Budget, BudgetId, EpochMs, FlowSettings, Later, Leased, Stored,
        StoredKey, Wait, WaitOn,
    },
    ports::{KeyValueStore, Random, SourceError, Swap, Unavailable},
};
use tokio::time::{Instant, sleep};

use crate::{Now, Options, flow::Limits};

/// The longest wait for a send slot that a request makes by itself, in ms: so slow a rate is kept within a
/// run, and a longer wait ends it.
const PACE_MS_MAX: EpochMs = 10_000;
/// A send slot of a rate that only answers ask for may be used so late, in µs.
const LATE_US_MIN: i64 = 10_000;
/// Send slots that a busy machine may miss before it gives up.
const SLOTS_MISSED_MAX: u32 = 10;
/// Others may change the budget between a read and the change that it led to.
const TRIES: u32 = 60;
/// After so many of them in a row, the writer pauses for a moment.
const TRIES_AT_ONCE: u32 = 3;
/// A request whose time is not bounded counts as in flight for so long at the most, in ms.
const HELD_MS_MAX: EpochMs = 300_000;
/// How long to wait where the table gave no answer, in ms.
const AGAIN_MS: u64 = 1_000;

/// The budget of a section's requests, in the table.
pub(crate) struct RequestBudget {
    shelf: Arc<dyn KeyValueStore>,
    now: Now,
    random: Arc<dyn Random>,
    key: StoredKey,
    terms: Terms,
    rate: Option<Rate>,
    /// Whether requests in flight are counted, and not only those that are sent.
    counts_in_flight: bool,
    requests: AtomicU64,
    seen: Mutex<Option<Stored>>,
}

/// Leave for one request.
pub(crate) struct Leave {
    /// Unlike any other request's.
    owner: Box<str>,
}

/// There is no leave for a request now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// What for, and until when: one line, without secrets.
    pub(crate) reason: String,
    /// So long, in ms.
    pub(crate) after_ms: u64,
}

impl RequestBudget {
    /// Of these limits. `section` names the budget where neither they nor the stream do.
    pub(crate) fn new(limits: &Limits, section: &str, options: &Options) -> Self {
        let mut settings = FlowSettings::default();
        limits.settle(&mut settings);
        let own = || match &options.stream {
            Some(stream) => BudgetId::of_source(&stream.to_string()),
            None => BudgetId::of_source(section),
        };
        let id = settings.budget.as_deref().map_or_else(own, BudgetId::shared);
        let stream = options.stream.as_ref().filter(|_| settings.budget.is_some());
        Self {
            shelf: options.shelf.clone(),
            now: options.now.clone(),
            random: options.random.clone(),
            key: id.key(),
            rate: Rate::within(&settings.rates),
            counts_in_flight: limits.limits_concurrency(),
            terms: Terms::shared_by(&settings, stream),
            requests: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    /// Waits for leave to send a request that is over at `until` at the latest.
    ///
    /// # Errors
    /// There is none to be had soon.
    pub(crate) async fn leave(&self, until: Instant) -> Result<Leave, Held> {
        for _ in 0..SLOTS_MISSED_MAX {
            let owner = self.unique();
            let leased = self.lease(&owner, until).await?;
            let early_us = leased.first_us - self.now_us();
            if let Ok(early_us @ 1..) = u64::try_from(early_us) {
                tracing::debug!(early_us, "the source's rate is kept");
                sleep(Duration::from_micros(early_us)).await;
            }
            if self.now_us() <= self.expires_us(leased) {
                return Ok(Leave { owner });
            }
            self.give_back(&owner, leased).await;
        }
        let now_ms = (self.now)();
        Err(self.held(Wait { on: WaitOn::Rate, until_ms: now_ms + 1 }, now_ms))
    }

    /// The request is over. `allowance` is what its answer says is left.
    pub(crate) async fn ended(&self, leave: Leave, allowance: Option<Allowance>) {
        let note = |budget: &mut Budget| match allowance {
            Some(allowance) => budget.record_allowance(allowance, &self.terms, (self.now)()),
            None => false,
        };
        // Most answers say nothing new: that is seen without asking.
        if !note(&mut self.seen()) && !self.counts_in_flight {
            return;
        }
        let ended = |budget: &mut Budget| {
            budget.release(&self.terms, &leave.owner, None, &[]);
            note(budget);
        };
        self.try_change(ended).await;
    }

    /// The source asks to be left in peace for so long, by all who share the budget.
    pub(crate) async fn hold_back(&self, wait_ms: u64) {
        let until_ms = (self.now)().saturating_add_unsigned(wait_ms);
        self.try_change(|budget| budget.open(ALL, until_ms, 0)).await;
    }

    async fn lease(&self, owner: &str, until: Instant) -> Result<Leased, Held> {
        let left = until.saturating_duration_since(Instant::now());
        let left_ms = EpochMs::try_from(left.as_millis()).unwrap_or(EpochMs::MAX);
        let lease = |budget: &mut Budget| {
            let now_ms = (self.now)();
            let ask = Ask {
                owner,
                now_us: now_ms * 1_000,
                spacing_us: self.rate.map_or(0, |rate| rate.spacing_us),
                uses_late: false,
                want: 1,
                until_us: (now_ms + left_ms.min(PACE_MS_MAX)) * 1_000,
                slots: 1,
                slots_needed: 1,
                slots_busy: 0,
                slots_until_ms: now_ms.saturating_add(left_ms).min(now_ms + HELD_MS_MAX),
                done_ms: 0,
                mean_us: 0,
                is_probe: false,
            };
            let grant = budget.lease(&self.terms, &ask);
            if !self.counts_in_flight {
                budget.release(&self.terms, owner, None, &[]);
            }
            grant
        };
        match self.change(lease).await {
            Ok(grant) => match grant.wait {
                Some(wait) => Err(self.held(wait, (self.now)())),
                None => Ok(grant.leased),
            },
            Err(error) => {
                let reason = format!("the table that keeps the source's budget: {error}");
                Err(Held { reason, after_ms: AGAIN_MS })
            }
        }
    }

    /// Until when a send slot may be used.
    fn expires_us(&self, leased: Leased) -> i64 {
        if leased.spacing_us == 0 {
            return leased.until_us;
        }
        let late_us = self.rate.map_or(leased.spacing_us / 4, |rate| rate.lateness_us);
        leased.first_us + late_us.max(LATE_US_MIN)
    }

    /// A send slot that was missed is not used up.
    async fn give_back(&self, owner: &str, leased: Leased) {
        let unused = [(leased.until_us / 1_000, 1)];
        self.try_change(|budget| budget.release(&self.terms, owner, None, &unused)).await;
    }

    fn held(&self, Wait { on, until_ms }: Wait, now_ms: EpochMs) -> Held {
        let what = match on {
            WaitOn::Rate => "its rate permits no request",
            WaitOn::Quota => "its quota is used up",
            WaitOn::Concurrency => "as many requests as it permits are in flight, at least",
            WaitOn::Circuit => "it asked for none",
        };
        let moment = Timestamp::from_millisecond(until_ms).unwrap_or_default();
        let reason = format!("by the source's limits, {what} until {moment}");
        Held { reason, after_ms: u64::try_from(until_ms - now_ms).unwrap_or(0) }
    }

    /// As [`Self::change`]; should it fail, the others find out for themselves.
    async fn try_change(&self, act: impl Fn(&mut Budget)) {
        if let Err(error) = self.change(act).await {
            tracing::debug!(%error, "the source's budget was not changed");
        }
    }

    /// Changes the budget: `act` is shown it as it stands, until the change is made on just that.
    async fn change<T>(&self, act: impl Fn(&mut Budget) -> T) -> Result<T, Unavailable> {
        let mut seen = self.kept();
        for tried in 1..=TRIES {
            let now_ms = (self.now)();
            let mut budget = Budget::read(seen.as_ref());
            budget.forget(now_ms);
            let answer = act(&mut budget);
            budget.by = self.unique();
            let new = budget.to_stored(now_ms);
            match self.shelf.compare_and_swap(&self.key, seen.as_ref(), &new).await? {
                Swap::Done => {
                    self.remember(Some(new));
                    return Ok(answer);
                }
                Swap::Stands(stands) => seen = stands,
            }
            self.remember(seen.clone());
            if tried > TRIES_AT_ONCE {
                sleep(Duration::from_millis(1 + self.random.next_u64() % u64::from(tried))).await;
            }
        }
        Err(Unavailable(format!("{} is never as it was seen", self.key.as_str())))
    }

    /// As it was last read.
    fn seen(&self) -> Budget {
        Budget::read(self.kept().as_ref())
    }

    fn kept(&self) -> Option<Stored> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, kept: Option<Stored>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// A name unlike any other.
    fn unique(&self) -> Box<str> {
        let number = self.requests.fetch_add(1, Relaxed);
        format!("{:016x}.{number}", self.random.next_u64()).into()
    }

    fn now_us(&self) -> i64 {
        (self.now)() * 1_000
    }
}

impl From<Held> for SourceError {
    fn from(Held { reason, after_ms }: Held) -> Self {
        Self::Later { reason, after_ms: Some(after_ms) }
    }
}

impl From<Held> for Later {
    /// Nothing was sent.
    fn from(Held { reason, after_ms }: Held) -> Self {
        let blame = Blame::NotAttempted;
        Self { blame, after_ms: Some(after_ms), unknown: false, reason: reason.into() }
    }
}
