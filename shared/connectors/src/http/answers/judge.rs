//! `answers`: what the keys say, and what an answer means by them and by its status. Pure: the tables
//! are the tests.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    meaning::Meaning,
    rule::{AnswerRule, NO_ERROR},
};
use crate::{
    file::{At, Findings},
    http::{
        limits::Advertised, no_answer::FailureKind, retry_after::WAIT_MS_MAX, words::is_listed,
    },
    json::Picker,
    value::{OneOrList, Path},
};

/// Codes of limits, as many APIs write them in a success.
const LIMITS: [&str; 6] =
    ["throttled", "ratelimited", "rate_limited", "rate_limit_exceeded", "too_many_requests", "429"];

/// What the destination's answers mean, where status codes do not say it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// Path to a code in the body of an answer, whatever its status: `errors.0.code`. Of several paths, the
    /// first at which something is wrong counts. An answer of 200 to 299 with a code that no rule names is
    /// tried again, and its record parked after `retry.attempts`.
    code: Option<OneOrList<Path>>,
    /// Path to what the body says of it, or several; left out: the body's beginning is shown.
    reason: Option<OneOrList<Path>>,
    /// What answers mean: the first rule that fits counts, before `refuse`, `retry_status`,
    /// `duplicate` and what the status says by itself.
    #[serde(default)]
    rules: Vec<At<AnswerRule>>,
}

/// How answers are judged.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<At<AnswerRule>>,
    short: ShortForms,
    /// Whether the address names the record: then "not found" is about the record; otherwise the
    /// address is wrong, and every record would be parked for it.
    names_record: bool,
    body: Option<BodyPaths>,
}

/// Status codes alone.
#[derive(Debug, Default, Clone)]
pub(crate) struct ShortForms {
    /// It has the record already.
    pub(crate) duplicate: Vec<u16>,
    /// It will never take the record.
    pub(crate) refuse: Vec<u16>,
    /// It may take it later.
    pub(crate) retry: Vec<u16>,
}

/// Where a body has its code and its reason.
#[derive(Debug)]
struct BodyPaths {
    picker: Picker,
    codes: Vec<usize>,
    reasons: Vec<usize>,
}

/// A judged answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged<'b> {
    /// What it means for what was sent.
    pub(crate) meaning: Meaning,
    /// To wait for at least so long, in ms, whatever the answer asks for.
    pub(crate) after_ms: Option<u64>,
    /// The code in its body.
    pub(crate) code: Option<Cow<'b, str>>,
    /// What its body says of it.
    pub(crate) reason: Option<Cow<'b, str>>,
    /// A rule of the flow's says so, and not the status by itself.
    pub(crate) by_rule: bool,
    /// It is a success that could not be read, so that its request may have been applied whatever the
    /// flow says of that.
    pub(crate) unread: bool,
}

impl Answers {
    /// Notes rules that contradict themselves.
    pub(crate) fn check(&self, findings: &mut Findings) {
        for rule in &self.rules {
            AnswerRule::check(rule, self.code.is_some(), findings);
        }
    }
}

impl Rules {
    /// Of the flow's rules, then of its short forms. `names_record`: whether the address names the record
    /// that is sent.
    pub(crate) fn new(answers: &Answers, short: ShortForms, names_record: bool) -> Self {
        let Answers { code, reason, rules } = answers;
        Self { short, names_record, ..Self::of(paths(code), paths(reason), rules) }
    }

    /// Of rules in a section's own words. `codes` and `reasons` are where a body has them.
    pub(crate) fn of<M: Copy + Into<Meaning>>(
        codes: &[At<Path>],
        reasons: &[At<Path>],
        rules: &[At<AnswerRule<M>>],
    ) -> Self {
        let mut picker = Picker::new();
        let mut slots = |paths: &[At<Path>]| -> Vec<usize> {
            paths.iter().map(|path| picker.add(&path.value.keys)).collect()
        };
        let (codes, reasons) = (slots(codes), slots(reasons));
        let body = (!picker.is_empty()).then_some(BodyPaths { picker, codes, reasons });
        let common =
            |rule: &At<AnswerRule<M>>| At { value: rule.value.common(), place: rule.place };
        Self { rules: rules.iter().map(common).collect(), body, ..Self::default() }
    }

