//! What an answer says is still permitted, in its headers and in its body.
//!
//! Sources: draft-ietf-httpapi-ratelimit-headers-11 (`RateLimit`, `RateLimit-Policy`), its versions up to
//! 06 (`RateLimit-Remaining`, `-Reset`) and 07 (`RateLimit: remaining=…`); the rest is what APIs do.
//! What cannot be read is ignored, as the draft asks.

use jiter::Jiter;
use reqwest::header::{HeaderMap, HeaderName};
use tidegate_core::model::{Allowance, EpochMs};
use tidegate_flow::spec::{CountHeader, LimitBodySpec, LimitHeadersSpec, LimitsSpec, ResetIn};

use crate::{
    connect::ConnectError,
    json::{Scalar, Trie},
};

/// A count that begins anew later is asked for again until then. In ms.
const RESET_MS_MAX: u64 = 86_400_000;

/// Where a destination says what it still permits.
#[derive(Default)]
pub(crate) struct Limits {
    headers: Option<OwnHeaders>,
    body: Option<Points>,
}

/// What is left, as far as the answer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Requests.
    pub(crate) remaining: Option<u64>,
    /// Until the count begins anew, in ms.
    pub(crate) reset_in_ms: Option<u64>,
}

/// Headers that the flow names.
#[derive(Debug)]
pub(crate) struct OwnHeaders {
    count: HeaderName,
    /// Whether it counts what is used, like `32/40`.
    used: bool,
    reset: Option<HeaderName>,
    reset_in: Option<ResetIn>,
    interval: Option<HeaderName>,
    window_ms: Option<u64>,
}

/// Points in a body, which come back at a steady rate.
struct Points {
    trie: Trie,
    available: usize,
    cost: Option<usize>,
    per_second: usize,
}

impl Limits {
    pub(crate) fn new(spec: &LimitsSpec) -> Result<Self, ConnectError> {
        let headers = spec.headers.as_ref().map(OwnHeaders::new).transpose()?;
        Ok(Self { headers, body: spec.body.as_ref().map(Points::new) })
    }

    /// What an answer's headers say.
    pub(crate) fn headers(&self, headers: &HeaderMap, now_ms: EpochMs) -> Left {
        left(headers, now_ms, self.headers.as_ref())
    }

    /// Whether a body may say more.
    pub(crate) fn reads_bodies(&self) -> bool {
        self.body.is_some()
    }

    /// The tighter of what the headers said and what the body says.
    pub(crate) fn with_body(&self, left: Left, body: &[u8]) -> Left {
        match self.body.as_ref().and_then(|points| points.left(body)) {
            Some(points) => tightest([left, points]),
            None => left,
        }
    }
}

impl Left {
    pub(crate) fn allowance(self) -> Option<Allowance> {
        Some(Allowance { remaining: self.remaining?, reset_in_ms: self.reset_in_ms? })
    }

    /// How long to wait after a refusal for the limit's sake, in ms. While requests are left, it was
    /// another limit that was met.
    pub(crate) fn wait_ms(self) -> Option<u64> {
        self.reset_in_ms.filter(|_| self.remaining.is_none_or(|remaining| remaining == 0))
    }
}

/// What headers say is left: the flow's own, where it names them, or the usual ones.
pub(crate) fn left(headers: &HeaderMap, now_ms: EpochMs, own: Option<&OwnHeaders>) -> Left {
    match own {
        Some(own) => own.left(headers, now_ms),
        None => usual(headers, now_ms),
    }
}

/// A usual header, by what stands after `RateLimit` in its name.
#[derive(Clone, Copy)]
enum Part {
    List,
    Policy,
    Remaining,
    Reset,
    /// A delta, whatever `Reset` is (Discord).
    ResetAfter,
}

/// `x-ratelimit-remaining`: whether it begins with `x-`, and which part it is.
fn part(name: &str) -> Option<(bool, Part)> {
    let plain = name.strip_prefix("x-");
    let rest = plain.unwrap_or(name);
    let rest = rest.strip_prefix("ratelimit").or_else(|| rest.strip_prefix("rate-limit"))?;
    let part = match rest {
        "" => Part::List,
        "-policy" => Part::Policy,
        "-remaining" => Part::Remaining,
        "-reset" => Part::Reset,
        "-reset-after" => Part::ResetAfter,
        _ => return None,
    };
    Some((plain.is_some(), part))
}

