//! What an answer says is still permitted, in its headers and in its body.
//!
//! Sources: draft-ietf-httpapi-ratelimit-headers-11 (`RateLimit`, `RateLimit-Policy`), its versions up to
//! 06 (`RateLimit-Remaining`, `-Reset`) and 07 (`RateLimit: remaining=…`); the rest is what APIs do.
//! What cannot be read is ignored, as the draft asks.

mod body;
mod left;
mod number;
mod own;
#[cfg(test)]
mod testing;
mod usual;

use reqwest::header::HeaderMap;
use tidegate_core::model::EpochMs;
use tidegate_flow::spec::LimitsSpec;

use crate::error::ConnectError;
use body::Points;
pub(crate) use left::Left;
use left::tightest;
use own::OwnHeaders;
use usual::usual;

/// Where a destination says what it still permits.
#[derive(Default)]
pub(crate) struct Limits {
    headers: Option<OwnHeaders>,
    body: Option<Points>,
}

impl Limits {
    /// What the flow says of where a destination says it.
    pub(crate) fn new(spec: &LimitsSpec) -> Result<Self, ConnectError> {
        let headers = spec.headers.as_ref().map(OwnHeaders::new).transpose()?;
        Ok(Self { headers, body: spec.body.as_ref().map(Points::new) })
    }

    /// What is left by an answer that came at `now_ms`: the tighter of what its headers and its body say.
    pub(crate) fn left(&self, headers: &HeaderMap, body: &[u8], now_ms: EpochMs) -> Left {
        let left = match &self.headers {
            Some(own) => own.left(headers, now_ms),
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
    use tidegate_flow::spec::CountHeader;

    use super::{
        number::RESET_MS_MAX,
        testing::{NOW_MS, own_spec},
        *,
    };

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
            let owns = [None, Some(own_spec(CountHeader::Used("Own".into()), Some("Own"), None))];
            for headers_spec in owns {
                let own = headers_spec.as_ref().map(|spec| OwnHeaders::new(spec).unwrap());
                let limits = Limits { headers: own, body: None };
                let left = limits.left(&headers, b"", now_ms);
                prop_assert!(left.reset_in_ms.is_none_or(|ms| ms <= RESET_MS_MAX));
            }
        }
    }
}
