//! Single JSON values as the text they mean.

use std::borrow::Cow;

/// A JSON scalar, read from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// A number, as it was written.
    Number(&'a str),
    /// A string's content.
    Text(Cow<'a, str>),
    /// A boolean.
    Bool(bool),
}

impl<'a> Scalar<'a> {
    /// Reads one JSON value; `None` for null, objects and arrays, and for a text that is none in Unicode.
    pub(crate) fn read(json: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(json).ok()?;
        match text.as_bytes().first()? {
            b'"' => {
                let inner = text.strip_prefix('"')?.strip_suffix('"')?;
                let content = if inner.contains('\\') {
                    Cow::Owned(serde_json::from_str(text).ok()?)
                } else {
                    Cow::Borrowed(inner)
                };
                Some(Self::Text(content))
            }
            b't' => Some(Self::Bool(true)),
            b'f' => Some(Self::Bool(false)),
            b'-' | b'0'..=b'9' => Some(Self::Number(text)),
            _ => None,
        }
    }

    /// The text that it means: a string's content, a number as written, `true` or `false`.
    pub(crate) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Number(text) => Cow::Borrowed(text),
            Self::Text(text) => text,
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
        }
    }
}

/// The text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_read_as_the_text_they_mean() {
        let text = |json: &str| Scalar::read(json.as_bytes()).map(|s| s.into_text().into_owned());
        assert_eq!(text("1.50").as_deref(), Some("1.50"));
        assert_eq!(text(r#""a\u0041\"""#).as_deref(), Some("aA\""));
        assert_eq!(text("true").as_deref(), Some("true"));
        for none in ["null", "[]", "{}"] {
            assert_eq!(text(none), None);
        }
    }
}
