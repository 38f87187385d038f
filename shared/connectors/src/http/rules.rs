//! What an answer means, by what to do next: a flow's rules, its short forms, and a table of status
//! codes. Pure: the tables are the tests.

use std::borrow::Cow;

use tidegate_core::model::{Blame, Later, Outcome, SkipReason};
use tidegate_flow::spec::{AnswerIs, AnswersSpec, FailureKind, Meaning};

use super::{limits::Left, retry_after::WAIT_MS_MAX, words::Words};
use crate::json::Picker;

/// Codes that stand for none, where a body always has one.
const NO_ERROR: [&str; 5] = ["", "0", "200-299", "ok", "success"];

/// How answers are judged.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
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

#[derive(Debug)]
struct Rule {
    when: When,
    verdict: Verdict,
    after_ms: Option<u64>,
}

#[derive(Debug)]
enum When {
    Answered { status: Vec<u16>, code: Words },
    Failed(Vec<FailureKind>),
}

/// Where a body has its code and its reason.
#[derive(Debug)]
struct BodyPaths {
    picker: Picker,
    code: Option<usize>,
    reason: Option<usize>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    Duplicate,
    Refused,
    /// The credentials have expired, or are refused; a record cannot help it.
    Token,
    Later {
        blame: Blame,
        unknown: bool,
    },
}

/// A judged answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged<'b> {
    pub(crate) verdict: Verdict,
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

const LATER_REQUEST: Verdict = Verdict::Later { blame: Blame::Request, unknown: false };
const LATER_DESTINATION: Verdict = Verdict::Later { blame: Blame::Destination, unknown: false };
const LATER_CONNECTION: Verdict = Verdict::Later { blame: Blame::Connection, unknown: false };
const LATER_LIMIT: Verdict = Verdict::Later { blame: Blame::Limit, unknown: false };
/// The server failed in the middle of it: how far it got is not known.
const LATER_UNKNOWN: Verdict = Verdict::Later { blame: Blame::Request, unknown: true };

impl Rules {
    pub(crate) fn new(spec: &AnswersSpec, short: ShortForms, names_record: bool) -> Self {
        let rules = spec.rules.iter().map(|rule| Rule {
            when: match &rule.when {
                AnswerIs::Answered { status, code } => {
                    When::Answered { status: status.clone(), code: Words::new(code) }
                }
                AnswerIs::Failed(kinds) => When::Failed(kinds.clone()),
            },
            verdict: rule.means.into(),
            after_ms: rule.after_ms,
        });
        let mut picker = Picker::new();
        let code = spec.code.as_deref().map(|path| picker.add(path));
        let reason = spec.reason.as_deref().map(|path| picker.add(path));
        let body = (!picker.is_empty()).then_some(BodyPaths { picker, code, reason });
        Self { rules: rules.collect(), short, names_record, body }
    }

