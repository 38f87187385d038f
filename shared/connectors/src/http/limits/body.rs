//! `limits.body`: points that come back at a steady rate, told in the body of an answer.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    advertised::Advertised,
    number::{RESET_MS_MAX, number},
};
use crate::{
    json::{Picker, Scalar},
    value::Path,
};

/// Points that come back at a steady rate.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitBody {
    /// Path to the points that are left.
    #[schemars(example = "extensions.cost.throttleStatus.currentlyAvailable")]
    available: Path,
    /// Path to the points that a request like this one costs; left out: one.
    #[schemars(example = "extensions.cost.requestedQueryCost")]
    cost: Option<Path>,
    /// Path to the points that come back every second.
    #[schemars(example = "extensions.cost.throttleStatus.restoreRate")]
    per_second: Path,
}

/// Reads the points of a body.
pub(super) struct Points {
    picker: Picker,
    available: usize,
    cost: Option<usize>,
    per_second: usize,
}

impl Points {
    pub(super) fn new(keys: &LimitBody) -> Self {
        let mut picker = Picker::new();
        Self {
            available: picker.add(&keys.available.keys),
            cost: keys.cost.as_ref().map(|path| picker.add(&path.keys)),
            per_second: picker.add(&keys.per_second.keys),
            picker,
        }
    }

    /// How many requests like this one the points are enough for, and when there is one more.
    pub(super) fn left(&self, body: &[u8]) -> Option<Advertised> {
        let picks = self.picker.pick(body).ok()?;
        let points = |slot: usize| match picks.scalar(slot)? {
            Scalar::Number(text) => number(text),
            _ => None,
        };
        let available = points(self.available)?;
        let cost = match self.cost {
            Some(slot) => points(slot)?.max(1.0),
            None => 1.0,
        };
        let per_second = points(self.per_second).filter(|points| *points > 0.0)?;
        let lacking = if available < cost { cost - available } else { cost };
        let reset_in_ms = (lacking / per_second * 1_000.0).ceil();
        // `as` saturates.
        let remaining = (available / cost).floor() as u64;
        Some(Advertised {
            remaining: Some(remaining),
            reset_in_ms: Some((reset_in_ms as u64).min(RESET_MS_MAX)),
            steady_us: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    #[test]
    fn points_in_a_body_are_requests_like_this_one() {
        let points = Points::new(&section(json!({
            "available": "extensions.cost.throttleStatus.currentlyAvailable",
            "cost": "extensions.cost.requestedQueryCost",
            "per_second": "extensions.cost.throttleStatus.restoreRate",
        })));
        for (cost, available, rate, left) in [
            ("252", "988.0", "50.0", Some((3, 5_040))),
            ("10", "0", "100", Some((0, 100))),
            ("100", "40", "50", Some((0, 1_200))),
            ("0", "7", "1", Some((7, 1_000))),
            ("10", "-1", "50", None),
            ("null", "10", "50", None),
            ("10", "10", "0", None),
            ("10", "\"10\"", "50", None),
        ] {
            let body = format!(
                r#"{{"data":{{}},"extensions":{{"cost":{{"requestedQueryCost":{cost},"throttleStatus":
                {{"maximumAvailable":1000.0,"currentlyAvailable":{available},"restoreRate":{rate}}}}}}}}}"#
            );
            let found = points.left(body.as_bytes()).and_then(Advertised::allowance);
            let found = found.map(|found| (found.remaining, found.reset_in_ms));
            assert_eq!(found, left, "{body}");
        }
        assert_eq!(points.left(b"<html>"), None);
    }
}
