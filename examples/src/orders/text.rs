//! Numbers and times as text, without the formatting machinery: this runs once per order served,
//! and the servers must not outweigh what is measured against them.

/// Appends `number`, with zeros in front up to `width`.
pub(crate) fn push_number(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while number > 0 {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let start = start.min(digits.len() - width.clamp(1, digits.len()));
    out.extend_from_slice(&digits[start..]);
}

/// Appends `2025-11-28T00:00:00.000Z`. Not for moments before 1970.
pub(crate) fn push_rfc3339(out: &mut Vec<u8>, epoch_ms: i64) {
    let ms = u64::try_from(epoch_ms).unwrap_or(0);
    let (days, ms_of_day) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = civil(days);
    let seconds = ms_of_day / 1_000;
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (seconds / 3_600, 2, b':'),
        (seconds / 60 % 60, 2, b':'),
        (seconds % 60, 2, b'.'),
        (ms_of_day % 1_000, 3, b'Z'),
    ];
    for (number, width, separator) in parts {
        push_number(out, number, width);
        out.push(separator);
    }
}

/// Year, month and day of a day since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A moment in ms: RFC 3339, or a number of seconds or (from 100 thousand million) milliseconds.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let ms = if number < 1e11 { number * 1_000.0 } else { number };
        return Some(ms.round() as i64);
    }
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_agree_with_the_library_that_knows() {
        for ms in [0, 951_782_400_123, 1_709_164_800_000, 1_764_288_000_999, 4_102_444_799_000] {
            let mut text = Vec::new();
            push_rfc3339(&mut text, ms);
            let text = String::from_utf8(text).unwrap();
            let moment = jiff::Timestamp::from_millisecond(ms).unwrap();
            assert_eq!(text, format!("{moment:.3}"));
            assert_eq!(parse_time(&text), Some(ms));
        }
    }

    #[test]
    fn all_forms_of_a_time_are_read() {
        for text in [
            "2025-11-28T00:00:00.5Z",
            "2025-11-28T01:00:00.5+01:00",
            "1764288000.5",
            "1764288000500",
        ] {
            assert_eq!(parse_time(text), Some(1_764_288_000_500), "{text}");
        }
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn numbers_are_padded_but_never_cut() {
        for (number, width, text) in
            [(0, 0, "0"), (0, 3, "000"), (42, 6, "000042"), (1234567, 6, "1234567")]
        {
            let mut out = Vec::new();
            push_number(&mut out, number, width);
            assert_eq!(out, text.as_bytes());
        }
    }
}
