//! `delta`: the source keeps the place, and hands out a token for it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::order::{Given, Order};
use crate::{
    file::{Fault, Findings, Place},
    json::quote,
    source::http::cursor::format::Timestamps,
    value::Path,
};
use tidegate_core::model::Mark;

/// `delta`: the last page brings a token, or an address, for all that will have changed since, which is kept
/// from run to run. One that the source knows no more (410) has everything read anew, and the log says so.
/// `since` names the parameter that carries it; without it, it is an address. With `time`, that is a record's
/// version; without it, each reading is a newer one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delta {
    /// Path to the token or address on the last page.
    path: Path,
}

impl Order for Delta {
    fn sorted_by(&self) -> &'static str {
        "nothing"
    }

    fn check(&self, given: &Given, _: Place, findings: &mut Findings) {
        let useless = [("field", given.field), ("settle_lag", given.settle_lag)];
        for (key, place) in useless {
            let Some(place) = place else { continue };
            let message =
                format!("`{key}` is not for `by: delta`: the source itself keeps the place");
            findings.add(Fault::new(place, message, "remove it"));
        }
    }

    fn has_timestamp(&self) -> bool {
        false
    }

    fn may_follow(&self, _: &Mark, _: &Mark) -> bool {
        true
    }

    fn bound_json(&self, text: &str, _: &dyn Timestamps) -> String {
        quote(text)
    }

    fn delta_path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}