    /// Whether a code in the body counts, so that no answer is judged without all of it.
    pub(crate) fn reads_codes(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.code.is_some())
    }

    /// What an answer says about its request. `whole` is whether all of its body was read.
    pub(crate) fn answer<'b>(&self, status: u16, body: &'b [u8], whole: bool) -> Judged<'b> {
        let success = (200..=299).contains(&status);
        // A success is not asked why, and a body costs a parse.
        let said = match &self.body {
            Some(paths) if paths.code.is_some() || !success => paths.read(body, whole),
            _ => Said::default(),
        };
        let Said { code, reason, fault } = said;
        let fitting = self.rules.iter().find(|rule| rule.fits(status, code.as_deref()));
        if let Some(Rule { verdict, after_ms, .. }) = fitting {
            let (verdict, after_ms) = (*verdict, *after_ms);
            return Judged { verdict, after_ms, code, reason, by_rule: true, unread: false };
        }
        let judged = |verdict, code, reason| Judged {
            verdict,
            after_ms: None,
            code,
            reason,
            by_rule: false,
            unread: false,
        };
        let verdict = self.by_status(status);
        if verdict != Verdict::Delivered || !self.reads_codes() {
            return judged(verdict, code, reason);
        }
        // A success may hold an error: what cannot be read, and what no rule knows, is none.
        if let Some(fault) = fault {
            let (verdict, after_ms) =
                self.failure(FailureKind::Broken).unwrap_or((LATER_UNKNOWN, None));
            let why = format!("the answer may hold an error, and cannot be read: {fault}");
            return Judged { after_ms, unread: true, ..judged(verdict, None, Some(why.into())) };
        }
        match code {
            Some(code) if !Words::new(&NO_ERROR).has(&code) => {
                let said = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                let why = format!("no rule says what it means{said}");
                judged(LATER_UNKNOWN, Some(code), Some(why.into()))
            }
            _ => judged(verdict, None, None),
        }
    }

    /// What the flow says of a request without an answer, and how long it waits at least, in ms.
    pub(crate) fn failure(&self, kind: FailureKind) -> Option<(Verdict, Option<u64>)> {
        let fits =
            |rule: &&Rule| matches!(&rule.when, When::Failed(kinds) if kinds.contains(&kind));
        self.rules.iter().find(fits).map(|rule| (rule.verdict, rule.after_ms))
    }

    /// What a status code says by itself. The flow's own codes come first.
    fn by_status(&self, status: u16) -> Verdict {
        if self.short.duplicate.contains(&status) {
            return Verdict::Duplicate;
        }
        if self.short.refuse.contains(&status) {
            return Verdict::Refused;
        }
        if self.short.retry.contains(&status) {
            return LATER_REQUEST;
        }
        match status {
            200..=299 => Verdict::Delivered,
            401 => Verdict::Token,
            // Rights, or a proxy's credentials; a record cannot help it.
            403 | 407 => LATER_CONNECTION,
            404 | 405 | 410 if !self.names_record => LATER_CONNECTION,
            408 | 425 => LATER_REQUEST,
            429 => LATER_LIMIT,
            400..=499 => Verdict::Refused,
            503 => LATER_DESTINATION,
            500..=599 => LATER_UNKNOWN,
            // A redirect is never followed with a record in hand: the flow's address is wrong.
            _ => LATER_CONNECTION,
        }
    }
}

