//! `source.http.answers`: what the source's answers mean, where status codes do not say it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    file::{At, Findings},
    http::{Advertised, Answer, AnswerRule, FailureKind, Judged, Meaning, Rules},
    value::{OneOrList, Path},
};

/// What an answer says is shown up to so many characters.
pub(super) const SAID_CHARS_MAX: usize = 300;
/// The longest that a source may have us wait, in ms; it is asked again then.
const WAIT_MS_MAX: u64 = 86_400_000;
/// How long to wait for a quota of which nothing says when it is reset, in ms.
const QUOTA_MS: u64 = 900_000;

/// What the source's answers mean, where status codes do not say it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceAnswers {
    /// Path to a code in the body of an answer, whatever its status: `errors.0.code`. Of several paths, the
    /// first at which something is wrong counts. An answer of 200 to 299 with a code that no rule names is
    /// asked for again.
    code: Option<OneOrList<Path>>,
    /// Path to what the body says of it, or several; left out: the body's beginning is shown.
    reason: Option<OneOrList<Path>>,
    /// What answers mean: the first rule that fits counts, before what the status says by itself.
    #[serde(default)]
    rules: Vec<At<AnswerRule<SourceMeaning>>>,
}

/// What an answer means for the list that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SourceMeaning {
    /// It is a page, whatever its status is and its body says beside the records.
    Page,
    /// Nothing is there: the list is empty, or has come to its end.
    Empty,
    /// Perhaps it passes: asked again some times at once, then by the next run.
    Retry,
    /// A limit was met: asked again when the answer says, or `after`.
    Limit,
    /// A quota is used up: asked again when the answer says, or `after`; else after 15 minutes.
    Quota,
    /// The token has expired: a new one is got, and the same asked once more.
    Token,
    /// The run stops and says why: an operator has to act.
    Halt,
}

impl From<SourceMeaning> for Meaning {
    fn from(meaning: SourceMeaning) -> Self {
        match meaning {
            SourceMeaning::Page => Self::Delivered,
            SourceMeaning::Empty => Self::Empty,
            SourceMeaning::Retry => Self::Retry,
            SourceMeaning::Limit => Self::Limit,
            SourceMeaning::Quota => Self::Quota,
            SourceMeaning::Token => Self::Token,
            SourceMeaning::Halt => Self::Refused,
        }
    }
}

/// What an answer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To be read as a page.
    Page,
    /// Nothing: there are no records.
    Empty,
    /// To be asked for again, after at least so long where something says so, in ms.
    Again { after_ms: Option<u64> },
    /// An operator: the request is wrong, or a token in it has expired.
    Rejected,
    /// An operator: what to look at.
    Halt { see: &'static str },
}

impl SourceAnswers {
    /// Notes rules that contradict themselves.
    pub(super) fn check(&self, findings: &mut Findings) {
        for rule in &self.rules {
            AnswerRule::check(rule, self.code.is_some(), findings);
        }
    }

    /// How answers are judged by it.
    pub(super) fn rules(&self) -> Rules {
        let paths = |key: &'_ Option<OneOrList<Path>>| -> Vec<At<Path>> {
            key.as_ref().map(|paths| paths.0.clone()).unwrap_or_default()
        };
        Rules::of(&paths(&self.code), &paths(&self.reason), &self.rules)
    }
}

/// What an answer says of itself, by the flow's rules and by its status.
pub(super) fn judge<'b>(rules: &Rules, answer: &'b Answer) -> Judged<'b> {
    rules.answer(answer.status.as_u16(), &answer.body, answer.is_whole())
}

/// What a judged answer asks for. `left` is what it says of limits.
pub(super) fn verdict(judged: &Judged<'_>, answer: &Answer, left: Advertised) -> Verdict {
    let asked_ms = answer.after_ms_up_to(WAIT_MS_MAX);
    let after_ms = || asked_ms.max(judged.after_ms);
    let status = answer.status.as_u16();
    // 403 is what some answer to too many requests; without a sign of that, it is about rights.
    let forbids_for_now =
        status == 403 && !judged.by_rule && (asked_ms.is_some() || left.remaining == Some(0));
    let limited = |unsaid_ms: Option<u64>| {
        let reset_ms = left.wait_ms().filter(|_| asked_ms.is_none());
        Verdict::Again { after_ms: after_ms().max(reset_ms).or(unsaid_ms) }
    };
    match judged.meaning {
        _ if forbids_for_now => limited(None),
        Meaning::Delivered => Verdict::Page,
        Meaning::Empty => Verdict::Empty,
        Meaning::Limit => limited(None),
        Meaning::Quota => limited(Some(QUOTA_MS)),
        Meaning::Retry | Meaning::Down | Meaning::Unknown | Meaning::Unexplained => {
            Verdict::Again { after_ms: after_ms() }
        }
        Meaning::Token => {
            Verdict::Halt { see: "the credentials are refused; see source.http.auth" }
        }
        _ if judged.by_rule => Verdict::Halt { see: "source.http.answers says that it halts" },
        Meaning::Refused
        | Meaning::Duplicate
        | Meaning::Connection
        | Meaning::Rights
        | Meaning::Unread => match status {
            // Nothing has changed since it was asked last.
            304 => Verdict::Empty,
            400 | 404 | 410 | 416 | 422 => Verdict::Rejected,
            403 => Verdict::Halt {
                see: "the credentials do not reach this list; see source.http.auth",
            },
            _ => Verdict::Halt { see: "see source.http" },
        },
    }
}

