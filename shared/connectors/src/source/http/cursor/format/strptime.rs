//! `strptime`: any other, by its pattern.

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::strtime::{self, BrokenDownTime},
    tz::{Offset, TimeZone},
};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use super::timestamps::{NS_PER_S, Timestamps, local_ns};
use crate::{
    file::{Fault, Site},
    json::quote,
    value::{TextValue, text_value},
};

/// `strptime`: by a pattern as of C's strptime, by which timestamps that a request carries are written too: `%Y`
/// year, `%m` month, `%d` day, `%H` hour, `%M` minute, `%S` second, `%.f` its fraction with the dot, `%I` with `%p`
/// hour with AM or PM, `%b` Jan, `%a` Thu, `%z` +0900, `%:z` +09:00, `%s` seconds since 1970. All else stands for
/// itself, like ` UTC` at the end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Strptime(Pattern);

/// A pattern that writes what it reads: `%m/%d/%Y %H:%M`.
#[derive(Debug)]
struct Pattern {
    text: String,
    /// The least step between two texts, in ns.
    step_ns: i64,
    has_zone: bool,
}

text_value!(Pattern, "TimePattern", {
    "description": "A pattern that reads what it writes.",
    "type": "string",
    "examples": ["%m/%d/%Y %H:%M"],
});

impl TextValue for Pattern {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        Self::of(text).ok_or_else(|| {
            let message = format!("`{text}` is no pattern that reads what it writes");
            let remedy = "write year, month and day at least, like `%m/%d/%Y %H:%M`; a zone is `%z`, and \
                          one that never changes stands as it is, like ` UTC`";
            Fault::new(site.place, message, remedy)
        })
    }

    fn stand_in(_: Site) -> Self {
        Self { text: "%Y-%m-%d".into(), step_ns: 1, has_zone: false }
    }
}

impl Pattern {
    /// `None` where it cannot read what it writes.
    fn of(text: &str) -> Option<Self> {
        // In the afternoon of a two-digit day, with nothing that is nought or could be taken for another.
        let sample: DateTime = "2023-11-17T14:25:36.123456789".parse().ok()?;
        let write = |local: DateTime, offset: i8| {
            let zoned = Offset::constant(offset).to_time_zone().to_zoned(local).ok()?;
            strtime::format(text, &zoned).ok()
        };
        let written = write(sample, 0)?;
        let has_zone = write(sample, 9)? != written;
        let steps = [1, 1_000, 1_000_000, NS_PER_S, 60 * NS_PER_S, 3_600 * NS_PER_S];
        let steps = steps.into_iter().chain([86_400 * NS_PER_S]);
        let step = |step_ns: i64| {
            let later = sample.checked_add(jiff::SignedDuration::from_nanos(step_ns)).ok()?;
            (write(later, 0)? != written).then_some(step_ns)
        };
        let step_ns = steps.into_iter().find_map(step)?;
        let pattern = Self { text: text.to_owned(), step_ns, has_zone };
        let read = pattern.ns(&written, &TimeZone::UTC)?;
        let exact = TimeZone::UTC.to_timestamp(sample).ok()?.as_nanosecond();
        (read <= exact && exact - read < i128::from(step_ns)).then_some(pattern)
    }

    fn ns(&self, text: &str, zone: &TimeZone) -> Option<i128> {
        let time = BrokenDownTime::parse(&self.text, text).ok()?;
        if let Ok(moment) = time.to_timestamp() {
            return Some(moment.as_nanosecond());
        }
        let date = || Some(time.to_date().ok()?.at(0, 0, 0, 0));
        local_ns(time.to_datetime().ok().or_else(date)?, zone)
    }
}

impl Strptime {
    /// `None` for a pattern that cannot read what it writes.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        Pattern::of(pattern).map(Self)
    }
}

