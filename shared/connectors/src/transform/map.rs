//! `map`: the fields of the output by where they come from, in one pass over the record.
//!
//! The paths become one [`Trie`]; values are copied as the text that they are, never built. Of a key
//! that stands twice in a record, the last one counts.

use jiter::Jiter;
use tidegate_core::ports::{Transform, Transformed};
use tidegate_flow::spec::{Cast, FieldSpec, WhenAbsent};

use super::{cast, no_json};
use crate::json::{Picked, Trie, quote};

/// A compiled field map.
pub(super) struct FieldMap {
    trie: Trie,
    root: Vec<Entry>,
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
    Constant(Box<[u8]>),
    Field(Field),
}

/// A value from the record.
struct Field {
    slot: usize,
    default: Option<Box<[u8]>>,
    cast: Option<Cast>,
    when_absent: WhenAbsent,
    /// For messages: where it goes.
    target: String,
}

impl FieldMap {
    /// Compiles the fields, in the file's order; an object's fields stand where its first one does.
    pub(super) fn new(fields: &[(Vec<String>, FieldSpec)]) -> Self {
        let mut map = Self { trie: Trie::new(), root: Vec::new() };
        for (target, spec) in fields {
            let node = match (&spec.value, &spec.path) {
                (Some(value), _) => Node::Constant(value.to_string().into_bytes().into()),
                // Without a path, it is the field of the same name.
                (None, path) => Node::Field(Field {
                    slot: map.trie.add(path.as_ref().unwrap_or(target)),
                    default: spec.default.as_ref().map(|json| json.to_string().into_bytes().into()),
                    cast: spec.cast,
                    when_absent: spec.when_absent,
                    target: target.join("."),
                }),
            };
            place(&mut map.root, target, node);
        }
        map
    }

    /// Writes an object's entries with a comma between; answers whether there were any.
    fn write(
        &self,
        entries: &[Entry],
        record: &[u8],
        picked: &Picked,
        out: &mut Vec<u8>,
    ) -> Result<bool, Box<str>> {
        let mut any = false;
        for entry in entries {
            let start = out.len();
            if any {
                out.push(b',');
            }
            out.extend_from_slice(&entry.key);
            let written = match &entry.node {
                Node::Constant(json) => {
                    out.extend_from_slice(json);
                    true
                }
                Node::Field(field) => field.write(record, picked, out)?,
                Node::Object(entries) => {
                    out.push(b'{');
                    let written = self.write(entries, record, picked, out)?;
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

impl Field {
    /// Writes the value; answers whether there is one to be written.
    fn write(&self, record: &[u8], picked: &Picked, out: &mut Vec<u8>) -> Result<bool, Box<str>> {
        match (&picked[self.slot], &self.default, self.when_absent) {
            (Some(range), _, _) => {
                let json = &record[range.clone()];
                match self.cast {
                    None => out.extend_from_slice(json),
                    Some(cast) => {
                        cast::write(json, cast, out).map_err(|found| self.no_such(cast, found))?
                    }
                }
            }
            (None, Some(default), _) => out.extend_from_slice(default),
            (None, None, WhenAbsent::Null) => out.extend_from_slice(b"null"),
            (None, None, WhenAbsent::Omit) => return Ok(false),
            (None, None, WhenAbsent::Refuse) => {
                return Err(format!("`{}` is missing from the record", self.target).into());
            }
        }
        Ok(true)
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

impl Transform for FieldMap {
    fn apply(&self, record: &[u8], _found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        let start = out.len();
        // Values are copied as they are, so that what is copied must be text.
        if std::str::from_utf8(record).is_err() {
            return Transformed::Refused("the record is not UTF-8".into());
        }
        let mut picked = vec![None; self.trie.slots()];
        let mut json = Jiter::new(record);
        let read = self.trie.pick(&mut json, &mut picked).and_then(|()| json.finish());
        if let Err(error) = read {
            return Transformed::Refused(no_json(&error, record));
        }
        out.push(b'{');
        match self.write(&self.root, record, &picked, out) {
            Ok(_) => {
                out.push(b'}');
                Transformed::Written
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
