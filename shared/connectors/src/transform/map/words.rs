//! `words`: a part of a text, on the JSON text.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::json::{Scalar, quote};

/// `words`: a text is cut at its first blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Words {
    /// `first`: the first word.
    First,
    /// `rest`: what comes after the first word.
    Rest,
}

/// The words of a value that are asked for, as JSON: `None` where there are none. A value that is no
/// text is one word.
pub(super) fn pick(json: &[u8], words: Words) -> Option<Cow<'_, [u8]>> {
    let text = match Scalar::read(json) {
        Some(Scalar::Text(text)) => text,
        _ => return (words == Words::First).then_some(Cow::Borrowed(json)),
    };
    let text = text.trim();
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let picked = match words {
        Words::First => first,
        Words::Rest => rest.trim_start(),
    };
    (!picked.is_empty()).then(|| Cow::Owned(quote(picked).into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_first_blank() {
        for (json, first, rest) in [
            (r#""Zo\u00eb Moreau""#, Some(r#""Zoë""#), Some(r#""Moreau""#)),
            (r#"" Mary-Jane  van der Berg ""#, Some(r#""Mary-Jane""#), Some(r#""van der Berg""#)),
            (r#""a\tb\"c""#, Some(r#""a""#), Some(r#""b\"c""#)),
            (r#""李""#, Some(r#""李""#), None),
            (r#""""#, None, None),
            (r#""  ""#, None, None),
            ("17", Some("17"), None),
            (r#"{"a":"b c"}"#, Some(r#"{"a":"b c"}"#), None),
        ] {
            let picked = |words| {
                let json = pick(json.as_bytes(), words)?;
                Some(String::from_utf8(json.into_owned()).unwrap())
            };
            assert_eq!(picked(Words::First).as_deref(), first, "{json}");
            assert_eq!(picked(Words::Rest).as_deref(), rest, "{json}");
        }
    }
}
