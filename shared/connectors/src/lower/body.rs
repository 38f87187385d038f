//! JSON bodies with references in them.

use serde_json::Value;

use super::{Check, texts, values};
use crate::{at::At, spec::JsonTemplate, text::Place};

/// JSON of which every text is a template.
pub(super) fn json(check: &mut Check<'_>, json: Value, place: Place) -> Option<JsonTemplate> {
    match json {
        Value::String(value) => {
            texts::template(check, &At { value, place }, texts::NO_RECORD).map(JsonTemplate::Text)
        }
        Value::Array(items) => {
            let items = items.into_iter().map(|item| self::json(check, item, place));
            values::all(items).map(JsonTemplate::List)
        }
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| self::json(check, value, place).map(|value| (name, value)));
            values::all(fields).map(JsonTemplate::Object)
        }
        plain => Some(JsonTemplate::Plain(plain)),
    }
}
