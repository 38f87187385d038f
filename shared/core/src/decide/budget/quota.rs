//! Quotas: so many requests until a reset, however they are spread.

use super::ALL;
use jiff::{Timestamp, civil::Time, tz::TimeZone};

use crate::model::{Budget, EpochMs, Quota, Reset};

/// A quota without a time of reset is counted in so many parts of its window: what was used in a part is
/// free again when the whole of it has left the window.
const PARTS: EpochMs = 24;
/// A destination may reset its quota so much later than we think.
const OTHER_CLOCK_MS: EpochMs = 900_000;
/// Until then it is asked again after this.
const ASK_AGAIN_MS: EpochMs = 60_000;

/// How a quota counts at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaSpan {
    /// What is used now counts under this moment.
    pub begins_ms: EpochMs,
    /// What was used under a moment before this one counts no more.
    pub counts_from_ms: EpochMs,
    /// From the moment under which it was used, until it counts no more.
    pub lasts_ms: EpochMs,
    is_daily: bool,
}

impl QuotaSpan {
    /// The span at `now_ms`.
    pub fn at(quota: &Quota, now_ms: EpochMs) -> Self {
        match &quota.reset {
            Reset::Sliding { window_ms } => {
                let part_ms = (window_ms / PARTS).max(1);
                let begins_ms = now_ms - now_ms.rem_euclid(part_ms);
                let lasts_ms = window_ms + part_ms;
                Self { begins_ms, counts_from_ms: now_ms - lasts_ms + 1, lasts_ms, is_daily: false }
            }
            Reset::Daily { zone, minute } => {
                let (begins_ms, ends_ms) = day(zone, *minute, now_ms);
                let lasts_ms = ends_ms - begins_ms;
                Self { begins_ms, counts_from_ms: begins_ms, lasts_ms, is_daily: true }
            }
        }
    }
}

impl QuotaSpan {
    /// When all of it is reset at once, if ever.
    pub fn ends_ms(&self) -> Option<EpochMs> {
        self.is_daily.then_some(self.begins_ms + self.lasts_ms)
    }
}

/// The day at that moment, from reset to reset.
fn day(zone: &str, minute: u16, now_ms: EpochMs) -> (EpochMs, EpochMs) {
    // The flow file's check knows the zone; should this machine not, UTC has days too.
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let [hour, minute] = [minute / 60, minute % 60].map(|part| i8::try_from(part).unwrap_or(0));
    let at = Time::new(hour, minute, 0, 0).unwrap_or_default();
    let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let today = now.to_zoned(zone.clone()).date();
    let reset_on = |date: jiff::civil::Date| {
        // A reset that the clocks leap over comes with the leap.
        let zoned = date.to_datetime(at).to_zoned(zone.clone());
        zoned.map_or(now_ms, |zoned| zoned.timestamp().as_millisecond())
    };
    let todays_ms = reset_on(today);
    let other = |days: i8| {
        let date = if days > 0 { today.tomorrow() } else { today.yesterday() };
        date.map_or(now_ms, reset_on)
    };
    if todays_ms <= now_ms { (todays_ms, other(1)) } else { (other(-1), todays_ms) }
}

impl Budget {
    /// What is left of a quota; with when there is more, where nothing is.
    pub(super) fn left_of(&self, quota: &Quota, now_ms: EpochMs) -> Result<u64, EpochMs> {
        let span = QuotaSpan::at(quota, now_ms);
        let used = self.used.get(&quota.name()).map(Vec::as_slice).unwrap_or_default();
        let counts = || used.iter().filter(|(begins_ms, _)| *begins_ms >= span.counts_from_ms);
        let sum: u64 = counts().map(|(_, used)| used).sum();
        match quota.count.checked_sub(sum) {
            Some(left) if left > 0 => Ok(left),
            _ => {
                let oldest_ms = counts().map(|(begins_ms, _)| *begins_ms).min();
                Err(oldest_ms.unwrap_or(span.begins_ms) + span.lasts_ms)
            }
        }
    }

