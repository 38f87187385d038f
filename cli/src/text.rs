//! Numbers and reasons as people read them.

use tidegate_core::model::Parked;

/// `12,345`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `850 ms`, `12.3 s`, `4 min 5 s`
pub fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `1.9 MB`
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A reason, each fault of a record on a line of its own.
pub fn lined(reason: &str) -> String {
    match Parked::faults(reason) {
        Some(faults) => format!("invalid\n  {}", faults.collect::<Vec<_>>().join("\n  ")),
        None => reason.to_owned(),
    }
}

/// `2026-11-22T06:00:00Z`
pub fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| "never".to_owned(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn each_fault_has_a_line() {
        let reason = Parked::invalid(["price: is \"abc\", not a number", "currency: is missing"]);
        let lines = "invalid\n  price: is \"abc\", not a number\n  currency: is missing";
        assert_eq!(lined(&reason), lines);
        assert_eq!(lined("422: no; never"), "422: no; never");
    }

    #[test]
    fn bytes_are_millions() {
        assert_eq!([0, 49_999, 740_000_000].map(megabytes), ["0.0 MB", "0.0 MB", "740.0 MB"]);
    }

    #[test]
    fn spans_are_short() {
        assert_eq!([850, 12_340, 245_000].map(span), ["850 ms", "12.3 s", "4 min 5 s"]);
    }
}
