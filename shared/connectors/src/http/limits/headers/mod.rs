//! `limits.headers`: headers of the destination's own that say what is left. A file each way of counting;
//! [`usual`] is for flows that name none.

mod count;
mod remaining;
mod used;
mod usual;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use super::{
    advertised::{Advertised, rolling},
    number::{ResetIn, number, reset_in_ms},
};
use crate::{
    file::{At, Fault, Findings, Place},
    value::{HeaderName, Millis},
};
use count::{Count, text};
use remaining::Remaining;
use used::Used;
pub(super) use usual::usual;

/// Headers that say what is left: `remaining` or `used`, and when the count begins anew.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitHeaders {
    /// The header that says how many requests are left.
    #[schemars(example = "X-HubSpot-RateLimit-Remaining")]
    remaining: Option<At<Remaining>>,
    /// The header that says how many are used of how many, like `32/40`.
    #[schemars(example = "X-Shopify-Shop-Api-Call-Limit")]
    used: Option<At<Used>>,
    /// The header that says when the count begins anew.
    reset: Option<HeaderName>,
    /// What `reset` counts. Default: told apart by its size.
    reset_in: Option<At<ResetIn>>,
    /// The header that carries the window's length in ms, for answers without a `reset`. The window rolls then, and the
    /// rate that keeps within it is kept: as many requests in each window as were ever left.
    #[schemars(example = "X-HubSpot-RateLimit-Interval-Milliseconds")]
    interval: Option<HeaderName>,
    /// The window's length, for answers that have neither; beside `used`, the time after which one more is free.
    window: Option<Millis<1, 86_400_000>>,
}

impl LimitHeaders {
    /// The ways of counting that the flow gives, each with its place.
    fn counts(&self) -> impl Iterator<Item = (&dyn Count, Place)> {
        let remaining = self.remaining.as_ref().map(|at| (&at.value as &dyn Count, at.place));
        let used = self.used.as_ref().map(|at| (&at.value as &dyn Count, at.place));
        [remaining, used].into_iter().flatten()
    }

    /// Notes keys that contradict each other. `place` is the section's.
    pub(crate) fn check(&self, place: Place, findings: &mut Findings) {
        let mut counts = self.counts();
        match (counts.next(), counts.next()) {
            (Some(_), None) => {}
            (_, Some((_, second))) => {
                let message = "what is left is counted once, by `remaining` or by `used`";
                findings.add(Fault::new(second, message, "remove one of the two"));
            }
            (None, None) => {
                let message = "no header says how many requests are left";
                let remedy = "add `remaining:` or `used:` with its name";
                findings.add(Fault::new(place, message, remedy));
            }
        }
        if self.reset.is_none() && self.interval.is_none() && self.window.is_none() {
            let message = "nothing says when the count begins anew";
            let remedy = "add `reset:` or `interval:` with a header, or `window:`";
            findings.add(Fault::new(place, message, remedy));
        } else if let (None, Some(reset_in)) = (&self.reset, &self.reset_in) {
            let message = "`reset_in` says what `reset` counts, which is not given";
            findings.add(Fault::new(reset_in.place, message, "add `reset:`, or remove it"));
        }
    }

    /// What they say is left, in an answer that came at `now_ms`. `most` is the most that was ever left, and is kept.
    pub(super) fn left(
        &self,
        headers: &HeaderMap,
        now_ms: EpochMs,
        most: &AtomicU64,
    ) -> Advertised {
        let remaining = self.counts().find_map(|(count, _)| count.remaining(headers));
        let said = |name: &Option<HeaderName>, unit| {
            reset_in_ms(number(text(headers, name.as_ref()?)?)?, unit, now_ms)
        };
        let unit = self.reset_in.as_ref().map(|at| at.value);
        let window_ms = self.window.map(|window| window.0);
        if let Some(reset_in_ms) = said(&self.reset, unit) {
            return Advertised { remaining, reset_in_ms: Some(reset_in_ms), steady_us: None };
        }
        let interval_ms = said(&self.interval, Some(ResetIn::Millis));
        // A window of our own says nothing where the header is missing.
        let window_ms = interval_ms.or(window_ms.filter(|_| remaining.is_some()));
        if self.remaining.is_none() && interval_ms.is_none() {
            // What is used of a bucket that leaks: the window is the time after which one more is free.
            return Advertised { remaining, reset_in_ms: window_ms, steady_us: None };
        }
        // The request that was answered is one of the window's, too.
        let permitted = remaining.map(|remaining| {
            let seen = remaining.saturating_add(1);
            most.fetch_max(seen, Relaxed).max(seen)
        });
        rolling(remaining, window_ms, permitted)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::testing::{NOW_MS, map},
        *,
    };
    use crate::testing::section;

