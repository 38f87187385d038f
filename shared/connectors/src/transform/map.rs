//! `map`: the fields of the output by where they come from, in one pass over the record.
//!
//! The paths become one [`Picker`]; values are copied as the text that they are, never built. Of a key
//! that stands twice in a record, the last one counts. What was looked up is read only where a field
//! asks for it, in one pass of its own.

use std::borrow::Cow;

use tidegate_core::ports::{Transform, Transformed};
use tidegate_flow::spec::{Cast, FieldSpec, WhenAbsent, Words};

use super::{cast, check::no_json, words};
use crate::json::{Picker, Picks, fault, is_same_text, quote};

/// A compiled field map.
pub(super) struct FieldMap {
    picker: Picker,
    root: Vec<Entry>,
    known: Option<Known>,
}

/// What is read of a looked-up record.
struct Known {
    picker: Picker,
    /// Whether fields are merged with it, so that there may be nothing left to send.
    merges: bool,
}

/// One key of an output object.
struct Entry {
    name: String,
    /// `"name":`
    key: Box<[u8]>,
    node: Node,
}

enum Node {
    /// An object; left out where nothing is in it.
    Object(Vec<Entry>),
    Leaf(Leaf),
}

/// A value, and how it goes together with what was looked up: slots there.
struct Leaf {
    value: Value,
    /// What must not be overwritten.
    never_overwrite: Option<usize>,
    /// What it is no news beside; none where it never is any, or nothing is merged.
    counterpart: Option<usize>,
}

enum Value {
    Constant(Box<[u8]>),
    Field(Field),
}

/// A value from the record, or from what was looked up.
struct Field {
    slot: Slot,
    default: Option<Box<[u8]>>,
    words: Option<Words>,
    cast: Option<Cast>,
    when_absent: WhenAbsent,
    /// With [`WhenAbsent::Keep`], the looked-up field that is written then.
    keep: Option<usize>,
    /// It is merged: an empty text is absent, as it is in what was looked up.
    empty_is_absent: bool,
    /// For messages: where it goes.
    target: String,
}

enum Slot {
    Record(usize),
    Known(usize),
}

/// What a record's fields are written from.
struct Given<'a> {
    record: Picks<'a>,
    /// What was looked up, where it is read.
    found: Option<Picks<'a>>,
}

/// Where a value that was written came from.
#[derive(PartialEq, Eq)]
enum Written {
    Nothing,
    Record,
    Known,
}

impl FieldMap {
    /// Compiles the fields, in the file's order; an object's fields stand where its first one does.
    pub(super) fn new(fields: &[(Vec<String>, FieldSpec)]) -> Self {
        let merges = fields.iter().any(|(_, spec)| spec.merges());
        let mut map = Self { picker: Picker::new(), root: Vec::new(), known: None };
        let mut known = Picker::new();
        for (target, spec) in fields {
            let json = |json: &serde_json::Value| json.to_string().into_bytes().into();
            let value = match (&spec.value, &spec.lookup) {
                (Some(value), _) => Value::Constant(json(value)),
                (None, lookup) => Value::Field(Field {
                    slot: match lookup {
                        Some(path) => Slot::Known(known.add(path)),
                        // Without a path, it is the field of the same name.
                        None => Slot::Record(map.picker.add(spec.path.as_ref().unwrap_or(target))),
                    },
                    default: spec.default.as_ref().map(json),
                    words: spec.words,
                    cast: spec.cast,
                    when_absent: spec.when_absent,
                    empty_is_absent: spec.merges(),
                    keep: (spec.when_absent == WhenAbsent::Keep).then(|| known.add(target)),
                    target: target.join("."),
                }),
            };
            // What was found by the key is no news.
            let news = merges && !spec.is_key;
            let leaf = Leaf {
                value,
                never_overwrite: spec.never_overwrite.as_ref().map(|path| known.add(path)),
                counterpart: news.then(|| known.add(target)),
            };
            place(&mut map.root, target, Node::Leaf(leaf));
        }
        map.known = (!known.is_empty()).then_some(Known { picker: known, merges });
        map
    }

