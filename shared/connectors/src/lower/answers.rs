//! `destination.http.answers` and `destination.http.on_unknown`

use super::{Check, address, texts::RecordRefs, values};
use crate::{
    at::At,
    raw::{self, OneOrList, StatusCode},
    spec::{AnswerIs, AnswerRule, AnswersSpec, HasSpec, Meaning, OnUnknown},
    text::Place,
};

/// A queue hides a message for 12 hours at most: Amazon SQS's quotas.
const AFTER_MS: std::ops::RangeInclusive<u64> = 0..=43_200_000;

pub(super) fn answers(check: &mut Check<'_>, answers: raw::Answers) -> Option<AnswersSpec> {
    let has_code = answers.code.is_some();
    let code = values::optional(answers.code, |path| values::dotted(check, &path));
    let reason = values::optional(answers.reason, |path| values::dotted(check, &path));
    let rules =
        values::all(answers.rules.into_iter().map(|rule| self::rule(check, rule, has_code)));
    Some(AnswersSpec { code: code?, reason: reason?, rules: rules? })
}

fn rule(check: &mut Check<'_>, rule: At<raw::AnswerRule>, has_code: bool) -> Option<AnswerRule> {
    let At { value: rule, place } = rule;
    let after = rule.after.as_ref().map(|after| after.place);
    let fits = means_fit(check, &rule.means, rule.kind.is_some(), after);
    let when = self::when(check, rule.status, rule.code, rule.kind, place, has_code);
    let after_ms = values::optional(rule.after, |text| values::duration(check, &text, AFTER_MS));
    fits.then_some(AnswerRule { when: when?, means: rule.means.value, after_ms: after_ms? })
}

/// What the rule is for.
fn when(
    check: &mut Check<'_>,
    status: Option<At<OneOrList<StatusCode>>>,
    code: Option<At<OneOrList<raw::Scalar>>>,
    kind: Option<At<OneOrList<crate::spec::FailureKind>>>,
    rule: Place,
    has_code: bool,
) -> Option<AnswerIs> {
    match (status, code, kind) {
        (None, None, None) => {
            let remedy = "add `status:`, `code:` or `kind:`";
            check.report.add(rule, "the rule does not say what it is for", remedy);
            None
        }
        (None, None, Some(kinds)) => {
            Some(AnswerIs::Failed(OneOrList::items(kinds).map(|kind| kind.value).collect()))
        }
        (_, _, Some(kinds)) => {
            let message =
                "`kind` is for a request without an answer, which has no `status` or `code`";
            check.report.add(kinds.place, message, "write two rules");
            None
        }
        (_, Some(codes), None) if !has_code => {
            let message = "nothing says where the code stands";
            check.report.add(codes.place, message, "add `code:` with its path beside `rules`");
            None
        }
        (status, code, None) => Some(AnswerIs::Answered {
            status: status.map(statuses).unwrap_or_default(),
            code: code
                .map(|codes| OneOrList::items(codes).map(|code| code.value.0).collect())
                .unwrap_or_default(),
        }),
    }
}

/// Whether the meaning goes with the rest of the rule.
fn means_fit(
    check: &mut Check<'_>,
    means: &At<Meaning>,
    failed: bool,
    after: Option<Place>,
) -> bool {
    let settles = matches!(means.value, Meaning::Delivered | Meaning::Duplicate | Meaning::Refused);
    if failed && matches!(means.value, Meaning::Delivered | Meaning::Duplicate | Meaning::Token) {
        let message = "without an answer nobody knows that";
        let remedy = "write `unknown`, `retry`, `down`, `limit`, `quota` or `refused`";
        check.report.add(means.place, message, remedy);
        return false;
    }
    if let (true, Some(after)) = (settles, after) {
        let message = "`after` does nothing: the record is settled, and not sent again";
        check.report.add(after, message, "remove it");
        return false;
    }
    true
}

/// Whether what becomes of unknown outcomes goes with the flow's ordering.
pub(super) fn on_unknown_fits(
    check: &mut Check<'_>,
    on_unknown: Option<&At<raw::OnUnknown>>,
    ordering: Option<crate::flow::Ordering>,
) -> bool {
    let Some(At { value, place }) = on_unknown else { return true };
    let word = match value {
        raw::OnUnknown::Retry => return true,
        raw::OnUnknown::Park => "park",
        raw::OnUnknown::Lookup(_) => "lookup",
    };
    if !matches!(ordering, Some(crate::flow::Ordering::None)) {
        return true;
    }
    let message = format!(
        "`on_unknown: {word}` needs the ledger, which `ordering: none` does without: after a crash \
         nobody would know what was begun"
    );
    let remedy = "write `ordering: entity` or `ordering: serial`, or `on_unknown: retry`";
    check.report.add(*place, message, remedy);
    false
}

pub(super) fn on_unknown(check: &mut Check<'_>, on_unknown: raw::OnUnknown) -> Option<OnUnknown> {
    match on_unknown {
        raw::OnUnknown::Retry => Some(OnUnknown::Retry),
        raw::OnUnknown::Park => Some(OnUnknown::Park),
        raw::OnUnknown::Lookup(has) => {
            self::has(check, *has).map(|has| OnUnknown::Lookup(Box::new(has)))
        }
    }
}

fn has(check: &mut Check<'_>, has: raw::Has) -> Option<HasSpec> {
    let place = has.url.place;
    let url = address::url(check, &has.url, RecordRefs::WithKey);
    let url = url.and_then(|url| {
        if url.needs_record() {
            return Some(url);
        }
        let remedy = "add `${record.…}` or `${idempotency_key}`";
        check.report.add(place, "the address names no record", remedy);
        None
    });
    let found_path = values::optional(has.found.path, |path| values::dotted(check, &path));
    let found_status = has.found.status.map_or_else(|| vec![200], statuses);
    let mut clash = None;
    let missing: Vec<u16> = has.missing.map_or_else(
        || vec![404],
        |list| {
            let both = |at: &At<StatusCode>| found_status.contains(&at.value.0);
            let items: Vec<_> = OneOrList::items(list).collect();
            clash = items.iter().find(|at| both(at)).cloned();
            items.into_iter().map(|at| at.value.0).collect()
        },
    );
    if let Some(At { value, place }) = clash {
        let message = format!("`{}` stands in `found.status` and in `missing`", value.0);
        check.report.add(place, message, "keep it in one place");
        return None;
    }
    Some(HasSpec { url: url?, found_status, found_path: found_path?, missing })
}

fn statuses(list: At<OneOrList<StatusCode>>) -> Vec<u16> {
    OneOrList::items(list).map(|status| status.value.0).collect()
}
