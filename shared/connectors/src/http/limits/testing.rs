//! What the tests of limits share.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_core::model::EpochMs;
use tidegate_flow::spec::{CountHeader, LimitHeadersSpec, ResetIn};

/// 2026-05-07T13:30:00Z
pub(super) const NOW_MS: EpochMs = 1_778_160_600_000;

/// Headers with these names and values.
pub(super) fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

/// Headers of a destination's own, with HubSpot's interval and a window of 500 ms.
pub(super) fn own_spec(
    count: CountHeader,
    reset: Option<&str>,
    reset_in: Option<ResetIn>,
) -> LimitHeadersSpec {
    LimitHeadersSpec {
        count,
        reset: reset.map(Into::into),
        reset_in,
        interval: Some("X-HubSpot-RateLimit-Interval-Milliseconds".into()),
        window_ms: Some(500),
    }
}
