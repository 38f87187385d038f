//! Durations: `5s`.

/// How durations are written.
pub(crate) const DURATION_REMEDY: &str =
    "write a whole number and its unit: `500ms`, `5s`, `2m` or `1h`";
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
}
