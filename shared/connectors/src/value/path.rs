//! Dotted paths into a JSON value: `customer.name`.
//!
//! A key that holds a dot, a bracket or anything else stands in quotes, as in jq: `data."x.y"`. A path may
//! begin with a dot before a quoted key, so that YAML leaves the quotes alone: `."@odata.nextLink"`.

use std::borrow::Cow;

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

/// A path to a list of records, which may lead through each item of a list or value of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListPath {
    pub(crate) keys: Vec<String>,
    pub(crate) site: Site,
}

/// As a key of a [`ListPath`]: each item of a list, or each value of an object.
pub(crate) const EACH: &str = "[*]";

macro_rules! path_value {
    ($type:ident, $parse:expr, $remedy:expr) => {
        impl TextValue for $type {
            fn read(text: &str, site: Site) -> Result<Self, Fault> {
                match $parse(text) {
                    Ok(keys) => Ok(Self { keys, site }),
                    Err(fault) => {
                        let message = format!("`{text}` is no path: {fault}");
                        Err(Fault::new(site.place, message, $remedy))
                    }
                }
            }

            fn stand_in(site: Site) -> Self {
                Self { keys: vec!["x".into()], site }
            }
        }
    };
}

path_value!(Path, parse, REMEDY);
path_value!(RecordPath, parse_picked, PICKED_REMEDY);
path_value!(ListPath, parse_list, LIST_REMEDY);

text_value!(Path, "DottedPath", {
    "description": "A path into a JSON value, dots between keys: `customer.name`. A key that holds a dot or a bracket is quoted: `data.\"x.y\"`, or `.\"@odata.nextLink\"` at the beginning.",
    "type": "string",
    "pattern": r#"^((\.?"([^"\\]|\\.)*")|[^./\[\]$"*][^./\[\]*]*)(\.("([^"\\]|\\.)*"|[^./\[\]"*][^./\[\]*]*))*$"#,
    "examples": ["customer.name"],
});

text_value!(RecordPath, "PickedPath", {
    "description": "A path into a record, dots between keys: `customer.name`. A key that holds a dot or a bracket is quoted: `data.\"x.y\"`, or `.\"x.y\"` at the beginning. `users[type=customer].name` goes by the first item of `users` whose `type` is `customer`.",
    "type": "string",
    "pattern": r#"^((\.?"([^"\\]|\\.)*")|[^./\[\]$"*][^./\[\]*]*)(\[[^=\[\]"]+=("([^"\\]|\\.)*"|[^=\[\]"]+)\])?(\.("([^"\\]|\\.)*"|[^./\[\]"*][^./\[\]*]*)(\[[^=\[\]"]+=("([^"\\]|\\.)*"|[^=\[\]"]+)\])?)*$"#,
    "examples": ["users[type=customer].name"],
});

text_value!(ListPath, "ListPath", {
    "description": "A path to a list, as into a record: `data.items`. `*` is each item of a list or each value of an object: `orders.*`, `children.*.data`.",
    "type": "string",
    "pattern": r#"^((\.?"([^"\\]|\\.)*")|\*|[^./\[\]$"*][^./\[\]*]*)(\[[^=\[\]"]+=("([^"\\]|\\.)*"|[^=\[\]"]+)\])?(\.("([^"\\]|\\.)*"|\*|[^./\[\]"*][^./\[\]*]*)(\[[^=\[\]"]+=("([^"\\]|\\.)*"|[^=\[\]"]+)\])?)*$"#,
    "examples": ["data.items", "orders.*"],
});

/// What to do about a text that is no path.
pub(crate) const REMEDY: &str = "write the keys with dots between, like `customer.name`, and a key \
                                 that holds a dot in quotes, like `data.\"x.y\"`";

/// What to do about a text that is no path to be read.
pub(crate) const PICKED_REMEDY: &str = "write the keys with dots between, like `customer.name`, an \
                                        item by a field of its own, like \
                                        `users[type=customer].name`, and a key that holds a dot in \
                                        quotes, like `data.\"x.y\"`";

/// What to do about a text that is no path to a list.
const LIST_REMEDY: &str = "write the keys with dots between, like `data.items`; `*` is each value of \
                           an object, like `orders.*`";