    /// With HubSpot's interval and a window of 500 ms.
    fn own(mut keys: Value) -> LimitHeaders {
        keys["interval"] = "X-HubSpot-RateLimit-Interval-Milliseconds".into();
        keys["window"] = "500ms".into();
        section(keys)
    }

    fn said(headers: &[(&str, &str)], own: &LimitHeaders) -> (Option<u64>, Option<u64>) {
        let left = own.left(&map(headers), NOW_MS, &AtomicU64::new(0));
        (left.remaining, left.reset_in_ms)
    }

    #[test]
    fn a_flow_names_headers_of_the_destinations_own() {
        let hubspot = own(json!({ "remaining": "X-HubSpot-RateLimit-Remaining" }));
        let headers = [
            ("X-HubSpot-RateLimit-Remaining", "87"),
            ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000"),
            ("X-HubSpot-RateLimit-Max", "100"),
            // Not looked at, where the flow says where to look.
            ("X-RateLimit-Remaining", "0"),
            ("X-RateLimit-Reset", "60"),
        ];
        assert_eq!(said(&headers, &hubspot), (Some(87), Some(10_000)));
        assert_eq!(said(&headers[3..], &hubspot), (None, None));

        let shopify = own(json!({ "used": "X-Shopify-Shop-Api-Call-Limit" }));
        for (value, remaining) in [
            ("32/40", Some(8)),
            (" 40 / 40 ", Some(0)),
            ("41/40", Some(0)),
            ("32", None),
            ("-1/40", None),
        ] {
            let headers = [("X-Shopify-Shop-Api-Call-Limit", value)];
            let reset_in_ms = remaining.map(|_| 500);
            assert_eq!(said(&headers, &shopify), (remaining, reset_in_ms), "{value}");
        }

        for (unit, value, reset_in_ms) in [
            (Some("s"), "90", 90_000),
            (Some("ms"), "90", 90),
            (Some("epoch_s"), "1778160601", 1_000),
            (Some("epoch_ms"), "1778160600090", 90),
            (None, "1778160601", 1_000),
            // Garbage, so that the window counts.
            (Some("epoch_s"), "90", 500),
        ] {
            let own = own(json!({ "remaining": "Left", "reset": "Anew", "reset_in": unit }));
            let headers = [("Left", "1"), ("Anew", value)];
            assert_eq!(said(&headers, &own), (Some(1), Some(reset_in_ms)), "{unit:?}");
        }
    }

    #[test]
    fn repro_a_rolling_window_nearly_used_up_was_taken_for_a_pace_of_nought() {
        let hubspot = own(json!({ "remaining": "X-HubSpot-RateLimit-Remaining" }));
        let most = AtomicU64::new(0);
        let left = |remaining: &str| {
            let headers = [
                ("X-HubSpot-RateLimit-Remaining", remaining),
                ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000"),
            ];
            let left = hubspot.left(&map(&headers), NOW_MS, &most);
            (left.reset_in_ms, left.steady_us)
        };
        // 100 in 10 s: one every 100 ms, however few are left.
        assert_eq!(left("99"), (Some(10_000), Some(100_000)));
        assert_eq!(left("1"), (Some(10_000), Some(100_000)));
        assert_eq!(left("0"), (Some(1_000), Some(100_000)));
        // Others used most of it when this began.
        most.store(0, Relaxed);
        assert_eq!(left("0"), (Some(1_000), Some(10_000_000)));
        assert_eq!(left("49"), (Some(10_000), Some(200_000)));
    }
}
