//! What the tests of limits share.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_core::model::EpochMs;

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
