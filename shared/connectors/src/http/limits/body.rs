//! Points in a body, which come back at a steady rate.

use tidegate_flow::spec::LimitBodySpec;

use super::{
    left::Left,
    number::{RESET_MS_MAX, number},
};
use crate::json::{Picker, Scalar};

/// Points in a body, which come back at a steady rate.
pub(super) struct Points {
    picker: Picker,
    available: usize,
    cost: Option<usize>,
    per_second: usize,
}

impl Points {
    pub(super) fn new(spec: &LimitBodySpec) -> Self {
        let mut picker = Picker::new();
        Self {
            available: picker.add(&spec.available),
            cost: spec.cost.as_deref().map(|path| picker.add(path)),
            per_second: picker.add(&spec.per_second),
            picker,
        }
    }

    /// How many requests like this one the points are enough for, and when there is one more.
    pub(super) fn left(&self, body: &[u8]) -> Option<Left> {
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
        Some(Left {
            remaining: Some(remaining),
            reset_in_ms: Some((reset_in_ms as u64).min(RESET_MS_MAX)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_a_body_are_requests_like_this_one() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let points = Points::new(&LimitBodySpec {
            available: path("extensions.cost.throttleStatus.currentlyAvailable"),
            cost: Some(path("extensions.cost.requestedQueryCost")),
            per_second: path("extensions.cost.throttleStatus.restoreRate"),
        });
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
            let found = points.left(body.as_bytes()).and_then(Left::allowance);
            let found = found.map(|found| (found.remaining, found.reset_in_ms));
            assert_eq!(found, left, "{body}");
        }
        assert_eq!(points.left(b"<html>"), None);
    }
}
