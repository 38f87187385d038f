//! How far apart the timestamps of a list are, as far as they were seen: a record may join a moment that was
//! read already for as long as that moment lasts.

use jiff::{Timestamp, tz::TimeZone};

const NS_PER_S: i64 = 1_000_000_000;
/// Steps that clocks and columns are cut to, the longest first, and what they are called.
const STEPS: [(i64, &str); 5] = [
    (86_400 * NS_PER_S, "whole days"),
    (3_600 * NS_PER_S, "whole hours"),
    (60 * NS_PER_S, "whole minutes"),
    (NS_PER_S, "whole seconds"),
    (1, "fractions of a second"),
];
/// Beside the step itself: a record is seen a moment after its time was taken, and clocks differ.
const MARGIN_NS: i64 = NS_PER_S;

/// The longest step of which all timestamps seen are multiples.
#[derive(Debug, Clone)]
pub(crate) struct Resolution {
    zone: TimeZone,
    /// Index in [`STEPS`]; `None` before the first timestamp.
    step: Option<usize>,
}

impl Resolution {
    /// Nothing was seen yet. Days and hours are those of a zone.
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self { zone, step: None }
    }

    /// Takes a timestamp into account.
    pub(crate) fn see(&mut self, ns: i64) {
        let mut step = self.step.unwrap_or(0);
        let finest = STEPS.len() - 1;
        if step == finest {
            return;
        }
        let ns = self.on_clock(ns);
        while step < finest && ns.rem_euclid(STEPS[step].0) != 0 {
            step += 1;
        }
        self.step = Some(step);
    }

    /// For how long after a moment a record of that moment may appear, in ns.
    pub(crate) fn lag_ns(&self) -> i64 {
        self.step.map_or(0, |step| STEPS[step].0.saturating_add(MARGIN_NS))
    }

    /// What the timestamps are, for a sentence.
    pub(crate) fn name(&self) -> &'static str {
        self.step.map_or("unknown", |step| STEPS[step].1)
    }

    fn on_clock(&self, ns: i64) -> i64 {
        let moment = Timestamp::from_nanosecond(i128::from(ns));
        let offset = moment.map_or(0, |moment| self.zone.to_offset(moment).seconds());
        ns.saturating_add(i64::from(offset) * NS_PER_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finest_timestamp_says_how_long_a_moment_lasts() {
        let mut seen = Resolution::new(TimeZone::UTC);
        assert_eq!(seen.lag_ns(), 0);
        for (ns, name, lag_s) in [
            (86_400 * NS_PER_S, "whole days", 86_401),
            (-7_200 * NS_PER_S, "whole hours", 3_601),
            (60 * NS_PER_S, "whole minutes", 61),
            (86_400 * NS_PER_S, "whole minutes", 61),
            (61 * NS_PER_S, "whole seconds", 2),
            (5_000_000, "fractions of a second", 1),
            (60 * NS_PER_S, "fractions of a second", 1),
        ] {
            seen.see(ns);
            assert_eq!(
                (seen.name(), seen.lag_ns()),
                (name, seen.lag_ns().min(lag_s * NS_PER_S + 1))
            );
        }
    }

    #[test]
    fn a_day_begins_at_the_midnight_of_its_zone() {
        let mut seen = Resolution::new(TimeZone::get("Asia/Tokyo").unwrap());
        seen.see(15 * 3_600 * NS_PER_S);
        assert_eq!(seen.name(), "whole days");
    }
}
