//! The circuit breaker before a destination, as one invocation sees it. Pure: it asks no port.
//!
//! The circuit is kept in the budget, for all who share it. A failing destination is left in peace but for
//! one probe at a time.

use super::answer::speaks_of_all;
use crate::{
    decide::{ALL, backoff_ms, ms_until},
    model::{Blame, Budget, Circuit, EpochMs, Later, RetryPolicy},
};

/// So many failures in a row, without a success between, speak of the destination.
const FAILURES_IN_A_ROW: u32 = 5;
/// After so many successes a failure among requests in flight speaks of load.
const SUCCESSES_UNDER_LOAD: u32 = 10;
/// The shortest time from one probe of a failing destination to the next, in ms.
pub(super) const PROBE_EVERY_MS: u64 = 1_000;
/// The longest, unless the destination asks for more: how late a recovery may be noticed.
const PROBE_EVERY_MS_MAX: u64 = 30_000;

/// Whether requests may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    /// One request is out to see whether the destination is back.
    HalfOpen,
    /// Nothing more in this invocation; messages come back after so many ms.
    Open {
        wait_ms: u64,
    },
}

/// The breaker of one invocation.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// Whose circuit it goes by: that of all who share the budget, or the stream's own.
    whose: Box<str>,
    /// That circuit, as it was seen.
    seen: Circuit,
    /// Our probe is out until then.
    probe_until_ms: EpochMs,
    failures_in_a_row: u32,
    successes: u32,
}

