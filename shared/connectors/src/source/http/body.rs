//! The body that a list is asked for by, and the parameters' places in it.

use bytes::Bytes;
use tidegate_core::model::RecordId;
use tidegate_flow::spec::{CursorBy, CursorSpec, JsonTemplate, TimeFormat};

use crate::{error::ConnectError, json::quote, resolver::Resolver};

/// A JSON object with places for parameters.
pub(super) struct ListBody {
    root: Node,
    /// Each place as the flow file writes it; its index is its slot.
    places: Vec<String>,
    by: CursorBy,
    format: TimeFormat,
}

enum Node {
    /// JSON without places.
    Fixed(String),
    Slot(usize),
    /// Each key as JSON with its colon. An object that is there for its places alone is left out
    /// where they are empty.
    Object {
        fields: Vec<(String, Node)>,
        is_given: bool,
    },
    List(Vec<Node>),
}

impl ListBody {
    /// Fills in a connection's values. The flow file's check has seen to it that every one of
    /// `places` is free.
    pub(super) fn new<'p>(
        template: &JsonTemplate,
        cursor: &CursorSpec,
        places: impl Iterator<Item = &'p str>,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let mut root = Node::of(template, resolver)?;
        let mut known: Vec<String> = Vec::new();
        for place in places {
            if !known.iter().any(|other| other == place) {
                root.put(place.split('.'), known.len())?;
                known.push(place.to_owned());
            }
        }
        Ok(Self { root, places: known, by: cursor.by, format: cursor.format })
    }

    /// The body with these values, as JSON, at their places; of two for one place, the later. A place
    /// without a value is left out.
    pub(super) fn render(&self, values: &[(&str, String)]) -> Bytes {
        let value = |slot: usize| {
            let found = values.iter().rev().find(|(place, _)| *place == self.places[slot]);
            found.map(|(_, json)| json.as_str())
        };
        let mut out = String::new();
        self.root.write(&value, &mut out);
        Bytes::from(out)
    }

    /// The body with one value and nothing else.
    pub(super) fn alone(place: &str, json: &str) -> Bytes {
        let mut out = String::new();
        for key in place.split('.') {
            out.push('{');
            out.push_str(&quote(key));
            out.push(':');
        }
        out.push_str(json);
        out.extend(place.split('.').map(|_| '}'));
        Bytes::from(out)
    }

    /// A value of `since` or `until` as JSON.
    pub(super) fn bound(&self, text: &str) -> String {
        let is_number = match self.by {
            // As the position's id was told from a text.
            CursorBy::Id => text.parse::<i64>().is_ok_and(|id| id.to_string() == text),
            CursorBy::Timestamp | CursorBy::TimestampId => {
                self.format != TimeFormat::Rfc3339
                    && serde_json::from_str::<serde_json::Number>(text).is_ok()
            }
        };
        // As it was written: a number that is read and written again may be another.
        if is_number { text.to_owned() } else { quote(text) }
    }
}

/// A record's id as JSON.
pub(super) fn id(id: &RecordId) -> String {
    match id {
        RecordId::Number(number) => number.to_string(),
        RecordId::Text(text) => quote(text),
    }
}

impl Node {
    fn of(template: &JsonTemplate, resolver: &Resolver<'_>) -> Result<Self, ConnectError> {
        Ok(match template {
            JsonTemplate::Text(text) => Self::Fixed(quote(&resolver.text(text, PLACE)?)),
            JsonTemplate::Plain(value) => Self::Fixed(value.to_string()),
            JsonTemplate::List(items) => Self::List(
                items.iter().map(|item| Self::of(item, resolver)).collect::<Result<_, _>>()?,
            ),
            JsonTemplate::Object(fields) => {
                let field = |(name, value): &(String, JsonTemplate)| {
                    Ok((key(name), Self::of(value, resolver)?))
                };
                let fields = fields.iter().map(field).collect::<Result<_, ConnectError>>()?;
                Self::Object { fields, is_given: true }
            }
        })
    }

