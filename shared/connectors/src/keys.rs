//! Keys by which answers name records: read alike wherever they are compared.

use crate::json::Scalar;

/// How keys are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) ignore_case: bool,
}

impl Keys {
    /// The key that a JSON value is, in the form in which equal keys are equal texts: without blanks
    /// around it and, where case makes no difference, in lower case.
    pub(crate) fn read(self, json: &[u8]) -> Option<Box<str>> {
        let text = Scalar::read(json)?.into_text();
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        Some(if self.ignore_case { text.to_lowercase().into() } else { text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_and_folded_and_nothing_is_none() {
        let read = |ignore_case, json: &str| Keys { ignore_case }.read(json.as_bytes());
        assert_eq!(read(true, r#"" ÄDA@Example.COM\n""#).as_deref(), Some("äda@example.com"));
        assert_eq!(read(false, r#"" Ada""#).as_deref(), Some("Ada"));
        assert_eq!(read(false, "17").as_deref(), Some("17"));
        for none in ["null", r#""""#, r#""  ""#, "[]", "{}"] {
            assert_eq!(read(true, none), None, "{none}");
        }
    }
}