    /// Whether a code in the body counts, so that no answer is judged without all of it.
    pub(crate) fn reads_codes(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.codes.is_empty())
    }

    /// What an answer says about its request. `whole` is whether all of its body was read.
    pub(crate) fn answer<'b>(&self, status: u16, body: &'b [u8], whole: bool) -> Judged<'b> {
        let success = (200..=299).contains(&status);
        // A success is not asked why, and a body costs a parse.
        let said = match &self.body {
            Some(paths) if !paths.codes.is_empty() || !success => paths.read(body, whole),
            _ => Said::default(),
        };
        let Said { code, reason, fault } = said;
        let fitting = self.rules.iter().find(|rule| rule.value.fits(status, code.as_deref()));
        if let Some(rule) = fitting {
            let (meaning, after_ms) = rule.value.says();
            return Judged { meaning, after_ms, code, reason, by_rule: true, unread: false };
        }
        let judged = |meaning, code, reason| Judged {
            meaning,
            after_ms: None,
            code,
            reason,
            by_rule: false,
            unread: false,
        };
        let meaning = self.by_status(status);
        if meaning != Meaning::Delivered || !self.reads_codes() {
            return judged(meaning, code, reason);
        }
        // A success may hold an error: what cannot be read, and what no rule knows, is none.
        if let Some(fault) = fault {
            let (meaning, after_ms) =
                self.failure(FailureKind::Broken).unwrap_or((Meaning::Unknown, None));
            let why = format!("the answer may hold an error, and cannot be read: {fault}");
            return Judged { after_ms, unread: true, ..judged(meaning, None, Some(why.into())) };
        }
        match code {
            Some(code) if is_listed(&code, LIMITS) => judged(Meaning::Limit, Some(code), reason),
            Some(code) if !is_listed(&code, NO_ERROR) => {
                let said = reason.unwrap_or_else(|| String::from_utf8_lossy(body));
                let why = format!("no rule says what it means: {said}");
                judged(Meaning::Unexplained, Some(code), Some(why.into()))
            }
            _ => judged(meaning, None, None),
        }
    }

    /// What the flow says of a request without an answer, and how long it waits at least, in ms.
    pub(crate) fn failure(&self, kind: FailureKind) -> Option<(Meaning, Option<u64>)> {
        let rule = self.rules.iter().find(|rule| rule.value.fits_failure(kind))?;
        Some(rule.value.says())
    }

    /// What a status code says by itself. The flow's own codes come first.
    fn by_status(&self, status: u16) -> Meaning {
        if self.short.duplicate.contains(&status) {
            return Meaning::Duplicate;
        }
        if self.short.refuse.contains(&status) {
            return Meaning::Refused;
        }
        if self.short.retry.contains(&status) {
            return Meaning::Retry;
        }
        match status {
            200..=299 => Meaning::Delivered,
            401 => Meaning::Token,
            // A proxy's credentials; a record cannot help it.
            407 => Meaning::Connection,
            // Of this record, or of all: what becomes of the others tells.
            403 => Meaning::Rights,
            404 | 405 | 410 if !self.names_record => Meaning::Connection,
            408 | 425 => Meaning::Retry,
            429 => Meaning::Limit,
            400..=499 => Meaning::Refused,
            503 => Meaning::Down,
            // The server failed in the middle of it: how far it got is not known.
            500..=599 => Meaning::Unknown,
            // A redirect is never followed with a record in hand: the flow's address is wrong.
            _ => Meaning::Connection,
        }
    }
}

impl Judged<'_> {
    /// How long to wait, in ms: what the answer asks for, and the flow's own at the least. `asked_ms` is
    /// its `Retry-After`, `left` what it says of limits.
    pub(crate) fn wait_ms(
        &self,
        status: u16,
        asked_ms: Option<u64>,
        left: Advertised,
    ) -> Option<u64> {
        let limited = self.meaning.is_limit() || matches!(status, 429 | 503);
        let reset_ms = || left.wait_ms().map(|ms| ms.min(WAIT_MS_MAX)).filter(|_| limited);
        asked_ms.or_else(reset_ms).max(self.after_ms)
    }

    /// What the answer says of it: its reason, or else its body, after its code if it has one.
    pub(crate) fn said<'s>(&'s self, body: &'s [u8]) -> Cow<'s, str> {
        let said = match &self.reason {
            Some(reason) => Cow::Borrowed(&**reason),
            None => String::from_utf8_lossy(body),
        };
        match &self.code {
            Some(code) => format!("{code}: {said}").into(),
            None => said,
        }
    }
}

