//! The body that a list is asked for by, and the parameters' places in it.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::RecordId;

use super::cursor::Cursor;
use crate::{
    error::ConnectError,
    json::quote,
    resolver::Resolver,
    value::{JsonPart, JsonTemplate, Listed, Name, RequestText, RequestValues, path},
};

/// How the list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum ListMethod {
    Get,
    Post,
}

/// A JSON object with places for parameters.
pub(super) struct ListBody {
    root: Node,
    /// Each place as the flow file writes it; its index is its slot.
    places: Vec<String>,
    cursor: Cursor,
}

enum Node {
    /// JSON without places.
    Fixed(String),
    /// A text that each request completes.
    Text(RequestText),
    Slot(usize),
    /// Each key as JSON with its colon. An object that is there for its places alone is left out
    /// where they are empty.
    Object {
        fields: Vec<(String, Node)>,
        is_given: bool,
    },
    List(Vec<Node>),
}

/// A place that cannot be a parameter's.
struct Taken;

impl ListBody {
    /// Fills in a connection's values. The flow file's check has seen to it that every one of
    /// `places` is free.
    pub(super) fn new<'p>(
        template: &JsonTemplate<Listed>,
        cursor: &Cursor,
        places: impl Iterator<Item = &'p Name>,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let section = &*template.site.key;
        let mut root = Node::of(&template.root, section, resolver)?;
        let mut known: Vec<String> = Vec::new();
        for Name { text: place, .. } in places {
            if !known.contains(place) {
                root.put(keys(place).iter().map(String::as_str), known.len()).map_err(|Taken| {
                    let message = format!("the place `{place}` of a parameter is taken in it");
                    ConnectError::new(section, message)
                })?;
                known.push(place.clone());
            }
        }
        Ok(Self { root, places: known, cursor: cursor.clone() })
    }

    /// The body with these values, as JSON, at their places; of two for one place, the later. A place
    /// without a value is left out.
    pub(super) fn render(&self, params: &[(&str, String)], values: &RequestValues<'_>) -> Bytes {
        let slot = |slot: usize| {
            let found = params.iter().rev().find(|(place, _)| *place == self.places[slot]);
            found.map(|(_, json)| json.as_str())
        };
        let text = |text: &RequestText| text.json(values, |bound| self.bound(bound));
        let mut out = String::new();
        self.root.write(&slot, &text, &mut out);
        Bytes::from(out)
    }

    /// The body with one value and nothing else.
    pub(super) fn alone(place: &str, json: &str) -> Bytes {
        let mut out = String::new();
        let keys = keys(place);
        for name in &keys {
            out.push('{');
            out.push_str(&key(name));
        }
        out.push_str(json);
        out.extend(keys.iter().map(|_| '}'));
        Bytes::from(out)
    }

    /// A value of `since` or `until` as JSON.
    pub(super) fn bound(&self, text: &str) -> String {
        self.cursor.bound_json(text)
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
    /// Fills in a connection's values. `section` is the key that they stand under.
    fn of(part: &JsonPart, section: &str, resolver: &Resolver<'_>) -> Result<Self, ConnectError> {
        Ok(match part {
            JsonPart::Text(text) => {
                let text = RequestText::new(text, section, resolver)?;
                match text.fixed() {
                    Some(fixed) => Self::Fixed(quote(&fixed)),
                    None => Self::Text(text),
                }
            }
            JsonPart::Plain(value) => Self::Fixed(value.to_string()),
            JsonPart::List(items) => {
                let items = items.iter().map(|item| Self::of(item, section, resolver));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            JsonPart::Object(fields) => {
                let field = |(name, value): &(String, JsonPart)| {
                    Ok((key(name), Self::of(value, section, resolver)?))
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
    ) -> Result<(), Taken> {
        let name = keys.next().ok_or(Taken)?;
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
                index.and_then(|index| items.get_mut(index)).ok_or(Taken)?
            }
            Self::Fixed(_) | Self::Text(_) | Self::Slot(_) => return Err(Taken),
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
    fn write<'v>(
        &self,
        value: &impl Fn(usize) -> Option<&'v str>,
        text: &impl Fn(&RequestText) -> String,
        out: &mut String,
    ) -> bool {
        match self {
            Self::Fixed(json) => out.push_str(json),
            Self::Text(by_request) => out.push_str(&text(by_request)),
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
                    if node.write(value, text, out) {
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
                    item.write(value, text, out);
                }
                out.push(']');
            }
        }
        true
    }
}

/// The keys of a parameter's place; the flow file's check has seen to it that it is one.
fn keys(place: &str) -> Vec<String> {
    path::parse(place).unwrap_or_else(|_| vec![place.to_owned()])
}

fn key(name: &str) -> String {
    format!("{}:", quote(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Connection, testing::section};

    fn body(template: Value, places: &[&str]) -> ListBody {
        let params = [("tenant".to_owned(), "a\"b".to_owned())].into();
        let connection = Connection { params, ..Connection::default() };
        let places: Vec<Name> = places.iter().map(|place| section((*place).into())).collect();
        let (template, cursor) = (section(template), section(json!({ "by": "id" })));
        ListBody::new(&template, &cursor, places.iter(), &Resolver::new(&connection)).unwrap()
    }

    fn rendered(body: &ListBody, values: &[(&str, &str)]) -> Value {
        let values: Vec<_> = values.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        serde_json::from_slice(&body.render(&values, &RequestValues::default())).unwrap()
    }

    #[test]
    fn values_stand_at_their_places_among_the_literals() {
        let template = json!({
            "f": [{ "k": "${params.tenant}" }, { "op": "GTE" }], "n": 1.50, "deep": { "x": null },
        });
        let places = ["f.1.value", "deep.y.z", "page.size", "page.at"];
        let body = body(template, &places);
        let values = [("f.1.value", "7"), ("deep.y.z", "\"a\""), ("page.size", "100")];
        assert_eq!(
            rendered(&body, &values),
            json!({
                "f": [{"k": "a\"b"}, {"op": "GTE", "value": 7}], "n": 1.5,
                "deep": {"x": null, "y": {"z": "a"}}, "page": {"size": 100},
            })
        );
        // What is there for its places alone goes with them.
        assert_eq!(
            rendered(&body, &[]),
            json!({
                "f": [{"k": "a\"b"}, {"op": "GTE"}], "n": 1.5, "deep": {"x": null},
            })
        );
    }

    #[test]
    fn an_object_of_the_files_own_stays_though_it_is_empty_and_the_later_value_counts() {
        let body = body(json!({ "filters": {} }), &["filters.id"]);
        assert_eq!(rendered(&body, &[]), json!({ "filters": {} }));
        let twice = [("filters.id", "1"), ("filters.id", "2")];
        assert_eq!(rendered(&body, &twice), json!({ "filters": { "id": 2 } }));
        assert_eq!(ListBody::alone("a.b", "\"t\""), r#"{"a":{"b":"t"}}"#);
    }
}