fn usual(headers: &HeaderMap, now_ms: EpochMs) -> Left {
    // With and without `X-`: some send both, for different limits.
    let mut families = [Left::default(); 2];
    let (mut lists, mut policies) = (Vec::new(), Vec::new());
    for (name, value) in headers {
        let Some((x, part)) = part(name.as_str()) else { continue };
        let Ok(text) = value.to_str() else { continue };
        let family = &mut families[usize::from(x)];
        match part {
            Part::List => lists.push(text),
            Part::Policy => policies.push(text),
            Part::Remaining => family.remaining = family.remaining.or_else(|| whole(text)),
            Part::Reset => {
                let reset_in_ms = number(text).and_then(|value| reset_in_ms(value, None, now_ms));
                family.reset_in_ms = family.reset_in_ms.or(reset_in_ms);
            }
            Part::ResetAfter => {
                let delta = number(text)
                    .and_then(|value| reset_in_ms(value, Some(ResetIn::Seconds), now_ms));
                family.reset_in_ms = delta.or(family.reset_in_ms);
            }
        }
    }
    if lists.is_empty() {
        return tightest(families);
    }
    tightest(listed(&lists, &policies).into_iter().chain(families))
}

/// The service limits of `RateLimit` fields. What `RateLimit-Policy` says of a policy of the same name
/// fills in its window; one that does not count requests is left out.
fn listed(lists: &[&str], policies: &[&str]) -> Vec<Left> {
    let policies: Vec<Member<'_>> = policies.iter().flat_map(|text| members(text)).collect();
    let mut limits = Vec::new();
    // Draft 07: one dictionary.
    let mut dictionary = Left::default();
    let seconds = |text: &str| whole(text).map(|s| s.saturating_mul(1_000).min(RESET_MS_MAX));
    for Member { head, params } in lists.iter().flat_map(|text| members(text)) {
        match head.split_once('=').filter(|_| !head.starts_with('"')) {
            Some(("remaining", value)) => dictionary.remaining = whole(value),
            Some(("reset", value)) => dictionary.reset_in_ms = seconds(value),
            Some(_) => {}
            None => {
                let policy = policies.iter().find(|policy| policy.head == head);
                let of_policy = |key: &str| policy.and_then(|policy| param(&policy.params, key));
                if of_policy("qu").is_some_and(|unit| unit != "\"requests\"") {
                    continue;
                }
                let window = param(&params, "t").or_else(|| of_policy("w"));
                limits.push(Left {
                    remaining: param(&params, "r").and_then(whole),
                    reset_in_ms: window.and_then(seconds),
                });
            }
        }
    }
    limits.push(dictionary);
    limits
}

/// A member of a structured field's list (RFC 9651), as far as these fields need it.
struct Member<'t> {
    head: &'t str,
    params: Vec<(&'t str, &'t str)>,
}

fn members(field: &str) -> Vec<Member<'_>> {
    let member = |text| {
        let mut parts = outside_quotes(text, ';').into_iter();
        Member {
            head: parts.next().unwrap_or_default(),
            params: parts.filter_map(|param| param.split_once('=')).collect(),
        }
    };
    outside_quotes(field, ',').into_iter().map(member).collect()
}

fn param<'t>(params: &[(&str, &'t str)], key: &str) -> Option<&'t str> {
    // Of a parameter that stands twice, the last one counts.
    params.iter().rev().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

/// Cuts a text at every `separator` that stands in no string.
fn outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        let plain = !std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && plain => escaped = true,
            '"' if plain => quoted = !quoted,
            _ => return c == separator && !quoted,
        }
        false
    })
    .map(str::trim)
    .collect()
}

/// Of those that say all, the one with the fewest requests left, and among equals the longest wait;
/// else whatever is said.
fn tightest(limits: impl IntoIterator<Item = Left>) -> Left {
    let mut tightest: Option<Allowance> = None;
    let mut parts = Left::default();
    for left in limits {
        parts.remaining = parts.remaining.or(left.remaining);
        parts.reset_in_ms = parts.reset_in_ms.max(left.reset_in_ms);
        let Some(one) = left.allowance() else { continue };
        let tighter = |other: Allowance| {
            (one.remaining, std::cmp::Reverse(one.reset_in_ms))
                < (other.remaining, std::cmp::Reverse(other.reset_in_ms))
        };
        if tightest.is_none_or(tighter) {
            tightest = Some(one);
        }
    }
    match tightest {
        Some(Allowance { remaining, reset_in_ms }) => {
            Left { remaining: Some(remaining), reset_in_ms: Some(reset_in_ms) }
        }
        None => parts,
    }
}

