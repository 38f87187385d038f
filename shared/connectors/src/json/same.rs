//! Whether two JSON texts say the same.

use serde_json::{Number, Value};

/// From 2^53 on, a float does not tell which integer was meant.
const FLOAT_END: f64 = 9_007_199_254_740_992.0;

/// Whether two texts are one value: the order of keys, the spelling of numbers and escapes make no
/// difference. Never true where it is not certain.
pub(crate) fn is_same_text(one: &[u8], other: &[u8]) -> bool {
    let value = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
    one == other || value(one).zip(value(other)).is_some_and(|(one, other)| is_same(&one, &other))
}

/// Whether two values are one: `1` and `1.0` are.
pub fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => is_same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, value)| other.get(key).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        (one, other) => one == other,
    }
}

fn is_same_number(one: &Number, other: &Number) -> bool {
    if !one.is_f64() && !other.is_f64() {
        return one == other;
    }
    let same = |(one, other): (f64, f64)| one == other && one.abs() < FLOAT_END;
    one.as_f64().zip(other.as_f64()).is_some_and(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_makes_no_difference_and_meaning_does() {
        for (one, other, same) in [
            ("1", "1.0", true),
            ("1e2", "100", true),
            (r#""é""#, r#""\u00e9""#, true),
            (r#"{"a":1,"b":[1.50]}"#, r#"{"b": [1.5], "a": 1}"#, true),
            ("null", "null", true),
            ("1", "2", false),
            ("1", r#""1""#, false),
            ("0", "false", false),
            (r#""a""#, r#""A""#, false),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false),
            ("[1,2]", "[2,1]", false),
            ("9007199254740993", "9007199254740992", false),
            ("9007199254740993", "9007199254740993", true),
            // As floats they would be one.
            ("12345678901234567890123", "12345678901234567890124", false),
            ("9007199254740993", "9007199254740992.0", false),
            ("{", "[", false),
        ] {
            assert_eq!(is_same_text(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
            assert_eq!(is_same_text(other.as_bytes(), one.as_bytes()), same, "{other} {one}");
        }
    }
}