    /// Writes an object's entries with a comma between; answers whether there were any. Says in
    /// `news` whether one of them is not known yet.
    fn write(
        &self,
        entries: &[Entry],
        given: &Given<'_>,
        out: &mut Vec<u8>,
        news: &mut bool,
    ) -> Result<bool, Box<str>> {
        let mut any = false;
        for entry in entries {
            let start = out.len();
            if any {
                out.push(b',');
            }
            out.extend_from_slice(&entry.key);
            let written = match &entry.node {
                Node::Leaf(leaf) => leaf.write(given, out, news)?,
                Node::Object(entries) => {
                    out.push(b'{');
                    let written = self.write(entries, given, out, news)?;
                    out.push(b'}');
                    written
                }
            };
            if written {
                any = true;
            } else {
                out.truncate(start);
            }
        }
        Ok(any)
    }
}

/// Puts a node at its place in the output.
fn place(entries: &mut Vec<Entry>, target: &[String], node: Node) {
    let Some((name, rest)) = target.split_first() else { return };
    let at = entries.iter().position(|entry| entry.name == *name).unwrap_or_else(|| {
        let key = format!("{}:", quote(name)).into_bytes().into();
        entries.push(Entry { name: name.clone(), key, node: Node::Object(Vec::new()) });
        entries.len() - 1
    });
    if rest.is_empty() {
        entries[at].node = node;
        return;
    }
    // The parser refuses a target that is both a value and an object; the later one would win.
    if !matches!(entries[at].node, Node::Object(_)) {
        entries[at].node = Node::Object(Vec::new());
    }
    if let Node::Object(inner) = &mut entries[at].node {
        place(inner, rest, node);
    }
}

impl Given<'_> {
    /// What was looked up for a slot; `None` where it is absent or null.
    fn known(&self, slot: usize) -> Option<&[u8]> {
        self.found.as_ref()?.json(slot)
    }

    fn value(&self, slot: &Slot) -> Option<&[u8]> {
        match slot {
            Slot::Record(slot) => self.record.json(*slot),
            Slot::Known(slot) => self.known(*slot),
        }
    }
}

impl Leaf {
    /// Writes the value; answers whether there is one to be written.
    fn write(
        &self,
        given: &Given<'_>,
        out: &mut Vec<u8>,
        news: &mut bool,
    ) -> Result<bool, Box<str>> {
        if let Some(slot) = self.never_overwrite
            && given.known(slot).is_some_and(|known| !is_empty_text(known))
        {
            return Ok(false);
        }
        let start = out.len();
        let written = match &self.value {
            Value::Constant(json) => {
                out.extend_from_slice(json);
                Written::Record
            }
            Value::Field(field) => field.write(given, out)?,
        };
        if let (Written::Record, Some(slot)) = (&written, self.counterpart)
            && !*news
        {
            // What is absent there is null.
            let known = given.known(slot).unwrap_or(b"null");
            *news = !is_same_text(&out[start..], known);
        }
        Ok(written != Written::Nothing)
    }
}

impl Field {
    fn write(&self, given: &Given<'_>, out: &mut Vec<u8>) -> Result<Written, Box<str>> {
        let value = given.value(&self.slot);
        let value = match self.words {
            None => value.map(Cow::Borrowed),
            Some(words) => value.and_then(|json| words::pick(json, words)),
        };
        let value = value.filter(|json| !self.empty_is_absent || !is_empty_text(json));
        match (value, &self.default, self.when_absent) {
            (Some(json), _, _) => {
                match self.cast {
                    None => out.extend_from_slice(&json),
                    Some(cast) => {
                        cast::write(&json, cast, out).map_err(|found| self.no_such(cast, found))?
                    }
                }
                // A default or a null of what was looked up is the record's own again.
                return Ok(match self.slot {
                    Slot::Record(_) => Written::Record,
                    Slot::Known(_) => Written::Known,
                });
            }
            (None, Some(default), _) => out.extend_from_slice(default),
            (None, None, WhenAbsent::Null) => out.extend_from_slice(b"null"),
            (None, None, WhenAbsent::Omit) => return Ok(Written::Nothing),
            (None, None, WhenAbsent::Keep) => {
                let known = self.keep.and_then(|slot| given.known(slot));
                let Some(known) = known else { return Ok(Written::Nothing) };
                out.extend_from_slice(known);
                return Ok(Written::Known);
            }
            (None, None, WhenAbsent::Refuse) => {
                let lacks = match self.slot {
                    Slot::Record(_) => "the record",
                    Slot::Known(_) => "what was looked up",
                };
                return Err(format!("`{}` is missing from {lacks}", self.target).into());
            }
        }
        Ok(Written::Record)
    }

