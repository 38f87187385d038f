//! `cast`: one scalar to another, on the JSON text.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::json::{Scalar, quote};

/// What to turn a value into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cast {
    /// `string`
    String,
    /// `integer`: refuses what is none.
    Integer,
    /// `number`
    Number,
    /// `boolean`: true/false, "true"/"false", 1/0.
    Boolean,
}

impl Cast {
    /// Whether it takes a value.
    pub(crate) fn takes(self, scalar: &Scalar<'_>) -> bool {
        write_scalar(scalar.clone(), self, &mut Vec::new()).is_ok()
    }

    /// Whether a value is what the cast gives. A default is sent as it stands, not cast.
    pub(super) fn gives(self, value: &Value) -> bool {
        match self {
            // `null` says "absent" in every type.
            _ if value.is_null() => true,
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }

    /// What is wanted, in words.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
        }
    }

    /// The type's name, and a value of it as a flow file has it.
    pub(super) fn name_and_example(self) -> (&'static str, &'static str) {
        match self {
            Self::String => ("string", "\"none\""),
            Self::Integer => ("integer", "0"),
            Self::Number => ("number", "0.0"),
            Self::Boolean => ("boolean", "false"),
        }
    }
}

/// Writes a value in the cast's type to the end of `out`.
///
/// # Errors
/// What the value is, if it is no such type; `out` is left as it was.
pub(super) fn write(json: &[u8], cast: Cast, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let Some(scalar) = Scalar::read(json) else {
        return Err(if json.starts_with(b"[") { "an array" } else { "an object" });
    };
    match (cast, &scalar) {
        (Cast::String, Scalar::Text(_)) => {
            out.extend_from_slice(json);
            Ok(())
        }
        _ => write_scalar(scalar, cast, out),
    }
}

fn write_scalar(scalar: Scalar<'_>, cast: Cast, out: &mut Vec<u8>) -> Result<(), &'static str> {
    match (cast, scalar) {
        (Cast::String, scalar) => out.extend_from_slice(quote(&scalar.into_text()).as_bytes()),
        (Cast::Boolean, Scalar::Bool(value)) => write_bool(value, out),
        (Cast::Boolean, Scalar::Number(text)) => match text {
            "1" => write_bool(true, out),
            "0" => write_bool(false, out),
            _ => return Err("a number other than 1 and 0"),
        },
        (Cast::Boolean, Scalar::Text(text)) => match &*text {
            "true" => write_bool(true, out),
            "false" => write_bool(false, out),
            _ => return Err("a text other than true and false"),
        },
        (Cast::Number | Cast::Integer, Scalar::Bool(_)) => return Err("a boolean"),
        (Cast::Number, Scalar::Number(text)) => out.extend_from_slice(text.as_bytes()),
        (Cast::Number, Scalar::Text(text)) => {
            let number = number(&text).ok_or("a text that is no number")?;
            out.extend_from_slice(number.as_bytes());
        }
        (Cast::Integer, Scalar::Number(text)) => write_integer(text, out)?,
        (Cast::Integer, Scalar::Text(text)) => {
            write_integer(number(&text).ok_or("a text that is no number")?, out)?;
        }
    }
    Ok(())
}

fn write_bool(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// The text as a JSON number, if it is one.
fn number(text: &str) -> Option<&str> {
    let text = text.trim();
    let mut json = jiter::Jiter::new(text.as_bytes());
    (json.next_number_bytes().is_ok() && json.finish().is_ok()).then_some(text)
}

/// Integers stay as they are, however long; `42.0` and `4.2e1` are integers too.
fn write_integer(text: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
    const NONE: &str = "a number with a fraction";
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && fraction.bytes().all(|byte| byte == b'0')
    {
        out.extend_from_slice(whole.as_bytes());
        return Ok(());
    }
    let value: f64 = text.parse().map_err(|_| NONE)?;
    // Beyond 2^53 a float does not tell which integer was meant.
    if value.fract() != 0.0 || value.abs() > 9_007_199_254_740_992.0 {
        return Err(NONE);
    }
    out.extend_from_slice(format!("{value:.0}").as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts() {
        const REFUSED: &str = "refused";
        for (cast, json, expected) in [
            (Cast::String, r#""a\n""#, r#""a\n""#),
            (Cast::String, "1.50", r#""1.50""#),
            (Cast::String, "true", r#""true""#),
            (Cast::String, "{}", REFUSED),
            (Cast::Integer, "42", "42"),
            (Cast::Integer, "-12345678901234567890", "-12345678901234567890"),
            (Cast::Integer, r#"" 42 ""#, "42"),
            (Cast::Integer, "42.00", "42"),
            (Cast::Integer, "4.2e1", "42"),
            (Cast::Integer, "4.2", REFUSED),
            (Cast::Integer, "1e300", REFUSED),
            (Cast::Integer, r#""4x""#, REFUSED),
            (Cast::Integer, "true", REFUSED),
            (Cast::Number, r#""1.50""#, "1.50"),
            (Cast::Number, "1e3", "1e3"),
            (Cast::Number, r#""""#, REFUSED),
            (Cast::Number, r#""0x10""#, REFUSED),
            (Cast::Number, r#""NaN""#, REFUSED),
            (Cast::Number, r#""1,5""#, REFUSED),
            (Cast::Number, "[]", REFUSED),
            (Cast::Boolean, "1", "true"),
            (Cast::Boolean, "0", "false"),
            (Cast::Boolean, r#""false""#, "false"),
            (Cast::Boolean, "true", "true"),
            (Cast::Boolean, "2", REFUSED),
            (Cast::Boolean, r#""yes""#, REFUSED),
        ] {
            let mut out = Vec::new();
            let written = write(json.as_bytes(), cast, &mut out);
            let got = written.map_or(REFUSED.to_owned(), |()| String::from_utf8(out).unwrap());
            assert_eq!(got, expected, "{cast:?} {json}");
        }
    }
}