    /// Makes a place for a slot.
    fn put<'k>(
        &mut self,
        mut keys: impl Iterator<Item = &'k str>,
        slot: usize,
    ) -> Result<(), ConnectError> {
        let taken = || ConnectError::new(PLACE, "a parameter's place in it is taken");
        let Some(name) = keys.next() else { return Err(taken()) };
        let next = match self {
            Self::Object { fields, .. } => {
                let name = key(name);
                match fields.iter().position(|(other, _)| *other == name) {
                    Some(index) => &mut fields[index].1,
                    None => {
                        fields.push((name, Self::made_for(keys, slot)));
                        return Ok(());
                    }
                }
            }
            Self::List(items) => {
                let index = name.parse::<usize>().ok();
                index.and_then(|index| items.get_mut(index)).ok_or_else(taken)?
            }
            Self::Fixed(_) | Self::Slot(_) => return Err(taken()),
        };
        next.put(keys, slot)
    }

    /// What is at a place that nothing else leads to.
    fn made_for<'k>(mut keys: impl Iterator<Item = &'k str>, slot: usize) -> Self {
        match keys.next() {
            None => Self::Slot(slot),
            Some(name) => {
                let inner = Self::made_for(keys, slot);
                Self::Object { fields: vec![(key(name), inner)], is_given: false }
            }
        }
    }

    /// Writes it, and answers whether there was anything to write.
    fn write<'v>(&self, value: &impl Fn(usize) -> Option<&'v str>, out: &mut String) -> bool {
        match self {
            Self::Fixed(json) => out.push_str(json),
            Self::Slot(slot) => match value(*slot) {
                Some(json) => out.push_str(json),
                None => return false,
            },
            Self::Object { fields, is_given } => {
                out.push('{');
                let mut any = false;
                for (name, node) in fields {
                    let start = out.len();
                    if any {
                        out.push(',');
                    }
                    out.push_str(name);
                    if node.write(value, out) {
                        any = true;
                    } else {
                        out.truncate(start);
                    }
                }
                out.push('}');
                return any || *is_given;
            }
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    // An item is an object or a value of the file's own: it is always there.
                    item.write(value, out);
                }
                out.push(']');
            }
        }
        true
    }
}

const PLACE: &str = "source.http.body";

fn key(name: &str) -> String {
    format!("{}:", quote(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Connection, spec::SourceSpec};

    use super::*;

    fn body(literal: &str, by: CursorBy, format: TimeFormat, places: &[&str]) -> ListBody {
        let body: Value = serde_json::from_str(literal).unwrap();
        let flow = crate::testing::flow(json!({
            "flow": "x",
            "params": { "tenant": { "default": "a\"b" } },
            "source": { "http": {
                "url": "https://a.test/", "body": body, "cursor": { "by": "id" }, "pagination": "none",
            } },
            "destination": { "http": { "url": "https://b.test/" } },
        }));
        let SourceSpec::Http(source) = &flow.source;
        let cursor = CursorSpec { by, format, ..source.cursor.clone() };
        let connection = Connection::default().with_defaults(&flow);
        let resolver = Resolver::new(&connection);
        let template = source.body.as_ref().unwrap();
        ListBody::new(template, &cursor, places.iter().copied(), &resolver).unwrap()
    }

    fn rendered(body: &ListBody, values: &[(&str, &str)]) -> Value {
        let values: Vec<_> = values.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        serde_json::from_slice(&body.render(&values)).unwrap()
    }

    #[test]
    fn values_stand_at_their_places_among_the_literals() {
        let literal = r#"{ "f": [{ "k": "${params.tenant}" }, { "op": "GTE" }], "n": 1.50, "deep": { "x": null } }"#;
        let places = ["f.1.value", "deep.y.z", "page.size", "page.at"];
        let body = body(literal, CursorBy::Id, TimeFormat::Rfc3339, &places);
        let values = [("f.1.value", "7"), ("deep.y.z", "\"a\""), ("page.size", "100")];
        assert_eq!(
            rendered(&body, &values),
            serde_json::json!({
                "f": [{"k": "a\"b"}, {"op": "GTE", "value": 7}], "n": 1.5,
                "deep": {"x": null, "y": {"z": "a"}}, "page": {"size": 100},
            })
        );
        // What is there for its places alone goes with them.
        assert_eq!(
            rendered(&body, &[]),
            serde_json::json!({
                "f": [{"k": "a\"b"}, {"op": "GTE"}], "n": 1.5, "deep": {"x": null},
            })
        );
    }

    #[test]
    fn an_object_of_the_files_own_stays_though_it_is_empty_and_the_later_value_counts() {
        let body = body(r#"{ "filters": {} }"#, CursorBy::Id, TimeFormat::Rfc3339, &["filters.id"]);
        assert_eq!(rendered(&body, &[]), serde_json::json!({ "filters": {} }));
        let twice = [("filters.id", "1"), ("filters.id", "2")];
        assert_eq!(rendered(&body, &twice), serde_json::json!({ "filters": { "id": 2 } }));
        assert_eq!(ListBody::alone("a.b", "\"t\""), r#"{"a":{"b":"t"}}"#);
    }

    #[test]
    fn ids_and_epochs_are_numbers_as_they_were_written_and_all_the_rest_is_text() {
        use CursorBy::{Id, Timestamp};
        use TimeFormat::{EpochMillis, EpochSeconds, Rfc3339};
        for (by, format, text, json) in [
            (Id, Rfc3339, "12", "12"),
            (Id, Rfc3339, "-1", "-1"),
            (Id, Rfc3339, "007", "\"007\""),
            (Id, EpochMillis, "a\"", r#""a\"""#),
            (Timestamp, Rfc3339, "2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00Z\""),
            (Timestamp, EpochSeconds, "1700000000.123456789", "1700000000.123456789"),
            (Timestamp, EpochMillis, "1700000000123", "1700000000123"),
            (Timestamp, EpochMillis, "0123", "\"0123\""),
        ] {
            assert_eq!(body("{}", by, format, &[]).bound(text), json, "{text}");
        }
    }
}