impl Judged<'_> {
    /// How long to wait, in ms: what the answer asks for, and the flow's own at the least. `asked_ms` is
    /// its `Retry-After`, `left` what it says of limits.
    pub(crate) fn wait_ms(&self, status: u16, asked_ms: Option<u64>, left: Left) -> Option<u64> {
        let limited = self.verdict.is_limit() || matches!(status, 429 | 503);
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

impl Rule {
    fn fits(&self, status: u16, code: Option<&str>) -> bool {
        let When::Answered { status: statuses, code: codes } = &self.when else { return false };
        (statuses.is_empty() || statuses.contains(&status))
            && (codes.is_empty() || code.is_some_and(|code| codes.has(code)))
    }
}

impl From<Meaning> for Verdict {
    fn from(meaning: Meaning) -> Self {
        match meaning {
            Meaning::Delivered => Self::Delivered,
            Meaning::Duplicate => Self::Duplicate,
            Meaning::Refused => Self::Refused,
            Meaning::Retry => LATER_REQUEST,
            Meaning::Unknown => LATER_UNKNOWN,
            Meaning::Down => LATER_DESTINATION,
            Meaning::Limit => LATER_LIMIT,
            Meaning::Quota => Self::Later { blame: Blame::Quota, unknown: false },
            Meaning::Token => Self::Token,
        }
    }
}

impl Verdict {
    /// Whether it is about how much may be sent.
    fn is_limit(self) -> bool {
        matches!(self, Self::Later { blame: Blame::Limit | Blame::Quota, .. })
    }

    /// For a record that was sent.
    pub(crate) fn outcome(
        self,
        status: Option<u16>,
        after_ms: Option<u64>,
        reason: String,
    ) -> Outcome {
        match self {
            Self::Delivered => Outcome::Delivered,
            Self::Duplicate => Outcome::Skipped(SkipReason::Duplicate),
            Self::Refused => Outcome::Refused { status, reason: reason.into() },
            Self::Token | Self::Later { .. } => Outcome::Later(self.later(after_ms, reason)),
        }
    }

    /// For a request that did not say what was asked: what to wait for.
    pub(crate) fn later(self, after_ms: Option<u64>, reason: String) -> Later {
        let (blame, unknown) = match self {
            Self::Later { blame, unknown } => (blame, unknown),
            // Where a token can be had anew, its owner does so before it comes to this.
            Self::Token => (Blame::Connection, false),
            Self::Delivered | Self::Duplicate | Self::Refused => (Blame::Request, false),
        };
        Later { blame, after_ms, unknown, reason: reason.into() }
    }
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
        let text = |slot: Option<usize>| picks.text(slot?);
        Said { code: text(self.code), reason: text(self.reason), fault }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_flow::spec::AnswerRule;

    use super::*;

    fn verdict(rules: &Rules, status: u16) -> Verdict {
        rules.answer(status, b"", true).verdict
    }

    #[test]
    fn every_status_says_what_to_do_next() {
        let rules = Rules::default();
        for (statuses, verdict) in [
            (&[200, 201, 202, 204, 207, 226][..], Verdict::Delivered),
            (&[400, 402, 406, 409, 411, 412, 413, 414, 415, 422, 428, 431, 451], Verdict::Refused),
            (&[401], Verdict::Token),
            (&[403, 407, 404, 405, 410], LATER_CONNECTION),
            (&[408, 425], LATER_REQUEST),
            (&[429], LATER_LIMIT),
            (&[503], LATER_DESTINATION),
            (&[500, 501, 502, 504, 507, 520, 529, 599], LATER_UNKNOWN),
            (&[100, 300, 301, 302, 303, 304, 307, 308, 600, 999], LATER_CONNECTION),
        ] {
            for status in statuses {
                assert_eq!(self::verdict(&rules, *status), verdict, "{status}");
            }
        }
    }

    #[test]
    fn where_the_address_names_the_record_not_found_is_about_the_record() {
        let rules = Rules { names_record: true, ..Rules::default() };
        for status in [404, 405, 410] {
            assert_eq!(verdict(&rules, status), Verdict::Refused, "{status}");
        }
        assert_eq!(verdict(&rules, 401), Verdict::Token);
    }

    #[test]
    fn the_flows_own_codes_come_first() {
        let short = ShortForms { duplicate: vec![409], refuse: vec![500], retry: vec![422, 200] };
        let rules = Rules::new(&AnswersSpec::default(), short, false);
        assert_eq!(verdict(&rules, 409), Verdict::Duplicate);
        assert_eq!(verdict(&rules, 500), Verdict::Refused);
        assert_eq!(verdict(&rules, 422), LATER_REQUEST);
        assert_eq!(verdict(&rules, 200), LATER_REQUEST);
    }

    fn rule(status: &[u16], code: &[&str], means: Meaning) -> AnswerRule {
        let code = code.iter().map(|code| (*code).to_owned()).collect();
        let when = AnswerIs::Answered { status: status.to_vec(), code };
        AnswerRule { when, means, after_ms: None }
    }

    fn path(text: &str) -> Option<Vec<String>> {
        Some(text.split('.').map(str::to_owned).collect())
    }

    fn marketo() -> Rules {
        let spec = AnswersSpec {
            code: path("errors.0.code"),
            reason: path("errors.0.message"),
            rules: vec![
                rule(&[500], &["611"], Meaning::Refused),
                AnswerRule { after_ms: Some(20_000), ..rule(&[], &["606", "615"], Meaning::Limit) },
                rule(&[], &["607"], Meaning::Quota),
                rule(&[], &["601-602"], Meaning::Token),
                rule(&[409], &[], Meaning::Duplicate),
                rule(&[], &["1003"], Meaning::Refused),
            ],
        };
        let short = ShortForms { refuse: vec![409], ..ShortForms::default() };
        Rules::new(&spec, short, false)
    }

    #[test]
    fn the_first_rule_that_fits_counts_before_the_status() {
        let rules = marketo();
        let quota = Verdict::Later { blame: Blame::Quota, unknown: false };
        for (status, body, verdict, code) in [
            (200, r#"{"success":true,"result":[]}"#, Verdict::Delivered, None),
            (204, "", Verdict::Delivered, None),
            (200, r#"{"errors":[]}"#, Verdict::Delivered, None),
            (200, r#"{"errors":[{"code":"606","message":"x"}]}"#, LATER_LIMIT, Some("606")),
            (200, r#"{"errors":[{"code":607}]}"#, quota, Some("607")),
            (200, r#"{"errors":[{"code":"602"}]}"#, Verdict::Token, Some("602")),
            (400, r#"{"errors":[{"code":"606"}]}"#, LATER_LIMIT, Some("606")),
            (200, r#"{"errors":[{"code":"1003"}]}"#, Verdict::Refused, Some("1003")),
            // A rule needs both.
            (500, r#"{"errors":[{"code":"611"}]}"#, Verdict::Refused, Some("611")),
            (500, r#"{"errors":[{"code":"612"}]}"#, LATER_UNKNOWN, Some("612")),
            (409, "<html>", Verdict::Duplicate, None),
            // Where no rule fits, the status decides.
            (422, r#"{"errors":[{"code":"9"}]}"#, Verdict::Refused, Some("9")),
            (503, "<html>", LATER_DESTINATION, None),
        ] {
            let judged = rules.answer(status, body.as_bytes(), true);
            assert_eq!((judged.verdict, judged.code.as_deref()), (verdict, code), "{body}");
        }
        let limit = rules.answer(200, br#"{"errors":[{"code":"615","message":"busy"}]}"#, true);
        assert_eq!((limit.after_ms, limit.reason.as_deref()), (Some(20_000), Some("busy")));
    }

    #[test]
    fn a_success_with_an_error_that_no_rule_knows_is_no_success() {
        let rules = marketo();
        for (body, whole, said) in [
            (r#"{"errors":[{"code":"1077","message":"odd"}]}"#, true, "no rule says what it means"),
            ("<html>maintenance</html>", true, "it is no JSON"),
            (r#"{"result":[{"id":1"#, false, "it broke off"),
            ("", false, "it broke off"),
        ] {
            let judged = rules.answer(200, body.as_bytes(), whole);
            assert_eq!(judged.verdict, LATER_UNKNOWN, "{body}");
            assert!(judged.reason.as_deref().unwrap().contains(said), "{judged:?}");
        }
        // Where a body always has a code, these are none.
        for code in ["0", "\"OK\"", "200", "\"\"", "null", "\"Success\""] {
            let body = format!(r#"{{"errors":[{{"code":{code}}}]}}"#);
            assert_eq!(
                rules.answer(200, body.as_bytes(), true).verdict,
                Verdict::Delivered,
                "{code}"
            );
        }
    }

    #[test]
    fn a_failure_means_what_the_flow_says() {
        let spec = AnswersSpec {
            code: path("error"),
            reason: None,
            rules: vec![
                AnswerRule {
                    when: AnswerIs::Failed(vec![FailureKind::Timeout, FailureKind::Broken]),
                    means: Meaning::Refused,
                    after_ms: None,
                },
                AnswerRule {
                    when: AnswerIs::Failed(vec![FailureKind::Connect]),
                    means: Meaning::Retry,
                    after_ms: Some(5),
                },
            ],
        };
        let rules = Rules::new(&spec, ShortForms::default(), false);
        assert_eq!(rules.failure(FailureKind::Timeout), Some((Verdict::Refused, None)));
        assert_eq!(rules.failure(FailureKind::Connect), Some((LATER_REQUEST, Some(5))));
        let unread = rules.answer(200, b"{", true);
        assert_eq!((unread.verdict, unread.unread), (Verdict::Refused, true));
        assert_eq!(Rules::default().failure(FailureKind::Timeout), None);
    }

    #[test]
    fn without_a_path_no_body_is_looked_at() {
        let rules = Rules::default();
        assert!(!rules.reads_codes());
        assert_eq!(rules.answer(200, b"{", false).verdict, Verdict::Delivered);
    }
}
