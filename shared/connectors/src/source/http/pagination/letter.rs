//! `letter`: pages named by the letters of the alphabet.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::SourceError;

use super::style::{Answered, Drift, PageRef, Param, Style};
use crate::{
    file::{Fault, Site},
    value::{Name, TextValue, text_value},
};

/// By the letters of the alphabet: the first page is `a`. A letter's page may be empty; the last
/// letter's page ends the list. For a list that is in order over all the letters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Letter {
    /// The query parameter that carries the letter, or its place in the `body`.
    param: Name,
    /// The last letter, `a` to `z`. Default `z`.
    last: Option<LowerCase>,
}

/// A lower-case letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LowerCase(u8);

impl Letter {
    fn last(&self) -> u8 {
        self.last.map_or(b'z', |last| last.0)
    }
}

impl Style for Letter {
    fn page_param(&self) -> Option<&Name> {
        Some(&self.param)
    }

    fn size_param(&self) -> Option<&Name> {
        None
    }

    fn knows_its_pages(&self) -> bool {
        true
    }

    fn drift(&self, _: bool) -> Drift {
        Drift::Reread
    }

    fn value<'p>(&'p self, page: &'p PageRef) -> Option<Param<'p>> {
        match page {
            PageRef::First => Some(Param::Text("a")),
            PageRef::Token(letter) => Some(Param::Token(letter)),
            _ => None,
        }
    }

    /// The letter after this one, be its page empty or not.
    fn next(&self, answered: &Answered<'_>) -> Result<Option<PageRef>, SourceError> {
        let letter = match answered.asked {
            PageRef::Token(letter) => letter.text.bytes().next().unwrap_or(b'a'),
            _ => b'a',
        };
        let next = || PageRef::Token(char::from(letter + 1).to_string().into());
        Ok((letter < self.last()).then(next))
    }
}

impl TextValue for LowerCase {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        match text.as_bytes() {
            [letter @ b'a'..=b'z'] => Ok(Self(*letter)),
            _ => {
                let message = format!("`{text}` is no lower-case letter from a to z");
                Err(Fault::new(site.place, message, "write one lower-case letter, like `z`"))
            }
        }
    }

    fn stand_in(_: Site) -> Self {
        Self(b'z')
    }
}

text_value!(LowerCase, "LowerCase", {
    "description": "A lower-case letter from a to z.",
    "type": "string",
    "pattern": "^[a-z]$",
    "examples": ["z"],
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::style::testing::next, *};
    use crate::testing::{read, section};

    fn page(letter: &str) -> PageRef {
        PageRef::Token(letter.to_owned().into())
    }

    fn sent(style: &Letter, page: &PageRef) -> Option<String> {
        style.value(page).map(|param| param.text().into_owned())
    }

    #[test]
    fn pages_go_from_a_to_z_whether_they_are_empty_or_not() {
        let style: Letter = section(json!({ "param": "letter" }));
        assert_eq!(style.page_param().unwrap().text, "letter");
        assert_eq!(style.size_param(), None);
        assert_eq!(sent(&style, &PageRef::First).as_deref(), Some("a"));
        let mut asked = PageRef::First;
        let mut letters = String::from("a");
        while let Some(following) = next(&style, &asked, letters.len() % 2, true) {
            letters += &sent(&style, &following).unwrap();
            asked = following;
        }
        assert_eq!(letters, "abcdefghijklmnopqrstuvwxyz");
        assert_eq!(next(&style, &page("z"), 3, false), None);
    }

    #[test]
    fn the_last_letter_ends_the_list() {
        let style: Letter = section(json!({ "param": "letter", "last": "c" }));
        assert_eq!(next(&style, &page("b"), 3, false), Some(page("c")));
        assert_eq!(next(&style, &page("c"), 3, false), None);
        let style: Letter = section(json!({ "param": "letter", "last": "a" }));
        assert_eq!(next(&style, &PageRef::First, 3, false), None);
    }

    #[test]
    fn a_last_that_is_no_letter_is_refused() {
        for last in ["", "Z", "zz", "1", "é", " z"] {
            let (_, findings) = read::<Letter>(json!({ "param": "letter", "last": last }));
            let said: Vec<_> = findings
                .faults
                .iter()
                .map(|fault| (fault.message.as_str(), fault.remedy.as_str()))
                .collect();
            let message = format!("`{last}` is no lower-case letter from a to z");
            assert_eq!(said, [(message.as_str(), "write one lower-case letter, like `z`")]);
        }
    }
}
