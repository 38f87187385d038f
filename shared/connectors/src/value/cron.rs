//! When a schedule comes next, as EventBridge Scheduler reads it: in UTC.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use tidegate_core::model::EpochMs;

/// A schedule that does not come within so many days never does.
const DAYS_MAX: usize = 1_500;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// From 1, which is Sunday.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The first moment after `now_ms` at which a checked schedule comes; `None` for one that never does.
pub fn next_run_ms(schedule: &str, now_ms: EpochMs) -> Option<EpochMs> {
    let inner = |kind: &str| schedule.strip_prefix(kind)?.strip_suffix(')');
    if let Some(rate) = inner("rate(") {
        let (number, unit) = rate.split_once(' ')?;
        let unit_ms = match unit.trim_end_matches('s') {
            "minute" => 60_000,
            "hour" => 3_600_000,
            _ => 86_400_000,
        };
        return Some(now_ms + number.parse::<EpochMs>().ok()? * unit_ms);
    }
    next_cron_ms(inner("cron(")?, now_ms)
}

fn next_cron_ms(cron: &str, now_ms: EpochMs) -> Option<EpochMs> {
    let fields: Vec<&str> = cron.split_ascii_whitespace().collect();
    let [minutes, hours, days, months, weekdays, years] = fields[..] else { return None };
    let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(TimeZone::UTC);
    let mut date = now.date();
    for _ in 0..DAYS_MAX {
        let fits = has(years, i64::from(date.year()), (1970, 2199), &[])
            && has(months, i64::from(date.month()), (1, 12), &MONTHS)
            && fits_day(days, date)
            && fits_weekday(weekdays, date);
        if fits {
            for hour in (0..24).filter(|hour| has(hours, i64::from(*hour), (0, 23), &[])) {
                for minute in (0..60).filter(|at| has(minutes, i64::from(*at), (0, 59), &[])) {
                    let at = date.at(hour, minute, 0, 0).to_zoned(TimeZone::UTC).ok()?;
                    if at > now {
                        return Some(at.timestamp().as_millisecond());
                    }
                }
            }
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// Whether a field has a value: `*`, `?`, or a list of values, ranges and steps. Names count from the
/// first value on.
fn has(field: &str, value: i64, (first, last): (i64, i64), names: &[&str]) -> bool {
    let number = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        named.map(|at| first + at as i64).or_else(|| text.parse().ok())
    };
    field.split(',').any(|part| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().unwrap_or(1).max(1)),
            None => (part, 0),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (Some(first), Some(last)),
            Some((from, to)) => (number(from), number(to)),
            // `0/5` goes on to the last.
            None => (number(range), if step > 0 { Some(last) } else { number(range) }),
        };
        let (Some(from), Some(to)) = (from, to) else { return false };
        // Ranges may go round, as `FRI-MON`.
        let within =
            if from <= to { (from..=to).contains(&value) } else { value >= from || value <= to };
        within && (step == 0 || (value - from).rem_euclid(step) == 0)
    })
}

/// Days of the month, `L` for the last, `15W` for the weekday that is nearest.
fn fits_day(field: &str, date: Date) -> bool {
    let last = date.last_of_month().day();
    if field == "L" {
        return date.day() == last;
    }
    if let Some(wanted) = field.strip_suffix('W') {
        let wanted = if wanted == "L" { Some(last) } else { wanted.parse::<i8>().ok() };
        return wanted.is_some_and(|wanted| nearest_weekday(date, wanted.min(last)) == date.day());
    }
    has(field, i64::from(date.day()), (1, 31), &[])
}

/// The weekday of the same month that is nearest to a day of it.
fn nearest_weekday(date: Date, wanted: i8) -> i8 {
    let last = date.last_of_month().day();
    let at = date.first_of_month() + (i64::from(wanted) - 1).days();
    match at.weekday().to_sunday_zero_offset() {
        6 if wanted > 1 => wanted - 1,
        6 => wanted + 2,
        0 if wanted < last => wanted + 1,
        0 => wanted - 2,
        _ => wanted,
    }
}

/// Days of the week, 1 for Sunday, `6L` for the month's last Friday, `6#3` for its third.
fn fits_weekday(field: &str, date: Date) -> bool {
    let weekday = i64::from(date.weekday().to_sunday_zero_offset()) + 1;
    let is = |text: &str| has(text, weekday, (1, 7), &WEEKDAYS);
    if let Some((day, nth)) = field.split_once('#') {
        let nth: i8 = nth.parse().unwrap_or(1);
        return is(day) && (date.day() - 1) / 7 + 1 == nth;
    }
    match field.strip_suffix('L') {
        Some("") => weekday == 7,
        Some(day) => is(day) && date.day() + 7 > date.last_of_month().day(),
        None => is(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, now: &str) -> String {
        let now: Timestamp = now.parse().unwrap();
        let next = next_run_ms(schedule, now.as_millisecond()).unwrap();
        Timestamp::from_millisecond(next).unwrap().to_string()
    }

    #[test]
    fn a_rate_counts_from_now() {
        let now = "2026-11-27T09:00:30Z";
        assert_eq!(next("rate(5 minutes)", now), "2026-11-27T09:05:30Z");
        assert_eq!(next("rate(1 hour)", now), "2026-11-27T10:00:30Z");
        assert_eq!(next("rate(2 days)", now), "2026-11-29T09:00:30Z");
    }

    #[test]
    fn cron_comes_at_the_first_minute_that_fits_in_utc() {
        // A Friday.
        let now = "2026-11-27T09:00:00Z";
        for (cron, expected) in [
            ("cron(0 6 * * ? *)", "2026-11-28T06:00:00Z"),
            ("cron(0/15 * * * ? *)", "2026-11-27T09:15:00Z"),
            ("cron(1 9 * * ? *)", "2026-11-27T09:01:00Z"),
            ("cron(0/5 6 ? * MON-FRI *)", "2026-11-30T06:00:00Z"),
            ("cron(0 6 L * ? *)", "2026-11-30T06:00:00Z"),
            ("cron(0 6 1,15 FEB ? *)", "2027-02-01T06:00:00Z"),
            ("cron(0 6 ? * 6#1 *)", "2026-12-04T06:00:00Z"),
            ("cron(0 6 ? * 6L *)", "2026-12-25T06:00:00Z"),
            ("cron(0 6 ? * SAT-SUN 2027)", "2027-01-02T06:00:00Z"),
            ("cron(0 6 1W * ? *)", "2026-12-01T06:00:00Z"),
            ("cron(0 6 29 2 ? *)", "2028-02-29T06:00:00Z"),
        ] {
            assert_eq!(next(cron, now), expected, "{cron}");
        }
        assert_eq!(next_run_ms("cron(0 6 31 2 ? *)", 0), None);
    }
}