    /// Says the kind of value and not the value, which may be anybody's data.
    fn no_such(&self, cast: Cast, found: &str) -> Box<str> {
        let wanted = match cast {
            Cast::String => "a string",
            Cast::Integer => "an integer",
            Cast::Number => "a number",
            Cast::Boolean => "a boolean",
        };
        format!("`{}` should be {wanted}, but the record has {found}", self.target).into()
    }
}

fn is_empty_text(json: &[u8]) -> bool {
    json == b"\"\""
}

impl Known {
    /// Reads what was looked up.
    fn pick<'f>(&self, found: &'f [u8]) -> Result<Picks<'f>, Box<str>> {
        if std::str::from_utf8(found).is_err() {
            return Err("what was looked up is not UTF-8".into());
        }
        self.picker.pick_all(found).map_err(|error| {
            format!("what was looked up is no JSON: {}", fault(&error, found)).into()
        })
    }
}

impl Transform for FieldMap {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        let start = out.len();
        // Values are copied as they are, so that what is copied must be text.
        if std::str::from_utf8(record).is_err() {
            return Transformed::Refused("the record is not UTF-8".into());
        }
        let picked = match self.picker.pick_all(record) {
            Ok(picked) => picked,
            Err(error) => return Transformed::Refused(no_json(&error, record)),
        };
        let read = self.known.as_ref().zip(found).map(|(known, found)| known.pick(found));
        let found = match read.transpose() {
            Ok(found) => found,
            Err(reason) => return Transformed::Refused(reason),
        };
        // Where nothing was found, or nothing is merged, everything is.
        let merges = self.known.as_ref().is_some_and(|known| known.merges);
        let mut news = found.is_none() || !merges;
        out.push(b'{');
        let given = Given { record: picked, found };
        match self.write(&self.root, &given, out, &mut news) {
            Ok(_) if news => {
                out.push(b'}');
                Transformed::Written
            }
            Ok(_) => {
                out.truncate(start);
                Transformed::Unchanged
            }
            Err(reason) => {
                out.truncate(start);
                Transformed::Refused(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    fn from(text: &str) -> FieldSpec {
        FieldSpec { path: Some(path(text)), ..FieldSpec::default() }
    }

    fn merge(fields: &[(&str, FieldSpec)], record: &str, found: &str) -> String {
        let fields: Vec<_> = fields.iter().map(|(to, spec)| (path(to), spec.clone())).collect();
        let mut out = b"[".to_vec();
        let map = FieldMap::new(&fields);
        let transformed = map.apply(record.as_bytes(), Some(found.as_bytes()), &mut out);
        let out = String::from_utf8(out).unwrap()[1..].to_owned();
        match transformed {
            Transformed::Written => return out,
            Transformed::Unchanged => assert_eq!(out, ""),
            other => panic!("{other:?}"),
        }
        "unchanged".to_owned()
    }

    fn never(text: &str, known: &str) -> FieldSpec {
        FieldSpec { never_overwrite: Some(path(known)), ..from(text) }
    }

    fn apply(fields: &[(&str, FieldSpec)], record: &str) -> Result<String, String> {
        let fields: Vec<_> = fields.iter().map(|(to, spec)| (path(to), spec.clone())).collect();
        let mut out = b"[".to_vec();
        match FieldMap::new(&fields).apply(record.as_bytes(), None, &mut out) {
            Transformed::Written => Ok(String::from_utf8(out).unwrap()[1..].to_owned()),
            Transformed::Refused(reason) => {
                assert_eq!(out, b"[", "a refused record leaves nothing behind");
                Err(reason.into())
            }
            Transformed::Filtered | Transformed::Unchanged => unreachable!(),
        }
    }

    #[test]
    fn fields_are_renamed_nested_and_copied_as_they_stand() {
        let fields = [
            ("orderId", from("id")),
            ("customer.name", from("buyer.name")),
            ("total", from("amounts.total")),
            ("customer.mail", from("buyer.mail")),
            ("lines", from("lines")),
            ("first", from("lines.0.sku")),
            ("id2", from("id")),
        ];
        let record = r#"{"lines":[{"sku":"a\u0042"} ],"id":7,"buyer":{"mail":"m","name":"é\n"},
            "amounts":{"total":1.50}}"#;
        assert_eq!(
            apply(&fields, record).unwrap(),
            r#"{"orderId":7,"customer":{"name":"é\n","mail":"m"},"total":1.50,"lines":[{"sku":"a\u0042"} ],"first":"a\u0042","id2":7}"#
        );
    }

    #[test]
    fn constants_defaults_and_absence() {
        let fields = [
            ("a", FieldSpec { default: Some(json!({"x": 1})), ..from("a") }),
            ("b", FieldSpec { when_absent: WhenAbsent::Null, ..from("b") }),
            ("c", from("c")),
            ("deep.er.d", from("d")),
            ("k\"ey", FieldSpec { value: Some(json!("v")), ..FieldSpec::default() }),
        ];
        let all_absent = r#"{"a":{"x":1},"b":null,"k\"ey":"v"}"#;
        assert_eq!(apply(&fields, "{}").unwrap(), all_absent);
        assert_eq!(apply(&fields, r#"{"a":null,"b":null,"c":null,"d":null}"#).unwrap(), all_absent);
        assert_eq!(
            apply(&fields, r#"{"a":false,"b":0,"c":"","d":[]}"#).unwrap(),
            r#"{"a":false,"b":0,"c":"","deep":{"er":{"d":[]}},"k\"ey":"v"}"#
        );
    }

    #[test]
    fn words_that_are_not_there_are_absent_and_those_that_are_may_be_merged() {
        let words = |words, spec: FieldSpec| FieldSpec { words: Some(words), ..spec };
        let rest = |when_absent| FieldSpec { when_absent, ..words(Words::Rest, from("name")) };
        let fields = [
            ("first", words(Words::First, never("name", "first"))),
            ("last", rest(WhenAbsent::Omit)),
        ];
        let whole = r#"{"first":"Ada","last":"de la Cruz"}"#;
        assert_eq!(apply(&fields, r#"{"name":"Ada de la Cruz"}"#).unwrap(), whole);
        assert_eq!(apply(&fields, r#"{"name":"Ada"}"#).unwrap(), r#"{"first":"Ada"}"#);
        let known = r#"{"first":"Ad","last":"Cruz"}"#;
        assert_eq!(merge(&fields, r#"{"name":"Ada Cruz"}"#, known), "unchanged");
        assert_eq!(merge(&fields, r#"{"name":"Ada Diaz"}"#, known), r#"{"last":"Diaz"}"#);
        let must = [("last", rest(WhenAbsent::Refuse))];
        let reason = apply(&must, r#"{"name":"Ada"}"#).unwrap_err();
        assert_eq!(reason, "`last` is missing from the record");
    }

    #[test]
    fn what_must_be_there_and_is_not_refuses_the_record_by_name() {
        let field = FieldSpec { when_absent: WhenAbsent::Refuse, ..from("buyer.mail") };
        let reason =
            apply(&[("x", from("x")), ("customer.mail", field)], r#"{"x":1}"#).unwrap_err();
        assert_eq!(reason, "`customer.mail` is missing from the record");
        let field = FieldSpec { cast: Some(Cast::Integer), ..from("n") };
        let reason = apply(&[("n", field)], r#"{"n":"4 apples"}"#).unwrap_err();
        assert_eq!(reason, "`n` should be an integer, but the record has a text that is no number");
    }

    #[test]
    fn what_is_known_is_never_overwritten_and_what_is_empty_is_filled() {
        let key = FieldSpec { is_key: true, ..from("mail") };
        let fields =
            [("email", key), ("city", never("city", "city")), ("tel", never("phone", "mobile"))];
        let record = r#"{"mail":"Ada@x","city":"Bonn","phone":"1"}"#;
        let all = r#"{"email":"Ada@x","city":"Bonn","tel":"1"}"#;
        assert_eq!(apply(&fields, record).unwrap(), all, "nothing was found");
        for (found, made) in [
            (r#"{"email":"ada@x","city":null,"mobile":""}"#, all),
            ("{}", all),
            (r#"{"city":"Kiel"}"#, r#"{"email":"Ada@x","tel":"1"}"#),
            (r#"{"mobile":"2","city":""}"#, r#"{"email":"Ada@x","city":"Bonn"}"#),
            (r#"{"city":"Kiel","mobile":"2"}"#, "unchanged"),
            // Known, and no text: zero and false are values.
            (r#"{"city":0,"mobile":false}"#, "unchanged"),
            // What would be written is there, but under the other name.
            (r#"{"city":"Bonn","tel":"1"}"#, "unchanged"),
        ] {
            assert_eq!(merge(&fields, record, found), made, "{found}");
        }
        // What the record does not have needs no filling.
        assert_eq!(merge(&fields, r#"{"mail":"a@x"}"#, r#"{"city":null}"#), "unchanged");
        // It is not looked at where it is known.
        let cast = FieldSpec { cast: Some(Cast::Integer), ..never("n", "n") };
        assert_eq!(
            merge(&[("n", cast), ("a", from("a"))], r#"{"n":"x","a":1}"#, r#"{"n":1}"#),
            r#"{"a":1}"#
        );
    }

    #[test]
    fn a_constant_and_a_nested_field_are_merged_too() {
        let source = FieldSpec {
            value: Some(json!("chat")),
            never_overwrite: Some(path("source")),
            ..FieldSpec::default()
        };
        let fields = [("a.b.city", never("city", "a.b.city")), ("source", source)];
        let record = r#"{"city":"Bonn"}"#;
        assert_eq!(
            merge(&fields, record, r#"{"a":{"b":{"city":"Kiel"}}}"#),
            r#"{"source":"chat"}"#
        );
        assert_eq!(
            merge(&fields, record, r#"{"a":{"b":{}},"source":"web"}"#),
            r#"{"a":{"b":{"city":"Bonn"}}}"#
        );
    }

    #[test]
    fn where_the_record_has_nothing_what_is_known_is_kept() {
        let keep = |text: &str| FieldSpec { when_absent: WhenAbsent::Keep, ..from(text) };
        let fields = [("city", keep("town")), ("name", from("name"))];
        let found = r#"{"city":{"x" : 1.50},"name":"Ada"}"#;
        assert_eq!(
            merge(&fields, r#"{"name":"Eve"}"#, found),
            r#"{"city":{"x" : 1.50},"name":"Eve"}"#
        );
        assert_eq!(
            merge(&fields, r#"{"town":"Bonn","name":"Ada"}"#, found),
            r#"{"city":"Bonn","name":"Ada"}"#
        );
        assert_eq!(merge(&fields, r#"{"name":"Ada"}"#, found), "unchanged");
        assert_eq!(apply(&fields, r#"{"town":null,"name":"Ada"}"#).unwrap(), r#"{"name":"Ada"}"#);
    }

    #[test]
    fn in_a_merged_field_the_records_empty_text_is_no_value() {
        let keep = FieldSpec { when_absent: WhenAbsent::Keep, ..from("phone") };
        let fields = [("phone", keep), ("city", never("city", "city")), ("note", from("note"))];
        let empty = r#"{"phone":"","city":"","note":""}"#;
        // A form's field that nobody touched clears nothing, and is no news.
        let known = r#"{"phone":"+49 2","city":null,"note":""}"#;
        assert_eq!(merge(&fields, empty, known), "unchanged");
        assert_eq!(
            merge(&fields, empty, r#"{"phone":"+49 2","note":"x"}"#),
            r#"{"phone":"+49 2","note":""}"#,
            "a field that is not merged is what it is"
        );
        assert_eq!(apply(&fields, empty).unwrap(), r#"{"note":""}"#, "nothing was found");
        // As null is: a default is taken, and nothing is cast.
        let other =
            FieldSpec { default: Some(json!(7)), cast: Some(Cast::Integer), ..never("n", "n") };
        assert_eq!(merge(&[("n", other)], r#"{"n":""}"#, r#"{"n":""}"#), r#"{"n":7}"#);
        let must = FieldSpec { when_absent: WhenAbsent::Refuse, ..never("n", "n") };
        let reason = apply(&[("n", must)], r#"{"n":""}"#).unwrap_err();
        assert_eq!(reason, "`n` is missing from the record");
        assert_eq!(merge(&fields, r#"{"phone":" "}"#, "{}"), r#"{"phone":" "}"#);
    }

    #[test]
    fn nothing_is_left_to_send_where_all_is_equal_in_value() {
        let fields = [
            ("a", from("a")),
            ("b", never("b", "b")),
            ("n", FieldSpec { when_absent: WhenAbsent::Null, ..from("n") }),
        ];
        let record = r#"{"a":{"x":1,"y":["\u00e9"]},"b":2}"#;
        assert_eq!(merge(&fields, record, r#"{"a":{"y":["é"],"x":1.0},"b":3}"#), "unchanged");
        assert_eq!(
            merge(&fields, record, r#"{"a":{"y":["é"],"x":1.0},"b":3,"n":null}"#),
            "unchanged"
        );
        assert!(merge(&fields, record, r#"{"a":{"y":["e"],"x":1.0},"b":3}"#).contains("u00e9"));
        assert!(
            merge(&fields, record, r#"{"a":{"y":["é"],"x":1.0},"b":3,"n":0}"#).contains("null")
        );
        assert!(merge(&fields, record, "[]").contains("u00e9"));
    }

    #[test]
    fn a_map_that_only_reads_what_is_known_always_writes() {
        // Another system's record is nothing to be compared with.
        let known = FieldSpec { lookup: Some(path("deep.region")), ..FieldSpec::default() };
        let fields = [("sku", from("sku")), ("region", known.clone())];
        let found = r#"{"sku":7,"region":"x","deep":{"region":"EU"}}"#;
        assert_eq!(merge(&fields, r#"{"sku":7}"#, found), r#"{"sku":7,"region":"EU"}"#);
        assert_eq!(apply(&fields, r#"{"sku":7}"#).unwrap(), r#"{"sku":7}"#);
        let must = FieldSpec { when_absent: WhenAbsent::Refuse, ..known };
        let reason = apply(&[("region", must)], "{}").unwrap_err();
        assert_eq!(reason, "`region` is missing from what was looked up");
    }

    #[test]
    fn beside_a_merge_what_comes_from_there_is_no_news() {
        let id = FieldSpec { lookup: Some(path("id")), ..FieldSpec::default() };
        let score = FieldSpec {
            lookup: Some(path("score")),
            default: Some(json!(0)),
            ..FieldSpec::default()
        };
        let fields = [("lead", id), ("score", score), ("city", never("city", "city"))];
        let record = r#"{"city":"Bonn"}"#;
        assert_eq!(merge(&fields, record, r#"{"id":7,"score":3,"city":"Kiel"}"#), "unchanged");
        assert_eq!(
            merge(&fields, record, r#"{"id":7,"city":"Kiel"}"#),
            r#"{"lead":7,"score":0}"#,
            "a default is"
        );
    }

    #[test]
    fn what_was_looked_up_and_is_no_json_refuses_the_record() {
        let map = FieldMap::new(&[(path("a"), never("a", "a"))]);
        for bad in [&b"{"[..], b"", b"{\"a\":\"\xff\"}"] {
            let mut out = Vec::new();
            let transformed = map.apply(b"{}", Some(bad), &mut out);
            assert!(matches!(transformed, Transformed::Refused(_)) && out.is_empty());
        }
        // Where no field asks for it, it is not read.
        let map = FieldMap::new(&[(path("a"), from("a"))]);
        assert_eq!(map.apply(b"{}", Some(b"{"), &mut Vec::new()), Transformed::Written);
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_one_counts() {
        assert_eq!(apply(&[("a", from("a"))], r#"{"a":1,"a":2}"#).unwrap(), r#"{"a":2}"#);
    }

    #[test]
    fn what_is_no_object_has_no_fields_and_what_is_no_json_is_refused() {
        assert_eq!(apply(&[("a", from("a"))], "[1]").unwrap(), "{}");
        for bad in ["", "{", r#"{"a":1"#, r#"{"a":1}}"#, "{'a':1}"] {
            assert!(apply(&[("a", from("a"))], bad).is_err(), "{bad}");
        }
    }
}
