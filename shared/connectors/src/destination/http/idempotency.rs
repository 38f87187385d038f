//! `idempotency_key`: the header by which the destination knows a repeat.

use std::{borrow::Cow, fmt};

use reqwest::header::{self, HeaderValue};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

use crate::{
    file::{Site, note_fault, site},
    http::encode_segment,
    value::{HeaderName, TextValue},
};

/// The header that carries a request's key; none where the flow says `false`.
#[derive(Debug, Clone)]
pub(super) struct IdempotencyKey(Option<HeaderName>);

impl Default for IdempotencyKey {
    /// The header that most APIs know. Source: draft-ietf-httpapi-idempotency-key-header.
    fn default() -> Self {
        Self(Some(HeaderName(header::HeaderName::from_static("idempotency-key"))))
    }
}

impl IdempotencyKey {
    /// The header's name.
    pub(super) fn header(self) -> Option<header::HeaderName> {
        self.0.map(|name| name.0)
    }
}

/// A key as a header's value: as it is, unless it holds what no header may carry.
pub(super) fn key_value(key: &str) -> HeaderValue {
    let value = HeaderValue::from_str(key).or_else(|_| HeaderValue::from_str(&encode_segment(key)));
    value.expect("percent-encoded text is plain ASCII")
}

impl<'de> Deserialize<'de> for IdempotencyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrSwitch(Site);

        impl Visitor<'_> for NameOrSwitch {
            type Value = IdempotencyKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header's name or `false`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<IdempotencyKey, E> {
                Ok(match HeaderName::read(name, self.0) {
                    Ok(name) => IdempotencyKey(Some(name)),
                    Err(fault) => {
                        note_fault(fault);
                        IdempotencyKey::default()
                    }
                })
            }

            fn visit_bool<E: Error>(self, on: bool) -> Result<IdempotencyKey, E> {
                Ok(if on { IdempotencyKey::default() } else { IdempotencyKey(None) })
            }
        }

        deserializer.deserialize_any(NameOrSwitch(site()))
    }
}

impl JsonSchema for IdempotencyKey {
    fn schema_name() -> Cow<'static, str> {
        "IdempotencyKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"], "examples": ["Idempotency-Key", false] })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    #[test]
    fn the_header_can_be_named_or_left_out() {
        let header = |json| section::<IdempotencyKey>(json).header();
        let usual = Some(header::HeaderName::from_static("idempotency-key"));
        assert_eq!(header(json!("X-Repeat")).unwrap(), "x-repeat");
        assert_eq!(header(json!(true)), usual);
        assert_eq!(header(json!(false)), None);
        assert_eq!(IdempotencyKey::default().header(), usual);
    }
}