/// What the flow says of a request without an answer; without a word of it, it is asked again.
pub(super) fn unanswered(rules: &Rules, kind: Option<FailureKind>) -> Verdict {
    match kind.and_then(|kind| rules.failure(kind)) {
        Some((Meaning::Refused, _)) => {
            Verdict::Halt { see: "source.http.answers says that it halts" }
        }
        Some((Meaning::Quota, after_ms)) => {
            Verdict::Again { after_ms: after_ms.or(Some(QUOTA_MS)) }
        }
        Some((_, after_ms)) => Verdict::Again { after_ms },
        None => Verdict::Again { after_ms: None },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{read, section};

    fn says(rules: &Rules, status: u16, body: &str, headers: &[(&'static str, &str)]) -> Verdict {
        let mut answer = Answer::for_test(status, body);
        for (name, value) in headers {
            answer.headers.insert(*name, value.parse().unwrap());
        }
        let left = crate::http::AdvertisedLimits::default();
        let left = left.left(&answer.headers, &answer.body, answer.arrived_ms);
        verdict(&judge(rules, &answer), &answer, left)
    }

    #[test]
    fn every_status_says_what_to_do_next() {
        let rules = SourceAnswers::default().rules();
        let again = Verdict::Again { after_ms: None };
        for (status, expected) in [
            (200, Verdict::Page),
            (400, Verdict::Rejected),
            (404, Verdict::Rejected),
            (422, Verdict::Rejected),
            (304, Verdict::Empty),
            (408, again),
            (429, again),
            (500, again),
            (503, again),
        ] {
            assert_eq!(says(&rules, status, "", &[]), expected, "{status}");
        }
        for status in [401, 403, 405, 409, 418, 302] {
            assert!(matches!(says(&rules, status, "", &[]), Verdict::Halt { .. }), "{status}");
        }
    }

    #[test]
    fn a_403_with_a_sign_of_a_limit_waits_and_no_other_does() {
        let rules = SourceAnswers::default().rules();
        let waits = |headers: &[(&'static str, &str)]| match says(&rules, 403, "", headers) {
            Verdict::Again { after_ms } => Some(after_ms),
            _ => None,
        };
        assert_eq!(waits(&[("retry-after", "7")]), Some(Some(7_000)));
        assert_eq!(waits(&[("x-ratelimit-remaining", "0")]), Some(None));
        let both = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "9")];
        assert_eq!(waits(&both), Some(Some(9_000)));
        assert_eq!(waits(&[("x-ratelimit-remaining", "4")]), None);
    }

    #[test]
    fn the_flows_rules_come_before_the_status() {
        let answers: SourceAnswers = section(json!({
            "code": "errors.0.code",
            "reason": "errors.0.message",
            "rules": [
                { "code": "THROTTLED", "means": "limit", "after": "3s" },
                { "code": "DAY", "means": "quota" },
                { "code": "NONE", "means": "empty" },
                { "code": "EXPIRED", "means": "token" },
                { "code": "PARTIAL", "means": "page" },
                { "status": 403, "code": "NO", "means": "halt" },
                { "kind": "timeout", "means": "halt" },
            ],
        }));
        let rules = answers.rules();
        let code = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","message":"m"}}]}}"#);
        for (status, said, expected) in [
            (200, "THROTTLED", Verdict::Again { after_ms: Some(3_000) }),
            (400, "DAY", Verdict::Again { after_ms: Some(QUOTA_MS) }),
            (404, "NONE", Verdict::Empty),
            (200, "PARTIAL", Verdict::Page),
            (500, "PARTIAL", Verdict::Page),
            (200, "UNHEARD", Verdict::Again { after_ms: None }),
        ] {
            assert_eq!(says(&rules, status, &code(said), &[]), expected, "{said}");
        }
        for (status, said) in [(403, "NO"), (403, "EXPIRED"), (200, "EXPIRED")] {
            let verdict = says(&rules, status, &code(said), &[]);
            assert!(matches!(verdict, Verdict::Halt { .. }), "{said}");
        }
        let timeout = unanswered(&rules, Some(FailureKind::Timeout));
        assert!(matches!(timeout, Verdict::Halt { .. }));
        let broken = unanswered(&rules, Some(FailureKind::Broken));
        assert_eq!(broken, Verdict::Again { after_ms: None });
    }

    #[test]
    fn rules_that_contradict_themselves_are_noted() {
        for rule in [
            json!({ "code": 7, "means": "retry" }),
            json!({ "means": "retry" }),
            json!({ "status": 200, "means": "page", "after": "3s" }),
            json!({ "kind": "timeout", "means": "token" }),
        ] {
            let (answers, mut findings) = read::<SourceAnswers>(json!({ "rules": [rule] }));
            answers.check(&mut findings);
            assert_eq!(findings.faults.len(), 1, "{rule}: {:?}", findings.faults);
        }
    }
}
