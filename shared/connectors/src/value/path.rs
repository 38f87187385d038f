//! Dotted paths into a JSON value: `customer.name`.

use super::{TextValue, text_value};
use crate::file::{Fault, Site};

/// A path into a JSON value: its keys, from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) keys: Vec<String>,
    pub(crate) site: Site,
}

/// A path into a record, which may name an item of a list by a field of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordPath {
    pub(crate) keys: Vec<String>,
    pub(crate) site: Site,
}

impl TextValue for Path {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        match parse(text) {
            Ok(keys) => Ok(Self { keys, site }),
            Err(fault) => {
                let message = format!("`{text}` is no path: {fault}");
                Err(Fault::new(site.place, message, REMEDY))
            }
        }
    }

    fn stand_in(site: Site) -> Self {
        Self { keys: vec!["x".into()], site }
    }
}

impl TextValue for RecordPath {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        match parse_picked(text) {
            Ok(keys) => Ok(Self { keys, site }),
            Err(fault) => {
                let message = format!("`{text}` is no path: {fault}");
                Err(Fault::new(site.place, message, PICKED_REMEDY))
            }
        }
    }

    fn stand_in(site: Site) -> Self {
        Self { keys: vec!["x".into()], site }
    }
}

text_value!(Path, "DottedPath", {
    "description": "A path into a JSON value, dots between keys: `customer.name`.",
    "type": "string",
    "pattern": "^[^./\\[\\]$]+(\\.[^./\\[\\]]+)*$",
    "examples": ["customer.name"],
});

text_value!(RecordPath, "PickedPath", {
    "description": "A path into a record, dots between keys: `customer.name`. `users[type=customer].name` goes by the first item of `users` whose `type` is `customer`.",
    "type": "string",
    "pattern": "^[^./\\[\\]$]+(\\[[^./=\\[\\]]+=[^./=\\[\\]]+\\])?(\\.[^./\\[\\]]+(\\[[^./=\\[\\]]+=[^./=\\[\\]]+\\])?)*$",
    "examples": ["users[type=customer].name"],
});

/// What to do about a text that is no path.
pub(crate) const REMEDY: &str = "write the keys with dots between, like `customer.name`";

/// The keys of a path, from the root; the error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Vec<String>, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.contains('/') {
        return Err("keys are separated by dots, not by `/`");
    }
    if text.starts_with('$') || text.contains(['[', ']', '*']) {
        return Err("it names one place by keys alone; for more there is `transform.jq`");
    }
    if text.split('.').any(str::is_empty) {
        return Err("a key is missing beside a dot");
    }
    if text.split('.').any(|key| key.trim() != key) {
        return Err("a key begins or ends with a blank");
    }
    Ok(text.split('.').map(str::to_owned).collect())
}

/// What to do about a text that is no path to be read.
pub(crate) const PICKED_REMEDY: &str = "write the keys with dots between, like `customer.name`, and \
                                        an item by a field of its own, like \
                                        `users[type=customer].name`";

/// As [`parse`], where a record is read: behind a key, `[FIELD=TEXT]` is the first item of a list
/// whose field is that text, number or boolean. It is a segment of its own, brackets included.
pub(crate) fn parse_picked(text: &str) -> Result<Vec<String>, &'static str> {
    const NO_ITEM: &str =
        "an item is named by one field and its value, like `users[type=customer]`";
    let mut keys = Vec::new();
    let mut items = Vec::new();
    for segment in text.split('.') {
        let (key, item) = match segment.split_once('[') {
            None => (segment, None),
            Some((key, rest)) => {
                let (field, value) =
                    rest.strip_suffix(']').and_then(|rest| rest.split_once('=')).ok_or(NO_ITEM)?;
                let plain = |text: &str| {
                    !text.is_empty() && text.trim() == text && !text.contains(['[', ']', '='])
                };
                if key.is_empty() || !plain(field) || !plain(value) {
                    return Err(NO_ITEM);
                }
                (key, Some(format!("[{field}={value}]")))
            }
        };
        keys.push(key);
        items.push(item);
    }
    let keys = parse(&keys.join("."))?;
    Ok(keys.into_iter().zip(items).flat_map(|(key, item)| [Some(key), item]).flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_at_dots_and_other_languages_refused() {
        assert_eq!(parse("a.b c.0").unwrap(), ["a", "b c", "0"]);
        for text in ["", ".a", "a.", "a..b", "/a/b", "$.a", "a[0]", "a.*", "a. b"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_item_is_named_by_a_field_of_its_own() {
        assert_eq!(
            parse_picked("users[type=customer].name").unwrap(),
            ["users", "[type=customer]", "name"]
        );
        assert_eq!(parse_picked("a.b[c=1]").unwrap(), ["a", "b", "[c=1]"]);
        assert_eq!(parse_picked("a.0").unwrap(), ["a", "0"]);
        for text in
            ["", "a[0]", "[a=b]", "a[=b]", "a[b=]", "a[b=c", "a[b=c]d", "a[b=c][d=e]", "a[b=c.d]"]
        {
            assert!(parse_picked(text).is_err(), "{text}");
        }
    }
}
