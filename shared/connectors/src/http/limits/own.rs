//! Headers of a destination's own, which the flow names.

use reqwest::header::{HeaderMap, HeaderName};
use tidegate_core::model::EpochMs;
use tidegate_flow::spec::{CountHeader, LimitHeadersSpec, ResetIn};

use super::{
    left::Left,
    number::{number, reset_in_ms, whole},
};
use crate::error::ConnectError;

/// Headers that the flow names.
#[derive(Debug)]
pub(super) struct OwnHeaders {
    count: HeaderName,
    /// Whether it counts what is used, like `32/40`.
    used: bool,
    reset: Option<HeaderName>,
    reset_in: Option<ResetIn>,
    interval: Option<HeaderName>,
    window_ms: Option<u64>,
}

impl OwnHeaders {
    pub(super) fn new(spec: &LimitHeadersSpec) -> Result<Self, ConnectError> {
        let name = |name: &String| {
            name.parse::<HeaderName>().map_err(|_| {
                ConnectError::new("limits.headers", format!("`{name}` is no header's name"))
            })
        };
        let (count, used) = match &spec.count {
            CountHeader::Remaining(count) => (count, false),
            CountHeader::Used(count) => (count, true),
        };
        Ok(Self {
            count: name(count)?,
            used,
            reset: spec.reset.as_ref().map(name).transpose()?,
            reset_in: spec.reset_in,
            interval: spec.interval.as_ref().map(name).transpose()?,
            window_ms: spec.window_ms,
        })
    }

    /// What they say is left.
    pub(super) fn left(&self, headers: &HeaderMap, now_ms: EpochMs) -> Left {
        let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
        let count = text(&self.count);
        let remaining = match self.used {
            false => count.and_then(whole),
            true => count.and_then(|count| {
                let (used, limit) = count.split_once('/')?;
                Some(whole(limit)?.saturating_sub(whole(used)?))
            }),
        };
        let said = |name: &Option<HeaderName>, unit| {
            let value = number(text(name.as_ref()?)?)?;
            reset_in_ms(value, unit, now_ms)
        };
        let reset_in_ms = said(&self.reset, self.reset_in)
            .or_else(|| said(&self.interval, Some(ResetIn::Millis)))
            // A window of our own says nothing where the header is missing.
            .or(self.window_ms.filter(|_| remaining.is_some()));
        Left { remaining, reset_in_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{NOW_MS, map, own_spec},
        *,
    };

    fn own(count: CountHeader, reset: Option<&str>, reset_in: Option<ResetIn>) -> OwnHeaders {
        OwnHeaders::new(&own_spec(count, reset, reset_in)).unwrap()
    }

    fn said(headers: &[(&str, &str)], own: &OwnHeaders) -> (Option<u64>, Option<u64>) {
        let left = own.left(&map(headers), NOW_MS);
        (left.remaining, left.reset_in_ms)
    }

    #[test]
    fn a_flow_names_headers_of_the_destinations_own() {
        let hubspot =
            own(CountHeader::Remaining("X-HubSpot-RateLimit-Remaining".into()), None, None);
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

        let shopify = own(CountHeader::Used("X-Shopify-Shop-Api-Call-Limit".into()), None, None);
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
            (Some(ResetIn::Seconds), "90", 90_000),
            (Some(ResetIn::Millis), "90", 90),
            (Some(ResetIn::EpochSeconds), "1778160601", 1_000),
            (Some(ResetIn::EpochMillis), "1778160600090", 90),
            (None, "1778160601", 1_000),
            // Garbage, so that the window counts.
            (Some(ResetIn::EpochSeconds), "90", 500),
        ] {
            let own = own(CountHeader::Remaining("Left".into()), Some("Anew"), unit);
            let headers = [("Left", "1"), ("Anew", value)];
            assert_eq!(said(&headers, &own), (Some(1), Some(reset_in_ms)), "{unit:?}");
        }
    }
}
