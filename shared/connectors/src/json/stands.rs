//! Whether a place of a JSON text says yes.

use super::{Picker, Scalar};

/// Whether something stands at the path; `None` if the body cannot be read, or has no places: a text or a number is no
/// answer to the question.
pub(crate) fn stands(path: &Picker, body: &[u8]) -> Option<bool> {
    if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return None;
    }
    let picks = path.pick_all(body).ok()?;
    let Some(value) = picks.json(0) else { return Some(false) };
    Some(match Scalar::read(value) {
        Some(Scalar::Bool(is)) => is,
        Some(Scalar::Text(text)) => !text.is_empty(),
        Some(Scalar::Number(number)) => number.parse() != Ok(0.0),
        None => match value {
            // An array or an object: what is between its brackets.
            [b'[' | b'{', inner @ .., _] => !inner.trim_ascii().is_empty(),
            // A text that is none in Unicode is a text still.
            _ => true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_stands_there_unless_it_is_absent_null_false_zero_or_empty() {
        let path = Picker::of(&["data".to_owned()]);
        for (value, there) in [
            ("[{}]", true),
            (r#"{"id":1}"#, true),
            ("\"x\"", true),
            ("3", true),
            ("true", true),
            ("[ ]", false),
            ("{}", false),
            ("\"\"", false),
            ("0", false),
            ("0.0", false),
            ("false", false),
            ("null", false),
        ] {
            let body = format!(r#"{{"data":{value}}}"#);
            assert_eq!(stands(&path, body.as_bytes()), Some(there), "{value}");
        }
        assert_eq!(stands(&path, b"{}"), Some(false));
        for body in ["", "<html>", "\"data\"", "7", "null", r#"{"data":[1"#, "{} {}"] {
            assert_eq!(stands(&path, body.as_bytes()), None, "{body}");
        }
    }
}
