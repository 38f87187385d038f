//! `pattern`: a regular expression that is found in a text.

use regex_bites::bytes::Regex;

use crate::{
    file::{Fault, Site},
    value::{TextValue, text_value},
};

/// A regular expression, compiled. Matching takes time in proportion to the text, whatever stands there.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Whether it is found somewhere in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }

    /// As it is written.
    pub(super) fn text(&self) -> &str {
        self.regex.as_str()
    }
}

impl TextValue for Pattern {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        let regex = Regex::new(text).map_err(|error| {
            let message = format!("`{text}` is no regular expression: {error}");
            let remedy = "write one like `^[A-Z]{3}$`, in single quotes in the file; look-around and back references are \
                          not to be had";
            Fault::new(site.place, message, remedy)
        })?;
        if text.is_empty() {
            let remedy = "write a regular expression, or remove `pattern`";
            return Err(Fault::new(site.place, "an empty pattern is found in every text", remedy));
        }
        Ok(Self { regex })
    }

    fn stand_in(_: Site) -> Self {
        Self { regex: Regex::new("x").expect("a letter is a regular expression") }
    }
}

text_value!(Pattern, "RegularExpression", {
    "description": "A regular expression, as of Rust's `regex`: no look-around and no back references. It is found anywhere in the text; `^…$` is the whole text.",
    "type": "string",
    "examples": ["^[A-Z]{3}$"],
});