impl Breaker {
    /// Of an invocation that has just read the budget.
    pub fn new(budget: &Budget, stream: &str, now_ms: EpochMs) -> Self {
        let own =
            budget.circuit.wait_until_ms(now_ms).is_none() && budget.refused.contains_key(stream);
        let whose = if own { stream } else { ALL };
        Self {
            state: State::Closed,
            whose: whose.into(),
            seen: budget.circuit_of(whose),
            probe_until_ms: 0,
            failures_in_a_row: 0,
            successes: 0,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    pub fn is_half_open(&self) -> bool {
        self.state == State::HalfOpen
    }

    /// Whose circuit it goes by, and that circuit as it was seen.
    pub fn circuit(&self) -> (&str, Circuit) {
        (&self.whose, self.seen)
    }

    /// Our probe: of whose circuit, and until when it is out.
    pub fn probe(&self) -> (&str, EpochMs) {
        (&self.whose, self.probe_until_ms)
    }

    /// Opens at once where the circuit is open. Where it has failed and waits for a probe, answers until
    /// when one that takes `probe_ms` would be out.
    pub fn try_enter(&mut self, now_ms: EpochMs, probe_ms: u64) -> Option<EpochMs> {
        if self.seen.open_until_ms > now_ms {
            self.state = State::Open { wait_ms: ms_until(now_ms, self.seen.open_until_ms) };
            return None;
        }
        let probes = self.seen.failures > 0;
        probes.then(|| now_ms.saturating_add_unsigned(probe_ms.max(PROBE_EVERY_MS)))
    }

    /// The probe is ours until then, or another invocation's.
    pub fn probe_taken(&mut self, is_ours: bool, until_ms: EpochMs) {
        if is_ours {
            self.probe_until_ms = until_ms;
            self.state = State::HalfOpen;
        } else {
            self.state = State::Open { wait_ms: PROBE_EVERY_MS };
        }
    }

    /// A request was answered. Answers whether that was our probe.
    pub fn succeeded(&mut self) -> bool {
        self.failures_in_a_row = 0;
        self.successes += 1;
        self.is_half_open()
    }

    /// A request failed. Answers whether that speaks of load: some of many fail, and the destination is not
    /// down, it only takes no more at once.
    pub fn failed(&mut self, worst: &Later, others_are_in_flight: bool) -> bool {
        self.failures_in_a_row += 1;
        self.state == State::Closed
            && others_are_in_flight
            && self.successes >= SUCCESSES_UNDER_LOAD
            && self.failures_in_a_row < FAILURES_IN_A_ROW
            && (worst.blame == Blame::Destination || worst.unknown)
    }

    /// Whether this failure opens the circuit.
    pub fn opens_by(&self, worst: &Later) -> bool {
        speaks_of_all(worst) || self.failures_in_a_row >= FAILURES_IN_A_ROW || self.is_half_open()
    }

    /// Failures in a row of the circuit that it goes by, with one more.
    pub fn failures_with_this(&self) -> u32 {
        self.seen.failures + 1
    }

    /// Turns to another circuit.
    pub fn select(&mut self, whose: &str, budget: impl FnOnce() -> Budget) {
        if *self.whose != *whose {
            self.seen = budget().circuit_of(whose);
            self.whose = whose.into();
        }
    }

    /// Opens. Answers whether it was not open before: requests that were in flight together fail together,
    /// and that is one failure.
    pub fn open(&mut self, wait_ms: u64) -> bool {
        if let State::Open { wait_ms: already_ms } = self.state {
            self.state = State::Open { wait_ms: already_ms.max(wait_ms) };
            return false;
        }
        self.state = State::Open { wait_ms };
        true
    }

    /// Our probe got through: it closes, and goes by the circuit of all. Answers whose circuit was probed.
    pub fn close(&mut self) -> Box<str> {
        self.state = State::Closed;
        std::mem::replace(&mut self.whose, ALL.into())
    }

    /// That circuit, as it is now.
    pub fn saw(&mut self, circuit: Circuit) {
        self.seen = circuit;
    }
}

/// After so many failures in a row, the next probe comes after this, in ms.
pub(super) fn probe_in_ms(failures: u32) -> u64 {
    let policy = RetryPolicy {
        base_ms: PROBE_EVERY_MS,
        cap_ms: PROBE_EVERY_MS_MAX,
        ..RetryPolicy::default()
    };
    backoff_ms(&policy, failures.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(blame: Blame) -> Later {
        Later { blame, after_ms: None, unknown: false, reason: "500".into() }
    }

    fn closed() -> Breaker {
        Breaker::new(&Budget::default(), "orders/shop", 0)
    }

    #[test]
    fn one_failure_that_speaks_of_all_opens_and_others_only_in_a_row() {
        let (mut breaker, request) = (closed(), failure(Blame::Request));
        for failures in 1..=FAILURES_IN_A_ROW {
            breaker.failed(&request, false);
            assert_eq!(breaker.opens_by(&request), failures == FAILURES_IN_A_ROW);
        }
        breaker.succeeded();
        breaker.failed(&request, false);
        assert!(!breaker.opens_by(&request));
        assert!(breaker.opens_by(&failure(Blame::Destination)));
    }

    #[test]
    fn a_failure_among_many_that_got_through_speaks_of_load() {
        let (mut breaker, down) = (closed(), failure(Blame::Destination));
        assert!(!breaker.failed(&down, true), "nothing got through yet");
        for _ in 0..SUCCESSES_UNDER_LOAD {
            breaker.succeeded();
        }
        assert!(!breaker.failed(&down, false), "no other is in flight");
        assert!(breaker.failed(&down, true));
        assert!(!breaker.failed(&failure(Blame::Request), true));
    }

    #[test]
    fn an_open_circuit_lets_nothing_through_and_a_failed_one_a_probe() {
        let mut budget = Budget::default();
        budget.open(ALL, 5_000, 2);
        let mut breaker = Breaker::new(&budget, "", 1_000);
        assert_eq!(breaker.try_enter(1_000, 200), None);
        assert_eq!(breaker.state(), State::Open { wait_ms: 4_000 });
        let mut breaker = Breaker::new(&budget, "", 5_000);
        assert_eq!(breaker.try_enter(5_000, 200), Some(6_000));
        breaker.probe_taken(false, 6_000);
        assert_eq!(breaker.state(), State::Open { wait_ms: PROBE_EVERY_MS });
        breaker.probe_taken(true, 6_000);
        assert!(breaker.is_half_open() && breaker.opens_by(&failure(Blame::Request)));
    }

    #[test]
    fn what_fails_together_opens_once_and_waits_the_longer_time() {
        let mut breaker = closed();
        assert!(breaker.open(1_000));
        assert!(!breaker.open(3_000) && !breaker.open(2_000));
        assert_eq!(breaker.state(), State::Open { wait_ms: 3_000 });
    }

    #[test]
    fn probes_are_sent_less_and_less_often_up_to_half_a_minute() {
        let waits: Vec<u64> = [1, 2, 5, 6, 60].map(probe_in_ms).into();
        assert_eq!(waits, [1_000, 2_000, 16_000, 30_000, 30_000]);
    }
}