/// The keys of a path, from the root; the error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Vec<String>, &'static str> {
    let segments = segments(text)?;
    if segments.iter().any(|segment| segment.item.is_some() || segment.is_each) {
        return Err(ONE_PLACE);
    }
    Ok(segments.into_iter().map(|segment| segment.key).collect())
}

/// As [`parse`], where a record is read: behind a key, `[FIELD=TEXT]` is the first item of a list
/// whose field is that text, number or boolean. It is a segment of its own, brackets included.
pub(crate) fn parse_picked(text: &str) -> Result<Vec<String>, &'static str> {
    let segments = segments(text)?;
    if segments.iter().any(|segment| segment.is_each) {
        return Err(ONE_PLACE);
    }
    Ok(segments.into_iter().flat_map(Segment::keys).collect())
}

/// As [`parse_picked`], where a list of records is read: `*` is each item or value, as [`EACH`].
fn parse_list(text: &str) -> Result<Vec<String>, &'static str> {
    Ok(segments(text)?.into_iter().flat_map(Segment::keys).collect())
}

/// Keys as they are written in a file.
pub(crate) fn written(keys: &[String]) -> String {
    let mut text = String::new();
    for key in keys {
        let is_item = is_item(key);
        let name: Cow<'_, str> = match key.as_str() {
            EACH => "*".into(),
            key if is_item || is_plain(key) => key.into(),
            key => crate::json::quote(key).into(),
        };
        if !is_item && (!text.is_empty() || name.starts_with('"')) {
            text.push('.');
        }
        text.push_str(&name);
    }
    text
}

const ONE_PLACE: &str = "it names one place by keys alone; for more there is `transform.jq`";
const NO_ITEM: &str = "an item is named by one field and its value, like `users[type=customer]`";

/// What stands between two dots.
struct Segment {
    key: String,
    /// `[FIELD=TEXT]`
    item: Option<String>,
    /// `*`
    is_each: bool,
}

impl Segment {
    fn keys(self) -> impl Iterator<Item = String> {
        let key = if self.is_each { EACH.to_owned() } else { self.key };
        [Some(key), self.item].into_iter().flatten()
    }
}

/// Whether a key names an item by a field of its own.
fn is_item(key: &str) -> bool {
    key.starts_with('[') && key.ends_with(']') && key.contains('=')
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.trim() == key && !key.contains(['.', '/', '[', ']', '"', '*', '$', '}'])
}

fn segments(text: &str) -> Result<Vec<Segment>, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    // As in jq, a dot may stand before a quoted key at the beginning.
    let mut rest = text.strip_prefix('.').filter(|rest| rest.starts_with('"')).unwrap_or(text);
    let mut segments = Vec::new();
    loop {
        let (segment, after) = segment(rest)?;
        segments.push(segment);
        rest = match after.strip_prefix('.') {
            Some(next) => next,
            None if after.is_empty() => break,
            None => return Err("a dot is missing between two keys"),
        };
    }
    // OData's names hold a dot, and nothing else begins so: keys in each other are never meant.
    let annotation = |segment: &Segment| matches!(&*segment.key, "@odata" | "@microsoft" | "odata");
    match segments.split_last() {
        Some((_, before)) if before.iter().any(annotation) => {
            Err("the name of an OData annotation is one key that holds a dot: quote it, like \
             `.\"@odata.nextLink\"`")
        }
        _ => Ok(segments),
    }
}

/// The segment that a text begins with, and what follows it.
fn segment(text: &str) -> Result<(Segment, &str), &'static str> {
    let (key, rest, is_quoted) = if text.starts_with('"') {
        let (key, rest) = quoted(text)?;
        if is_item(&key) || key == EACH {
            return Err("a key that is an item's name in brackets cannot be named");
        }
        (key, rest, true)
    } else {
        let (key, rest) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
        (key.to_owned(), rest, false)
    };
    let (item, rest) = item(rest)?;
    let is_each = !is_quoted && key == "*";
    if !is_quoted && !is_each {
        check_plain(&key, item.is_some())?;
    }
    Ok((Segment { key, item, is_each }, rest))
}

