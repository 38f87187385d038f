//! So many in a time: `50/s`, `100/20s`.

use tidegate_core::model::RateLimit;

use super::{TextValue, text_value};
use crate::file::{Fault, Site};

/// Most requests in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) RateLimit);

const REMEDY: &str = "write `50/s`, `100/20s`, `1000/min` or `50000/day`";

impl TextValue for Rate {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        rate(text).map(Self).map_err(|fault| {
            Fault::new(site.place, format!("`{text}` is no rate: {fault}"), REMEDY)
        })
    }

    fn stand_in(_: Site) -> Self {
        Self(RateLimit { count: 1, window_ms: 1_000 })
    }
}

text_value!(Rate, "Rate", {
    "description": "So many in a time: `50/s`, `100/20s`, `1000/min`, `50000/day`.",
    "type": "string",
    "pattern": "^[0-9]+/[0-9]*(ms|s|sec|m|min|h|hour|d|day)$",
    "examples": ["50/s"],
});

/// A rate; the error says what is wrong.
fn rate(text: &str) -> Result<RateLimit, &'static str> {
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

fn whole(digits: &str) -> Option<u32> {
    // `parse` alone would take a `+`.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

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
