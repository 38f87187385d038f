//! What an answer says is still permitted, in its headers and in its body.
//!
//! Sources: draft-ietf-httpapi-ratelimit-headers-11 (`RateLimit`, `RateLimit-Policy`), its versions up to
//! 06 (`RateLimit-Remaining`, `-Reset`) and 07 (`RateLimit: remaining=…`); the rest is what APIs do.
//! What cannot be read is ignored, as the draft asks.

mod advertised;
mod body;
mod headers;
mod number;
#[cfg(test)]
mod testing;

use std::sync::atomic::AtomicU64;

use reqwest::header::HeaderMap;
use tidegate_core::model::EpochMs;

pub(crate) use advertised::Advertised;
use advertised::tightest;
pub(crate) use body::LimitBody;
use body::Points;
pub(crate) use headers::LimitHeaders;
use headers::usual;

/// Where answers say what is still permitted.
#[derive(Default)]
pub(crate) struct AdvertisedLimits {
    /// `None`: the usual ones.
    headers: Option<LimitHeaders>,
    body: Option<Points>,
    /// The most requests that were ever left, by those headers.
    most: AtomicU64,
}

impl AdvertisedLimits {
    /// In these headers, or the usual ones, and in the body, where the flow says so.
    pub(crate) fn new(headers: Option<LimitHeaders>, body: Option<&LimitBody>) -> Self {
        Self { headers, body: body.map(Points::new), most: AtomicU64::new(0) }
    }

    /// What is left by an answer that came at `now_ms`: the tighter of what its headers and its body say.
    pub(crate) fn left(&self, headers: &HeaderMap, body: &[u8], now_ms: EpochMs) -> Advertised {
        let left = match &self.headers {
            Some(own) => own.left(headers, now_ms, &self.most),
            None => usual(headers, now_ms),
        };
        match self.body.as_ref().and_then(|points| points.left(body)) {
            Some(points) => tightest([left, points]),
            None => left,
        }
    }

    /// Whether a body may say more.
    pub(crate) fn reads_bodies(&self) -> bool {
        self.body.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::{number::RESET_MS_MAX, testing::NOW_MS, *};
    use crate::testing::section;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_stands_there_it_is_read_or_ignored(
            values in prop::collection::vec(
                "[ -~]{0,40}|[0-9]{1,25}|\"[a-z\\\\\";,=]{0,9}\"?;r=[0-9.-]{0,9};t=[0-9]{0,22}(, .{0,9})?",
                9,
            ),
            now_ms in prop::sample::select(vec![0, NOW_MS, EpochMs::MAX]),
        ) {
            let names = [
                "RateLimit", "RateLimit-Policy", "RateLimit-Remaining", "RateLimit-Reset", "X-RateLimit",
                "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Reset-After", "Own",
            ];
            let mut headers = HeaderMap::new();
            for (name, value) in names.iter().zip(&values) {
                if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                    headers.insert(name.parse::<HeaderName>().unwrap(), value);
                }
            }
            let own = section(json!({ "used": "Own", "reset": "Own", "window": "500ms" }));
            for own in [None, Some(own)] {
                let limits = AdvertisedLimits::new(own, None);
                let left = limits.left(&headers, b"", now_ms);
                prop_assert!(left.reset_in_ms.is_none_or(|ms| ms <= RESET_MS_MAX));
            }
        }
    }
}
