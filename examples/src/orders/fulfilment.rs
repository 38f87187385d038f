//! A fulfilment as it arrives: read once, borrowed, and compared with the order that it is for.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::book::Book;

/// What is looked at. A record passed on as it is has `id`, `number` and `lines` instead.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fulfilment<'a> {
    #[serde(borrow)]
    external_id: Value<'a>,
    #[serde(borrow)]
    id: Value<'a>,
    #[serde(borrow)]
    pub(crate) idempotency_key: Value<'a>,
    #[serde(borrow)]
    order_ref: Value<'a>,
    #[serde(borrow)]
    number: Value<'a>,
    #[serde(borrow)]
    recipient: Value<'a>,
    #[serde(borrow)]
    email: Value<'a>,
    #[serde(borrow)]
    currency: Value<'a>,
    #[serde(borrow)]
    placed_at: Value<'a>,
    #[serde(borrow)]
    note: Value<'a>,
    #[serde(borrow)]
    total_cents: Value<'a>,
    #[serde(borrow)]
    items: Value<'a>,
    #[serde(borrow)]
    lines: Value<'a>,
}

/// Any JSON value, as far as it matters here.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Value<'a> {
    /// Not there, or null.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(u64),
    /// An array's length.
    Array(u64),
    Other,
}

/// Writes what a field should say.
type Push<'a> = &'a dyn Fn(&mut Vec<u8>);

/// Which order a fulfilment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Order(u64),
    /// It names something that is no order's id.
    Unknown,
    /// It names none.
    Missing,
}

impl<'a> Fulfilment<'a> {
    pub(crate) fn subject(&self) -> Subject {
        let named = if self.external_id == Value::Absent { &self.id } else { &self.external_id };
        let id = match named {
            Value::Absent => return Subject::Missing,
            Value::Number(id) => Some(*id),
            Value::Text(text) => text.strip_prefix("OP-").unwrap_or(text).parse().ok(),
            Value::Array(_) | Value::Other => None,
        };
        id.filter(|id| *id > 0).map_or(Subject::Unknown, Subject::Order)
    }

    /// What is wrong with it, for an order that exists. Fields that are not there are not missed:
    /// what to map is the flow's choice.
    pub(crate) fn mistake(&self, id: u64, book: &Book, scratch: &mut Vec<u8>) -> Option<String> {
        let order = book.order(id);
        let updated_ms = book.line.updated_ms(id);
        let texts: [(&str, &Value<'a>, Push<'_>); 7] = [
            ("order_ref", &self.order_ref, &|out| order.push_number(out)),
            ("number", &self.number, &|out| order.push_number(out)),
            ("recipient", &self.recipient, &|out| order.push_name(out)),
            ("email", &self.email, &|out| order.push_email(out)),
            ("placed_at", &self.placed_at, &|out| order.push_placed_at(out, updated_ms)),
            ("currency", &self.currency, &|out| out.extend_from_slice(b"EUR")),
            ("note", &self.note, &|out| {
                out.extend_from_slice(order.note().unwrap_or("(none)").as_bytes());
            }),
        ];
        for (name, value, expected) in texts {
            if *value == Value::Absent {
                continue;
            }
            scratch.clear();
            expected(scratch);
            if !matches!(value, Value::Text(text) if text.as_bytes() == scratch) {
                let expected = String::from_utf8_lossy(scratch);
                return Some(format!("order {id}: `{name}` is {value:?}, not {expected:?}"));
            }
        }
        let numbers = [
            ("total_cents", &self.total_cents, Value::Number(order.total_cents())),
            ("items", &self.items, Value::Array(order.line_count())),
            ("lines", &self.lines, Value::Array(order.line_count())),
        ];
        numbers
            .iter()
            .find(|(_, value, expected)| **value != Value::Absent && *value != expected)
            .map(|(name, value, expected)| {
                format!("order {id}: `{name}` is {value:?}, not {expected:?}")
            })
    }
}

impl Value<'_> {
    /// The text, where it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Value::Array(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::config::OrdersConfig;

    #[test]
    fn an_order_is_named_by_number_or_text() {
        for (json, subject) in [
            (r#"{"external_id":17}"#, Subject::Order(17)),
            (r#"{"external_id":"17","id":3}"#, Subject::Order(17)),
            (r#"{"external_id":"OP-000017"}"#, Subject::Order(17)),
            (r#"{"id":17,"anything":{"else":[1]}}"#, Subject::Order(17)),
            (r#"{"external_id":"x"}"#, Subject::Unknown),
            (r#"{"external_id":-1}"#, Subject::Unknown),
            (r#"{"external_id":null}"#, Subject::Missing),
        ] {
            let fulfilment: Fulfilment = serde_json::from_str(json).unwrap();
            assert_eq!(fulfilment.subject(), subject, "{json}");
        }
    }

    #[test]
    fn an_order_passed_on_as_it_is_has_no_mistake_and_any_change_is_one() {
        let book = Book::new(&OrdersConfig::default());
        for id in 1..=50 {
            let mut json = Vec::new();
            book.render(id, &mut json);
            let mistake = |json: &[u8]| {
                let fulfilment: Fulfilment = serde_json::from_slice(json).unwrap();
                fulfilment.mistake(id, &book, &mut Vec::new())
            };
            assert_eq!(mistake(&json), None);
            let text = String::from_utf8(json).unwrap();
            assert!(mistake(text.replace("EUR", "USD").as_bytes()).unwrap().contains("currency"));
            assert!(mistake(text.replace("[{", "[1,{").as_bytes()).unwrap().contains("lines"));
        }
    }
}