fn check_plain(key: &str, has_item: bool) -> Result<(), &'static str> {
    if key.is_empty() {
        return Err(if has_item { NO_ITEM } else { "a key is missing beside a dot" });
    }
    if key.contains('/') {
        return Err("keys are separated by dots, not by `/`; a key that holds one is quoted");
    }
    if key.starts_with('$') || key.contains([']', '*']) {
        return Err(ONE_PLACE);
    }
    if key.trim() != key {
        return Err("a key begins or ends with a blank");
    }
    Ok(())
}

/// The quoted key that a text begins with, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    let (end, _) = end.ok_or("a quote is not closed")?;
    let (quoted, rest) = text.split_at(end + 1);
    let key = serde_json::from_str(quoted).map_err(|_| "what is quoted is no JSON text")?;
    Ok((key, rest))
}

/// The item in brackets that a text begins with, where there is one, and what follows it.
fn item(text: &str) -> Result<(Option<String>, &str), &'static str> {
    let Some(inner) = text.strip_prefix('[') else { return Ok((None, text)) };
    let (field, rest) =
        inner.split_once('=').ok_or(if inner.starts_with(|c: char| c.is_ascii_digit()) {
            "an item is named by its number as a key of its own, like `items.0`"
        } else {
            NO_ITEM
        })?;
    let (value, rest) = match rest.starts_with('"') {
        true => quoted(rest)?,
        false => {
            let (value, rest) = rest.split_at(rest.find(']').ok_or(NO_ITEM)?);
            (value.to_owned(), rest)
        }
    };
    let rest = rest.strip_prefix(']').ok_or(NO_ITEM)?;
    let plain = |text: &str| {
        !text.is_empty() && text.trim() == text && !text.contains(['[', ']', '=', '"'])
    };
    if !plain(field) || field.contains('.') || value.is_empty() || value.contains(['[', ']']) {
        return Err(NO_ITEM);
    }
    if !rest.is_empty() && !rest.starts_with('.') {
        return Err(NO_ITEM);
    }
    Ok((Some(format!("[{field}={value}]")), rest))
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
    fn a_quoted_key_is_one_whatever_it_holds() {
        for (text, keys) in [
            (r#"."@odata.nextLink""#, &["@odata.nextLink"][..]),
            (r#""@odata.nextLink""#, &["@odata.nextLink"]),
            (r#"data."x.y".z"#, &["data", "x.y", "z"]),
            (r#"."x y"."a\"b/[c]""#, &["x y", "a\"b/[c]"]),
            (r#"a."""#, &["a", ""]),
            ("@odata.x", &[]),
        ] {
            match parse(text) {
                Ok(parsed) => {
                    assert_eq!(parsed, keys, "{text}");
                    assert_eq!(parse(&written(&parsed)).as_deref(), Ok(&*parsed), "{text}");
                }
                Err(fault) => assert!(keys.is_empty(), "{text}: {fault}"),
            }
        }
        for text in [
            r#"""#,
            r#"a."b"#,
            r#""a"b"#,
            r#"."a".."#,
            r#"."[a=b]""#,
            r#""\x""#,
            ".a",
            "data.@odata.count",
        ] {
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
        assert_eq!(parse_picked(r#"a[b="c.d"].e"#).unwrap(), ["a", "[b=c.d]", "e"]);
        assert_eq!(parse_picked(r#""a.b"[c=d]"#).unwrap(), ["a.b", "[c=d]"]);
        assert_eq!(parse_picked("a.0").unwrap(), ["a", "0"]);
        for text in
            ["", "a[0]", "[a=b]", "a[=b]", "a[b=]", "a[b=c", "a[b=c]d", "a[b=c][d=e]", "a[b.x=c]"]
        {
            assert!(parse_picked(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_value_of_a_list_or_object_is_a_star() {
        assert_eq!(parse_list("orders.*").unwrap(), ["orders", EACH]);
        assert_eq!(parse_list("*.data").unwrap(), [EACH, "data"]);
        assert_eq!(written(&parse_list("a.*.data[b=c]").unwrap()), "a.*.data[b=c]");
        for text in ["a*", "a.**", "a[*]", "*b"] {
            assert!(parse_list(text).is_err(), "{text}");
        }
        assert!(parse_picked("a.*").is_err());
    }
}