impl Timestamps for Strptime {
    fn name(&self) -> &'static str {
        "strptime"
    }

    fn ns(&self, text: &str, zone: &TimeZone) -> Option<i128> {
        self.0.ns(text, zone)
    }

    fn write(&self, ms: EpochMs, zone: Option<&TimeZone>) -> String {
        let text = Timestamp::from_millisecond(ms).ok().and_then(|moment| {
            let zone = zone.cloned().unwrap_or(TimeZone::UTC);
            strtime::format(&self.0.text, &moment.to_zoned(zone)).ok()
        });
        text.unwrap_or_else(|| ms.to_string())
    }

    fn json(&self, text: &str) -> String {
        quote(text)
    }

    fn check_start(&self, text: &str) -> Result<(), &'static str> {
        let is_time = self.0.ns(text, &TimeZone::UTC).is_some();
        if is_time { Ok(()) } else { Err("write it as the cursor's `strptime` pattern says") }
    }

    fn says_zone(&self, _: &str) -> bool {
        !self.may_lack_zone()
    }

    fn may_lack_zone(&self) -> bool {
        // A zone that never changes may stand in the pattern as it is.
        !self.0.has_zone
            && !self.0.text.ends_with(['Z', 'z'])
            && !self.0.text.ends_with("UTC")
            && !self.0.text.ends_with("GMT")
    }

    fn step_ns(&self) -> i64 {
        self.0.step_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(pattern: &str) -> Strptime {
        Strptime::of(pattern).unwrap_or_else(|| panic!("{pattern}"))
    }

    #[test]
    fn a_pattern_reads_and_writes() {
        for (pattern, text, step_ns) in [
            ("%m/%d/%Y %H:%M", "01/19/2023 14:00", 60 * NS_PER_S),
            ("%Y%m%d%H%M%S", "20230119140000", NS_PER_S),
            ("%Y-%m-%d %H:%M:%S UTC", "2023-01-19 14:00:00 UTC", NS_PER_S),
            ("%d.%m.%Y %I:%M:%S %p", "19.01.2023 02:00:00 PM", NS_PER_S),
            ("%Y-%m-%dT%H:%M:%S%z", "2023-01-19T14:00:00+0000", NS_PER_S),
            ("%Y-%m-%d %H:%M:%S%.f", "2023-01-19 14:00:00", 1),
            ("%s", "1674136800", NS_PER_S),
        ] {
            let format = format(pattern);
            let ns = format.read(quote(text).as_bytes(), &TimeZone::UTC).map(|moment| moment.ns);
            assert_eq!(ns, Ok(1_674_136_800_000_000_000), "{pattern}");
            assert_eq!(format.write(1_674_136_800_000, None), text, "{pattern}");
            assert_eq!(format.step_ns(), step_ns, "{pattern}");
        }
        let fine = format("%Y-%m-%d %H:%M:%S%.f");
        for (text, ns) in [("14:00:00.1234567", 123_456_700), ("14:00:00.123456789", 123_456_789)] {
            let read = fine.ns(&format!("2023-01-19 {text}"), &TimeZone::UTC);
            assert_eq!(read, Some(1_674_136_800_000_000_000 + ns), "{text}");
        }
    }

    #[test]
    fn a_date_is_its_midnight_in_the_cursors_zone() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let date = format("%d/%m/%Y");
        assert_eq!(date.ns("19/01/2023", &tokyo), Some(1_674_054_000_000_000_000));
        assert_eq!(date.write(1_674_054_000_000, Some(&tokyo)), "19/01/2023");
        assert_eq!(date.step_ns(), 86_400 * NS_PER_S);
        assert!(date.may_lack_zone());
        assert!(!format("%Y-%m-%dT%H:%M:%S%z").may_lack_zone());
        assert!(!format("%Y-%m-%d %H:%M:%S UTC").may_lack_zone());
    }

    #[test]
    fn a_pattern_that_reads_no_date_is_none() {
        for pattern in
            ["", "soon", "%H:%M", "%Y-%m", "%Q-", "%", "%d/%m/%y %Z x %q", "%I:%M %d.%m.%Y"]
        {
            assert!(Pattern::of(pattern).is_none(), "{pattern}");
        }
    }
}
