//! Durations and rates: `5s`, `100/20s`.

use tidegate_core::model::RateLimit;

/// How durations are written.
pub(crate) const DURATION_REMEDY: &str =
    "write a whole number and its unit: `500ms`, `5s`, `2m` or `1h`";
/// How rates are written.
pub(crate) const RATE_REMEDY: &str = "write `50/s`, `100/20s`, `1000/min` or `50000/day`";

/// A duration in ms; the error says what is wrong.
pub(crate) fn duration_ms(text: &str) -> Result<u64, &'static str> {
    if text.starts_with('-') {
        return Err("it is negative");
    }
    let (digits, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    if digits.is_empty() {
        return Err("it does not begin with a whole number");
    }
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" => return Err("it has no unit"),
        _ => return Err("its unit is unknown"),
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit_ms)).ok_or("it is too long")
}

/// A rate; the error says what is wrong.
pub(crate) fn rate(text: &str) -> Result<RateLimit, &'static str> {
    let (count, window) = text.split_once('/').ok_or("it has no `/`")?;
    let count = whole(count).ok_or("it does not begin with a whole number")?;
    if count == 0 {
        return Err("a rate of 0 lets nothing through, ever");
    }
    let (number, unit) = window.split_at(window.bytes().take_while(u8::is_ascii_digit).count());
    let number = if number.is_empty() { Some(1) } else { whole(number) };
    let unit_ms = match unit {
        "ms" => 1,
        "s" | "sec" | "second" => 1_000,
        "m" | "min" | "minute" => 60_000,
        "h" | "hour" => 3_600_000,
        "d" | "day" => 86_400_000,
        "" => return Err("its time has no unit"),
        _ => return Err("the unit of its time is unknown"),
    };
    match number.map(|number| u64::from(number) * unit_ms) {
        None => Err("its time is too long"),
        Some(0) => Err("its time is 0"),
        Some(window_ms) => Ok(RateLimit { count, window_ms }),
    }
}

/// Minutes after midnight of a time like `17:30`.
pub(crate) fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let part = |digits: &str, below: u16| -> Option<u16> {
        let two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        two.then(|| digits.parse().ok()).flatten().filter(|number| *number < below)
    };
    Some(part(hour, 24)? * 60 + part(minute, 60)?)
}

fn whole(digits: &str) -> Option<u32> {
    // `parse` alone would take a `+`.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, ms) in [("500ms", 500), ("5s", 5_000), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
        for text in ["", "5", "s", "-5s", "1.5s", "5 s", "1d", "99999999999999999999s"] {
            assert!(duration_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_a_count_in_a_time() {
        for (text, count, window_ms) in [
            ("50/s", 50, 1_000),
            ("100/20s", 100, 20_000),
            ("1000/min", 1_000, 60_000),
            ("50000/day", 50_000, 86_400_000),
        ] {
            assert_eq!(rate(text), Ok(RateLimit { count, window_ms }), "{text}");
        }
        for text in ["", "50", "0/s", "50/", "50/0s", "50/fortnight", "+5/s", "-1/s", "1.5/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
