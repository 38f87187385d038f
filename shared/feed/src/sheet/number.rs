//! Numbers of cells as JSON.

/// Writes the number that a cell's text is, without losing a digit. `false`, and nothing is written, if it is no number.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole =
        !digits.is_empty() && digits.len() <= 300 && digits.bytes().all(|it| it.is_ascii_digit());
    if is_whole && (digits == "0" || !digits.starts_with('0')) {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    let Some(value) = parse(text) else { return false };
    // Whole numbers are often written with an exponent: an id shall look like one.
    if value.fract() == 0.0 && value.abs() < 1e17 {
        #[allow(clippy::cast_possible_truncation)]
        let whole = value as i64;
        out.extend_from_slice(whole.to_string().as_bytes());
    } else if let Ok(text) = serde_json::to_vec(&value) {
        out.extend_from_slice(&text);
    }
    true
}

/// The number that a cell's text is.
pub(super) fn parse(text: &str) -> Option<f64> {
    // Names of what is no number, which are numbers to Rust, are none here.
    if !text.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'+' | b'-' | b'.' | b'e' | b'E'))
    {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, expected) in [
            ("0", Some("0")),
            ("1234567890123456", Some("1234567890123456")),
            ("12345678901234567890", Some("12345678901234567890")),
            ("1.234567890123456E+15", Some("1234567890123456")),
            ("1.0", Some("1")),
            ("-0.5", Some("-0.5")),
            ("0.1", Some("0.1")),
            (".5", Some("0.5")),
            ("0.30000000000000004", Some("0.30000000000000004")),
            ("007", Some("7")),
            ("+7", Some("7")),
            ("1E+300", Some("1e+300")),
            ("-0", Some("-0")),
            ("", None),
            ("-", None),
            ("nan", None),
            ("inf", None),
            ("1e999", None),
            ("1,5", None),
            ("12 ", None),
        ] {
            let mut out = Vec::new();
            assert_eq!(write(text, &mut out), expected.is_some(), "{text}");
            assert_eq!(String::from_utf8(out.clone()).unwrap(), expected.unwrap_or_default());
            if expected.is_some() {
                serde_json::from_slice::<serde_json::Value>(&out).unwrap();
            }
        }
    }
}