impl OwnHeaders {
    pub(crate) fn new(spec: &LimitHeadersSpec) -> Result<Self, ConnectError> {
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

    fn left(&self, headers: &HeaderMap, now_ms: EpochMs) -> Left {
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

impl Points {
    fn new(spec: &LimitBodySpec) -> Self {
        let mut trie = Trie::new();
        Self {
            available: trie.add(&spec.available),
            cost: spec.cost.as_deref().map(|path| trie.add(path)),
            per_second: trie.add(&spec.per_second),
            trie,
        }
    }

    /// How many requests like this one the points are enough for, and when there is one more.
    fn left(&self, body: &[u8]) -> Option<Left> {
        let mut picked = vec![None; self.trie.slots()];
        self.trie.pick(&mut Jiter::new(body), &mut picked).ok()?;
        let points = |slot: usize| match Scalar::read(&body[picked[slot].clone()?])? {
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

/// A number without sign and exponent; some APIs write fractions.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (plain && text.len() <= 20 && text.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

/// A count; a part of a request is none.
fn whole(text: &str) -> Option<u64> {
    number(text).map(|number| number.floor() as u64)
}

/// How long until a reset, in ms, at most a day; `None` where it has passed. What is not said to be a
/// delta or a time is told apart by its size: half of the present is decades ago, and no delta is as
/// long.
fn reset_in_ms(value: f64, unit: Option<ResetIn>, now_ms: EpochMs) -> Option<u64> {
    let now = now_ms as f64;
    let by_size = || match value {
        value if value >= now / 2.0 => ResetIn::EpochMillis,
        value if value >= now / 2_000.0 => ResetIn::EpochSeconds,
        _ => ResetIn::Seconds,
    };
    let ms = match unit.unwrap_or_else(by_size) {
        ResetIn::Seconds => value * 1_000.0,
        ResetIn::Millis => value,
        ResetIn::EpochSeconds => value * 1_000.0 - now,
        ResetIn::EpochMillis => value - now,
    };
    (ms >= 0.0).then(|| (ms.ceil() as u64).min(RESET_MS_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    /// 2026-05-07T13:30:00Z
    const NOW_MS: EpochMs = 1_778_160_600_000;

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn said(headers: &[(&str, &str)], own: Option<&OwnHeaders>) -> (Option<u64>, Option<u64>) {
        let left = left(&map(headers), NOW_MS, own);
        (left.remaining, left.reset_in_ms)
    }

    #[test]
    fn what_apis_say() {
        for (headers, remaining, reset_in_ms) in [
            // The draft: Cloudflare, and what its examples show.
            (
                &[
                    ("RateLimit", r#""default";r=1199;t=1"#),
                    ("RateLimit-Policy", r#""default";q=1200;w=300"#),
                ][..],
                Some(1_199),
                Some(1_000),
            ),
            (&[("RateLimit", r#""default";r=50;t=30"#)], Some(50), Some(30_000)),
            (
                &[("RateLimit", r#""burst";r=5;t=1, "daily";r=0;t=40000"#)],
                Some(0),
                Some(40_000_000),
            ),
            (
                &[("RateLimit", r#""a";r=7;t=1"#), ("RateLimit", r#""b";r=7;t=9"#)],
                Some(7),
                Some(9_000),
            ),
            (
                &[
                    ("RateLimit", r#""day";r=999;pk=:dHJpYWwxMjEzMjM=:"#),
                    ("RateLimit-Policy", r#""x";q=1;w=1, "day";q=1000;w=86400"#),
                ],
                Some(999),
                Some(86_400_000),
            ),
            (
                &[
                    ("RateLimit", r#""a,\";r=1;t=1";r=3;t=2, "bytes";r=0;t=60"#),
                    ("RateLimit-Policy", r#""bytes";q=65535;qu="content-bytes";w=10"#),
                ],
                Some(3),
                Some(2_000),
            ),
            // Draft 07, and the three of the drafts before.
            (&[("RateLimit", "limit=100, remaining=50, reset=5")], Some(50), Some(5_000)),
            (
                &[
                    ("RateLimit-Limit", "100, 100;w=60"),
                    ("RateLimit-Remaining", "0"),
                    ("RateLimit-Reset", "41"),
                ],
                Some(0),
                Some(41_000),
            ),
            // GitHub: epoch seconds.
            (
                &[
                    ("x-ratelimit-limit", "5000"),
                    ("x-ratelimit-remaining", "4999"),
                    ("x-ratelimit-reset", "1778162400"),
                    ("x-ratelimit-used", "1"),
                    ("x-ratelimit-resource", "core"),
                ],
                Some(4_999),
                Some(1_800_000),
            ),
            // X (Twitter).
            (
                &[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1778160615")],
                Some(0),
                Some(15_000),
            ),
            // Epoch milliseconds.
            (
                &[("X-RateLimit-Remaining", "3"), ("X-RateLimit-Reset", "1778160601500")],
                Some(3),
                Some(1_500),
            ),
            // Pipedrive: a delta.
            (&[("x-ratelimit-remaining", "19"), ("x-ratelimit-reset", "2")], Some(19), Some(2_000)),
            // Discord: fractions, and a delta beside the time.
            (
                &[
                    ("X-RateLimit-Remaining", "0"),
                    ("X-RateLimit-Reset", "1778160602.123"),
                    ("X-RateLimit-Reset-After", "1.25"),
                ],
                Some(0),
                Some(1_250),
            ),
            // Zendesk: what is allowed a minute says nothing of what is left.
            (&[("X-Rate-Limit", "700"), ("X-Rate-Limit-Remaining", "699")], Some(699), None),
            // Both families, for different limits.
            (
                &[
                    ("RateLimit-Remaining", "90"),
                    ("RateLimit-Reset", "60"),
                    ("X-RateLimit-Remaining", "4"),
                    ("X-RateLimit-Reset", "1"),
                ],
                Some(4),
                Some(1_000),
            ),
            // A reset alone, a day at most.
            (&[("X-RateLimit-Reset", "9999999")], None, Some(RESET_MS_MAX)),
            (&[("X-RateLimit-Reset", "1778160600")], None, Some(0)),
        ] {
            assert_eq!(said(headers, None), (remaining, reset_in_ms), "{headers:?}");
        }
    }

    #[test]
    fn garbage_says_nothing() {
        for (remaining, reset) in [
            ("-1", "-5"),
            ("", ""),
            ("many", "soon"),
            ("+5", "+5"),
            ("1e9", "1e9"),
            ("NaN", "inf"),
            ("59, 999", "1, 60"),
            ("999999999999999999999", "999999999999999999999"),
            ("1.2.3", "Sun, 06 Nov 1994 08:49:37 GMT"),
            // Passed.
            ("x", "1778160599"),
        ] {
            let headers = [("X-RateLimit-Remaining", remaining), ("X-RateLimit-Reset", reset)];
            assert_eq!(said(&headers, None), (None, None), "{headers:?}");
        }
        for list in
            ["", "\"default\"", "\"default\";r;t", "\"a;r=1;t=1", ";;,,==", "\"a\";r=-1;t=5"]
        {
            let left = left(&map(&[("RateLimit", list)]), NOW_MS, None);
            assert_eq!(left.allowance(), None, "{list}");
        }
    }

    fn own(count: CountHeader, reset: Option<&str>, reset_in: Option<ResetIn>) -> OwnHeaders {
        OwnHeaders::new(&LimitHeadersSpec {
            count,
            reset: reset.map(Into::into),
            reset_in,
            interval: Some("X-HubSpot-RateLimit-Interval-Milliseconds".into()),
            window_ms: Some(500),
        })
        .unwrap()
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
        assert_eq!(said(&headers, Some(&hubspot)), (Some(87), Some(10_000)));
        assert_eq!(said(&headers[3..], Some(&hubspot)), (None, None));

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
            assert_eq!(said(&headers, Some(&shopify)), (remaining, reset_in_ms), "{value}");
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
            assert_eq!(said(&headers, Some(&own)), (Some(1), Some(reset_in_ms)), "{unit:?}");
        }
    }

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

    #[test]
    fn after_a_refusal_the_limit_that_was_met_says_how_long_to_wait() {
        let wait = |remaining, reset_in_ms| Left { remaining, reset_in_ms }.wait_ms();
        assert_eq!(wait(Some(0), Some(7)), Some(7));
        assert_eq!(wait(None, Some(7)), Some(7));
        assert_eq!(wait(Some(1), Some(7)), None);
        assert_eq!(wait(Some(0), None), None);
    }

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
            let owns = [None, Some(own(CountHeader::Used("Own".into()), Some("Own"), None))];
            for own in &owns {
                let left = left(&headers, now_ms, own.as_ref());
                prop_assert!(left.reset_in_ms.is_none_or(|ms| ms <= RESET_MS_MAX));
            }
        }
    }
}