    /// Counts so many as used at `at_ms`, and forgets what counts no more at `now_ms`.
    pub(super) fn spend(&mut self, quota: &Quota, now_ms: EpochMs, at_ms: EpochMs, requests: u64) {
        let counts_from_ms = QuotaSpan::at(quota, now_ms).counts_from_ms;
        let begins_ms = QuotaSpan::at(quota, at_ms).begins_ms;
        let used = self.used.entry(quota.name()).or_default();
        used.retain(|(begins_ms, _)| *begins_ms >= counts_from_ms);
        match used.iter_mut().find(|it| it.0 == begins_ms) {
            Some((_, used)) => *used += requests,
            None => used.push((begins_ms, requests)),
        }
    }

    /// Gives back what was leased under `at_ms` and not used, as far as that still counts.
    pub(super) fn unspend(&mut self, quota: &Quota, at_ms: EpochMs, requests: u64) {
        let begins_ms = QuotaSpan::at(quota, at_ms).begins_ms;
        let used = self.used.get_mut(&quota.name());
        if let Some((_, used)) = used.and_then(|used| used.iter_mut().find(|it| it.0 == begins_ms))
        {
            *used = used.saturating_sub(requests);
        }
    }

    /// The destination says that a quota is used up, whatever we counted, and perhaps until when.
    /// Answers with when there is more, where it says so or the flow knows a quota.
    pub fn use_up(
        &mut self,
        quotas: &[Quota],
        asked_until_ms: Option<EpochMs>,
        now_ms: EpochMs,
    ) -> Option<EpochMs> {
        if let Some(until_ms) = asked_until_ms {
            self.open(ALL, until_ms, 0);
            return Some(until_ms);
        }
        // The shortest of several: should another be meant, the next answer says so again.
        let reset_ms = |quota: &Quota| {
            let span = QuotaSpan::at(quota, now_ms);
            span.begins_ms + span.lasts_ms
        };
        let quota = quotas.iter().min_by_key(|quota| reset_ms(quota))?;
        let span = QuotaSpan::at(quota, now_ms);
        if span.is_daily && now_ms - span.begins_ms < OTHER_CLOCK_MS {
            // Its day is hardly used up already: it has not begun there.
            let until_ms = now_ms + ASK_AGAIN_MS;
            self.open(ALL, until_ms, 0);
            return Some(until_ms);
        }
        if let Ok(left) = self.left_of(quota, now_ms) {
            self.spend(quota, now_ms, now_ms, left);
        }
        self.left_of(quota, now_ms).err()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(text: &str) -> EpochMs {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn daily(zone: &str, minute: u16) -> Quota {
        Quota { count: 1_000, reset: Reset::Daily { zone: zone.into(), minute } }
    }

    #[test]
    fn a_day_begins_at_its_zones_reset_also_when_clocks_change() {
        for (zone, minute, now, begins, ends) in [
            ("UTC", 0, "2026-11-21T12:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
            (
                "America/Chicago",
                0,
                "2026-11-21T05:59:59Z",
                "2026-11-20T06:00:00Z",
                "2026-11-21T06:00:00Z",
            ),
            (
                "America/Chicago",
                0,
                "2026-11-21T06:00:00Z",
                "2026-11-21T06:00:00Z",
                "2026-11-22T06:00:00Z",
            ),
            // Clocks go back: the day has 25 hours.
            (
                "America/Chicago",
                0,
                "2026-11-01T12:00:00Z",
                "2026-11-01T05:00:00Z",
                "2026-11-02T06:00:00Z",
            ),
            // The reset lies in the hour that clocks leap over.
            (
                "Europe/Berlin",
                150,
                "2026-03-29T12:00:00Z",
                "2026-03-29T01:30:00Z",
                "2026-03-30T00:30:00Z",
            ),
            (
                "no/where",
                60,
                "2026-11-21T00:30:00Z",
                "2026-11-20T01:00:00Z",
                "2026-11-21T01:00:00Z",
            ),
        ] {
            let span = QuotaSpan::at(&daily(zone, minute), ms(now));
            assert_eq!(
                (span.begins_ms, span.begins_ms + span.lasts_ms),
                (ms(begins), ms(ends)),
                "{zone} {now}"
            );
        }
    }

    #[test]
    fn what_is_used_up_is_there_again_at_the_reset() {
        let (quota, now_ms) = (daily("UTC", 0), ms("2026-11-21T12:00:00Z"));
        let mut budget = Budget::default();
        budget.spend(&quota, now_ms, now_ms, 400);
        assert_eq!(budget.left_of(&quota, now_ms), Ok(600));
        budget.spend(&quota, now_ms, now_ms, 600);
        let reset_ms = ms("2026-11-22T00:00:00Z");
        assert_eq!(budget.left_of(&quota, now_ms), Err(reset_ms));
        assert_eq!(budget.left_of(&quota, reset_ms - 1), Err(reset_ms));
        assert_eq!(budget.left_of(&quota, reset_ms), Ok(1_000));
        budget.unspend(&quota, now_ms, 10);
        assert_eq!(budget.left_of(&quota, now_ms), Ok(10));
        assert_eq!(budget.use_up(std::slice::from_ref(&quota), None, now_ms), Some(reset_ms));
        assert_eq!(budget.left_of(&quota, now_ms), Err(reset_ms));
    }

    /// Seconds after our midnight the destination still refused, and the whole new day was given up.
    #[test]
    fn repro_a_quota_that_is_reset_a_little_later_there_is_asked_for_again() {
        let (quota, reset_ms) = (daily("UTC", 0), ms("2026-11-22T00:00:00Z"));
        let (quotas, mut budget) = (std::slice::from_ref(&quota), Budget::default());
        assert_eq!(budget.use_up(quotas, None, reset_ms + 2_000), Some(reset_ms + 62_000));
        assert_eq!(budget.left_of(&quota, reset_ms + 62_000), Ok(1_000));
        assert_eq!(budget.circuit.open_until_ms, reset_ms + 62_000);
    }

    #[test]
    fn a_destination_that_says_until_when_is_believed() {
        let (quota, now_ms) = (daily("UTC", 0), ms("2026-11-21T12:00:00Z"));
        let mut budget = Budget::default();
        let until_ms = now_ms + 7_200_000;
        let told = budget.use_up(std::slice::from_ref(&quota), Some(until_ms), now_ms);
        assert_eq!((told, budget.circuit.open_until_ms), (Some(until_ms), until_ms));
    }

    #[test]
    fn a_quota_that_is_made_smaller_at_noon_has_been_used_all_the_same() {
        let (quota, now_ms) = (daily("UTC", 0), ms("2026-11-21T12:00:00Z"));
        let mut budget = Budget::default();
        budget.spend(&quota, now_ms, now_ms, 900);
        let smaller = Quota { count: 950, ..quota };
        assert_eq!(budget.left_of(&smaller, now_ms), Ok(50));
    }

    proptest! {
        /// However it is asked for, no window of any beginning ever holds more.
        #[test]
        fn no_sliding_window_holds_more_than_its_quota(
            asks in prop::collection::vec((0i64..3_000_000, 1u64..40, 0i64..900_000), 1..60),
        ) {
            let quota = Quota { count: 100, reset: Reset::Sliding { window_ms: 3_600_000 } };
            let (mut now_ms, mut budget, mut sent) = (7_000_000, Budget::default(), Vec::new());
            for (wait_ms, want, lasts_ms) in asks {
                now_ms += wait_ms;
                match budget.left_of(&quota, now_ms) {
                    Ok(left) => {
                        // It is used at some moment until then.
                        budget.spend(&quota, now_ms, now_ms + lasts_ms, left.min(want));
                        sent.push((now_ms + lasts_ms / 2, left.min(want)));
                    }
                    Err(until_ms) => {
                        prop_assert!(until_ms > now_ms);
                        prop_assert!(budget.left_of(&quota, until_ms).is_ok());
                    }
                }
            }
            for (start_ms, _) in &sent {
                let window = *start_ms..start_ms + 3_600_000;
                let within = sent.iter().filter(|(ms, _)| window.contains(ms));
                prop_assert!(within.map(|(_, n)| n).sum::<u64>() <= 100);
            }
        }
    }
}