/// The paths that a key names.
fn paths(key: &Option<OneOrList<Path>>) -> &[At<Path>] {
    key.as_ref().map_or(&[], |paths| &paths.0)
}

/// What a body says.
#[derive(Default)]
struct Said<'b> {
    code: Option<Cow<'b, str>>,
    reason: Option<Cow<'b, str>>,
    /// Why it may say more than was understood.
    fault: Option<&'static str>,
}

impl BodyPaths {
    fn read<'b>(&self, body: &'b [u8], whole: bool) -> Said<'b> {
        if whole && body.trim_ascii().is_empty() {
            return Said::default();
        }
        let (picks, read) = self.picker.pick_until_fault(body);
        let fault = match (read, whole) {
            (Ok(()), _) => None,
            (Err(_), true) => Some("it is no JSON"),
            (Err(_), false) => Some("it broke off, or is too long"),
        };
        let texts = |slots: &[usize]| slots.iter().filter_map(|slot| picks.text(*slot)).collect();
        let (codes, reasons): (Vec<Cow<'b, str>>, Vec<Cow<'b, str>>) =
            (texts(&self.codes), texts(&self.reasons));
        let worst = codes.iter().position(|code| !is_listed(code, NO_ERROR)).unwrap_or(0);
        let code = codes.into_iter().nth(worst);
        Said { code, reason: reasons.into_iter().find(|reason| !reason.is_empty()), fault }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::section;

    fn meaning(rules: &Rules, status: u16) -> Meaning {
        rules.answer(status, b"", true).meaning
    }

    #[test]
    fn every_status_says_what_to_do_next() {
        let rules = Rules::default();
        for (statuses, expected) in [
            (&[200, 201, 202, 204, 207, 226][..], Meaning::Delivered),
            (&[400, 402, 406, 409, 411, 412, 413, 414, 415, 422, 428, 431, 451], Meaning::Refused),
            (&[401], Meaning::Token),
            (&[407, 404, 405, 410], Meaning::Connection),
            (&[408, 425], Meaning::Retry),
            (&[403], Meaning::Rights),
            (&[429], Meaning::Limit),
            (&[503], Meaning::Down),
            (&[500, 501, 502, 504, 507, 520, 529, 599], Meaning::Unknown),
            (&[100, 300, 301, 302, 303, 304, 307, 308, 600, 999], Meaning::Connection),
        ] {
            for status in statuses {
                assert_eq!(meaning(&rules, *status), expected, "{status}");
            }
        }
    }

    #[test]
    fn where_the_address_names_the_record_not_found_is_about_the_record() {
        let rules = Rules { names_record: true, ..Rules::default() };
        for status in [404, 405, 410] {
            assert_eq!(meaning(&rules, status), Meaning::Refused, "{status}");
        }
        assert_eq!(meaning(&rules, 401), Meaning::Token);
    }

    #[test]
    fn the_flows_own_codes_come_first() {
        let short = ShortForms { duplicate: vec![409], refuse: vec![500], retry: vec![422, 200] };
        let rules = Rules::new(&Answers::default(), short, false);
        assert_eq!(meaning(&rules, 409), Meaning::Duplicate);
        assert_eq!(meaning(&rules, 500), Meaning::Refused);
        assert_eq!(meaning(&rules, 422), Meaning::Retry);
        assert_eq!(meaning(&rules, 200), Meaning::Retry);
    }

    fn rules(answers: Value, short: ShortForms) -> Rules {
        Rules::new(&section(answers), short, false)
    }

    fn marketo() -> Rules {
        let answers = json!({
            "code": "errors.0.code",
            "reason": "errors.0.message",
            "rules": [
                { "status": 500, "code": 611, "means": "refused" },
                { "code": [606, 615], "means": "limit", "after": "20s" },
                { "code": "607", "means": "quota" },
                { "code": "601-602", "means": "token" },
                { "status": 409, "means": "duplicate" },
                { "code": 1003, "means": "refused" },
            ],
        });
        rules(answers, ShortForms { refuse: vec![409], ..ShortForms::default() })
    }

    #[test]
    fn the_first_rule_that_fits_counts_before_the_status() {
        let rules = marketo();
        for (status, body, meaning, code) in [
            (200, r#"{"success":true,"result":[]}"#, Meaning::Delivered, None),
            (204, "", Meaning::Delivered, None),
            (200, r#"{"errors":[]}"#, Meaning::Delivered, None),
            (200, r#"{"errors":[{"code":"606","message":"x"}]}"#, Meaning::Limit, Some("606")),
            (200, r#"{"errors":[{"code":607}]}"#, Meaning::Quota, Some("607")),
            (200, r#"{"errors":[{"code":"602"}]}"#, Meaning::Token, Some("602")),
            (400, r#"{"errors":[{"code":"606"}]}"#, Meaning::Limit, Some("606")),
            (200, r#"{"errors":[{"code":"1003"}]}"#, Meaning::Refused, Some("1003")),
            // A rule needs both.
            (500, r#"{"errors":[{"code":"611"}]}"#, Meaning::Refused, Some("611")),
            (500, r#"{"errors":[{"code":"612"}]}"#, Meaning::Unknown, Some("612")),
            (409, "<html>", Meaning::Duplicate, None),
            // Where no rule fits, the status decides.
            (422, r#"{"errors":[{"code":"9"}]}"#, Meaning::Refused, Some("9")),
            (503, "<html>", Meaning::Down, None),
        ] {
            let judged = rules.answer(status, body.as_bytes(), true);
            assert_eq!((judged.meaning, judged.code.as_deref()), (meaning, code), "{body}");
        }
        let limit = rules.answer(200, br#"{"errors":[{"code":"615","message":"busy"}]}"#, true);
        assert_eq!((limit.after_ms, limit.reason.as_deref()), (Some(20_000), Some("busy")));
    }

    #[test]
    fn a_success_with_an_error_that_no_rule_knows_is_no_success() {
        let rules = marketo();
        let odd = br#"{"errors":[{"code":"1077","message":"odd"}]}"#;
        let judged = rules.answer(200, odd, true);
        assert_eq!(judged.meaning, Meaning::Unexplained);
        assert_eq!(judged.reason.as_deref(), Some("no rule says what it means: odd"));
        let slow = br#"{"errors":[{"code":"THROTTLED"}]}"#;
        assert_eq!(rules.answer(200, slow, true).meaning, Meaning::Limit);
        for (body, whole, said) in [
            ("<html>maintenance</html>", true, "it is no JSON"),
            (r#"{"result":[{"id":1"#, false, "it broke off"),
            ("", false, "it broke off"),
        ] {
            let judged = rules.answer(200, body.as_bytes(), whole);
            assert_eq!(judged.meaning, Meaning::Unknown, "{body}");
            assert!(judged.reason.as_deref().unwrap().contains(said), "{judged:?}");
        }
        // Where a body always has a code, these are none.
        for code in ["0", "\"OK\"", "200", "\"\"", "null", "\"Success\""] {
            let body = format!(r#"{{"errors":[{{"code":{code}}}]}}"#);
            assert_eq!(
                rules.answer(200, body.as_bytes(), true).meaning,
                Meaning::Delivered,
                "{code}"
            );
        }
    }

    #[test]
    fn a_failure_means_what_the_flow_says() {
        let answers = json!({
            "code": "error",
            "rules": [
                { "kind": ["timeout", "broken"], "means": "refused" },
                { "kind": "connect", "means": "retry", "after": "5ms" },
            ],
        });
        let rules = rules(answers, ShortForms::default());
        assert_eq!(rules.failure(FailureKind::Timeout), Some((Meaning::Refused, None)));
        assert_eq!(rules.failure(FailureKind::Connect), Some((Meaning::Retry, Some(5))));
        let unread = rules.answer(200, b"{", true);
        assert_eq!((unread.meaning, unread.unread), (Meaning::Refused, true));
        assert_eq!(Rules::default().failure(FailureKind::Timeout), None);
    }

    #[test]
    fn without_a_path_no_body_is_looked_at() {
        let rules = Rules::default();
        assert!(!rules.reads_codes());
        assert_eq!(rules.answer(200, b"{", false).meaning, Meaning::Delivered);
    }
}
