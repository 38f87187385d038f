//! The usual headers: what the drafts say, and what most APIs do.

use reqwest::header::HeaderMap;
use tidegate_core::model::EpochMs;

use crate::http::limits::{
    advertised::{Advertised, rolling, tightest},
    number::{RESET_MS_MAX, ResetIn, number, reset_in_ms, whole},
};

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

/// What the usual headers say is left.
pub(in crate::http::limits) fn usual(headers: &HeaderMap, now_ms: EpochMs) -> Advertised {
    // With and without `X-`: some send both, for different limits.
    let mut families = [Advertised::default(); 2];
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
fn listed(lists: &[&str], policies: &[&str]) -> Vec<Advertised> {
    let policies: Vec<Member<'_>> = policies.iter().flat_map(|text| members(text)).collect();
    let mut limits = Vec::new();
    // Draft 07: one dictionary.
    let mut dictionary = Advertised::default();
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
                let remaining = param(&params, "r").and_then(whole);
                limits.push(match (param(&params, "t"), of_policy("w")) {
                    (None, Some(window)) => {
                        // Nothing says that the count begins anew: the window rolls.
                        let quota = of_policy("q").and_then(whole);
                        rolling(remaining, seconds(window), quota)
                    }
                    (reset, _) => Advertised {
                        remaining,
                        reset_in_ms: reset.and_then(seconds),
                        steady_us: None,
                    },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::limits::testing::{NOW_MS, map};

    fn said(headers: &[(&str, &str)]) -> (Option<u64>, Option<u64>) {
        let left = usual(&map(headers), NOW_MS);
        (left.remaining, left.reset_in_ms)
    }

    /// Headers, with how many requests they leave and when that changes, in ms.
    type Case<'t> = (&'t [(&'t str, &'t str)], Option<u64>, Option<u64>);

    fn check(cases: &[Case<'_>]) {
        for (headers, remaining, reset_in_ms) in cases {
            assert_eq!(said(headers), (*remaining, *reset_in_ms), "{headers:?}");
        }
    }

    #[test]
    fn what_the_drafts_say() {
        check(&[
            // Cloudflare, and what the examples show.
            (
                &[
                    ("RateLimit", r#""default";r=1199;t=1"#),
                    ("RateLimit-Policy", r#""default";q=1200;w=300"#),
                ],
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
        ]);
    }

    #[test]
    fn what_apis_say() {
        check(&[
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
        ]);
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
            assert_eq!(said(&headers), (None, None), "{headers:?}");
        }
        for list in
            ["", "\"default\"", "\"default\";r;t", "\"a;r=1;t=1", ";;,,==", "\"a\";r=-1;t=5"]
        {
            let left = usual(&map(&[("RateLimit", list)]), NOW_MS);
            assert_eq!(left.allowance(), None, "{list}");
        }
    }
}
