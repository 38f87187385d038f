//! `id`: records are sorted by their ids alone.

use schemars::JsonSchema;
use serde::Deserialize;

use super::order::{Given, Order};
use crate::{
    file::{Fault, Findings, Place},
    json::quote,
    source::http::cursor::format::Timestamps,
};

/// `id`: ids only ever increase.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Id;

impl Order for Id {
    fn sorted_by(&self) -> &'static str {
        "id"
    }

    fn check(&self, given: &Given, _: Place, findings: &mut Findings) {
        if let Some(field) = given.field {
            let remedy = "remove it, or write `by: timestamp` or `by: timestamp_id`; a \
                          timestamp beside the id goes into `time`";
            findings.add(Fault::new(field, "`field` is not for `by: id`", remedy));
        }
        if given.time.is_some() {
            return;
        }
        let need_time =
            [("until", given.until), ("settle_lag", given.settle_lag), ("format", given.format)];
        for (key, place) in need_time {
            let Some(place) = place else { continue };
            let message = format!("`{key}` needs a timestamp, and `by: id` has none");
            let remedy = "add `time:` with the path to a timestamp, or remove it";
            findings.add(Fault::new(place, message, remedy));
        }
    }

    fn has_timestamp(&self) -> bool {
        false
    }

    /// As the position's id was told from a text: only what prints as the same text again is a number.
    fn bound_json(&self, text: &str, _: &dyn Timestamps) -> String {
        let is_number = text.parse::<i64>().is_ok_and(|id| id.to_string() == text);
        if is_number { text.to_owned() } else { quote(text) }
    }
}
