//! `pattern`: a regular expression that is found in a text.

use regex_bites::bytes::{Regex, RegexBuilder};

use crate::{
    file::{Fault, Site},
    value::{TextValue, text_value},
};

/// The most bytes of a compiled pattern: each state of it may be looked at for each letter of a text, and a record has up
/// to some 700,000.
const COMPILED_BYTES_MAX: usize = 64 * 1024;

/// A regular expression, compiled. Matching takes time in proportion to the text, whatever stands there.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    /// All that is asked is that a text begins so.
    prefix: Option<Box<str>>,
}

impl Pattern {
    /// Whether it is found somewhere in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        match &self.prefix {
            Some(prefix) => text.starts_with(&**prefix),
            None => self.regex.is_match(text.as_bytes()),
        }
    }

    /// As it is written.
    pub(super) fn text(&self) -> &str {
        self.regex.as_str()
    }
}

impl TextValue for Pattern {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        let compiled = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
        let regex = compiled.map_err(|error| {
            let message = format!("`{text}` is no regular expression: {error}");
            let remedy = "write one like `^[A-Z]{3}$`, in single quotes in the file, without look-around, back references \
                          and `\\p{…}`; how long a text may be says `length_max`";
            Fault::new(site.place, message, remedy)
        })?;
        if text.is_empty() {
            let remedy = "write a regular expression, or remove `pattern`";
            return Err(Fault::new(site.place, "an empty pattern is found in every text", remedy));
        }
        Ok(Self { regex, prefix: prefix(text).map(Box::from) })
    }

    fn stand_in(_: Site) -> Self {
        let regex = Regex::new("x").expect("a letter is a regular expression");
        Self { regex, prefix: None }
    }
}

/// What a text begins with, where a pattern like `^https://` asks for nothing else.
fn prefix(pattern: &str) -> Option<&str> {
    pattern.strip_prefix('^').filter(|rest| !rest.contains(|c| r"\.+*?()|[]{}^$".contains(c)))
}

text_value!(Pattern, "RegularExpression", {
    "description": "A regular expression: no look-around, no back references and no `\\p{…}`; `\\w`, `\\d` and `\\s` are of ASCII. It is found anywhere in the text; `^…$` is the whole text.",
    "type": "string",
    "examples": ["^[A-Z]{3}$"],
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::section;

    #[test]
    fn a_pattern_is_found_by_characters() {
        for (pattern, text, is_there) in [
            ("b", "abc", true),
            ("^b", "abc", false),
            ("^https://", "https://a", true),
            ("^https://", "http://a", false),
            ("^https?://", "http://a", true),
            ("^a|b", "xb", true),
            ("^.{3}$", "äöü", true),
            ("^[а-я]+$", "квартира", true),
            ("^[а-я]+$", "flat", false),
            (r"^\d{5}$", "10115", true),
            (r"^\d{5}$", "1011", false),
            ("^$", "a", false),
            ("(?i)^eur$", "EUR", true),
        ] {
            let pattern: Pattern = section(pattern.into());
            assert_eq!(pattern.is_in(text), is_there, "{} in {text}", pattern.text());
        }
    }
}
