//! Adapting to the destination: fewer requests at once when it fails under load, more again when it does
//! not (adaptive concurrency: additive increase, multiplicative decrease), and a slower rate where its
//! headers say that little is left.

use super::{ALL, Terms};
use crate::model::{AdaptiveLimit, AdvertisedRate, Allowance, Budget, EpochMs};

/// Failures that come together are one.
const SLOW_EVERY_MS: EpochMs = 1_000;
/// Windows longer than this are quotas: nothing is spread over them.
const PACED_WINDOW_MS_MAX: u64 = 60_000;
/// So much of what is left is not used: others may use the same allowance.
const HEADROOM: i64 = 20;

impl Budget {
    /// The destination failed under load: half as many at once.
    pub fn halve_limit(&mut self, terms: &Terms, now_ms: EpochMs) {
        let slots = self.slots_in_all(terms);
        if self.adaptive.is_some_and(|bears| bears.since_ms + SLOW_EVERY_MS > now_ms) {
            return;
        }
        self.adaptive = Some(AdaptiveLimit { slots: (slots / 2).max(1), since_ms: now_ms });
    }

    /// An invocation came to its end without such a failure: a quarter more at once, and one at least.
    pub fn raise_limit(&mut self, terms: &Terms, now_ms: EpochMs) {
        let Some(AdaptiveLimit { slots, since_ms }) = self.adaptive else { return };
        if since_ms + SLOW_EVERY_MS > now_ms {
            return;
        }
        let slots = slots + (slots / 4).max(1);
        self.adaptive =
            (slots < terms.slots_max).then_some(AdaptiveLimit { slots, since_ms: now_ms });
    }

    /// Slots that there are in all just now.
    pub(super) fn slots_in_all(&self, terms: &Terms) -> u32 {
        self.adaptive.map_or(terms.slots_max, |bears| bears.slots.min(terms.slots_max)).max(1)
    }

    /// Records what an answer says is left: nothing, then nothing is sent until the reset; little, then what
    /// is left is spread until then. Answers whether that changes anything.
    pub fn record_allowance(
        &mut self,
        allowance: Allowance,
        terms: &Terms,
        now_ms: EpochMs,
    ) -> bool {
        self.forget(now_ms);
        let Allowance { remaining, reset_in_ms, steady_us } = allowance;
        let until_ms = now_ms.saturating_add_unsigned(reset_in_ms);
        if remaining == 0 {
            let before = self.circuit;
            self.open(ALL, until_ms, 0);
            return self.circuit != before;
        }
        // As long as several rounds of all slots fit, the limit is not near. A rolling window is used up by a burst
        // for its whole length: its rate is kept from the beginning.
        let near = steady_us.is_some() || remaining <= u64::from(terms.slots_max) * 4;
        if !near || reset_in_ms == 0 || reset_in_ms > PACED_WINDOW_MS_MAX {
            return false;
        }
        let spacing_us = steady_us.unwrap_or(reset_in_ms * 1_000 / remaining);
        let spacing_us = i64::try_from(spacing_us).unwrap_or(i64::MAX / 2);
        let spacing_us = spacing_us + spacing_us / HEADROOM;
        // A little slower or faster is not worth a write.
        if self
            .advertised
            .is_some_and(|paced| (spacing_us - paced.spacing_us).abs() * 4 < paced.spacing_us)
        {
            return false;
        }
        self.advertised = Some(AdvertisedRate { spacing_us, until_us: until_ms * 1_000 });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Circuit, FlowSettings, StreamId};

    fn terms() -> Terms {
        let settings = FlowSettings { concurrency_max: 16, ..FlowSettings::default() };
        Terms::of(&settings, &StreamId::new("flow", "default").unwrap())
    }

    #[test]
    fn failures_halve_the_concurrency_and_good_ends_bring_it_back() {
        let (terms, mut budget) = (terms(), Budget::default());
        for (now_ms, slots) in
            [(10_000, 8), (10_500, 8), (11_000, 4), (12_000, 2), (13_000, 1), (14_000, 1)]
        {
            budget.halve_limit(&terms, now_ms);
            assert_eq!(budget.slots_in_all(&terms), slots, "{now_ms}");
        }
        for (now_ms, slots) in
            [(14_500, 1), (15_000, 2), (16_000, 3), (17_000, 4), (18_000, 5), (19_000, 6)]
        {
            budget.raise_limit(&terms, now_ms);
            assert_eq!(budget.slots_in_all(&terms), slots, "{now_ms}");
        }
        for second in 20..40 {
            budget.raise_limit(&terms, second * 1_000);
        }
        assert_eq!(budget.adaptive, None);
    }

    #[test]
    fn nothing_left_opens_the_circuit_and_little_left_is_spread() {
        let (terms, mut budget) = (terms(), Budget::default());
        let left = |remaining, reset_in_ms| Allowance { remaining, reset_in_ms, steady_us: None };
        assert!(!budget.record_allowance(left(65, 10_000), &terms, 0));
        assert!(!budget.record_allowance(left(10, 3_600_000), &terms, 0));
        assert_eq!(budget, Budget::default());
        assert!(budget.record_allowance(left(10, 10_000), &terms, 0));
        assert_eq!(
            budget.advertised,
            Some(AdvertisedRate { spacing_us: 1_050_000, until_us: 10_000_000 })
        );
        assert!(!budget.record_allowance(left(9, 9_000), &terms, 1_000));
        assert!(budget.record_allowance(left(0, 3_600_000), &terms, 1_000));
        assert_eq!(
            budget.circuit,
            Circuit { open_until_ms: 3_601_000, failures: 0, probe_until_ms: 0 }
        );
    }

    #[test]
    fn a_rolling_window_that_is_nearly_used_up_keeps_its_pace() {
        let (terms, mut budget) = (terms(), Budget::default());
        let left =
            |remaining, reset_in_ms| Allowance { remaining, reset_in_ms, steady_us: Some(100_000) };
        let pace = AdvertisedRate { spacing_us: 105_000, until_us: 10_000_000 };
        // From the first answer on, long before little is left.
        assert!(budget.record_allowance(left(99, 10_000), &terms, 0));
        assert_eq!(budget.advertised, Some(pace));
        for remaining in [50, 5, 1] {
            assert!(!budget.record_allowance(left(remaining, 10_000), &terms, 1_000));
            assert_eq!(budget.advertised, Some(pace), "{remaining}");
        }
        assert!(budget.record_allowance(left(0, 1_000), &terms, 2_000));
        assert_eq!(budget.circuit.open_until_ms, 3_000);
    }
}
