//! `rules`: what one kind of answer means, as a flow says.

use schemars::JsonSchema;
use serde::Deserialize;

use super::meaning::Meaning;
use crate::{
    file::{At, Fault, Findings},
    http::{no_answer::FailureKind, words::is_listed},
    value::{Millis, OneOrList, Scalar, StatusCode},
};

/// A wait before the next try. A queue hides a message for 12 hours at most: Amazon SQS's quotas.
type Wait = Millis<0, 43_200_000>;

/// Codes that stand for none, where a body always has one.
pub(super) const NO_ERROR: [&str; 5] = ["", "0", "200-299", "ok", "success"];
/// As a rule's code: whichever stands there.
const ANY: &str = "any";

/// What one kind of answer means: `status` and `code` both have to fit; `kind` is for no answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerRule<M = Meaning> {
    /// Status codes; left out: any.
    status: Option<OneOrList<StatusCode>>,
    /// Codes or words at `answers.code`, or ranges like `600-699`; `any` is for every code that stands there
    /// and says that something is wrong. Left out: any, or none.
    code: Option<At<OneOrList<Scalar>>>,
    /// How a request failed that has no answer.
    kind: Option<At<OneOrList<FailureKind>>>,
    /// What it means.
    means: At<M>,
    /// The next try waits for at least so long.
    after: Option<At<Wait>>,
}

impl<M: Copy + Into<Meaning>> AnswerRule<M> {
    /// Notes keys that contradict each other. `has_code`: whether the flow says where a code stands.
    pub(crate) fn check(rule: &At<Self>, has_code: bool, findings: &mut Findings) {
        let At { value: rule, place } = rule;
        rule.check_meaning(findings);
        rule.check_codes(findings);
        match (&rule.status, &rule.code, &rule.kind) {
            (None, None, None) => {
                let message = "the rule does not say what it is for";
                findings.add(Fault::new(*place, message, "add `status:`, `code:` or `kind:`"));
            }
            (None, None, Some(_)) => {}
            (_, _, Some(kinds)) => {
                let message =
                    "`kind` is for a request without an answer, which has no `status` or `code`";
                findings.add(Fault::new(kinds.place, message, "write two rules"));
            }
            (_, Some(codes), None) if !has_code => {
                let message = "nothing says where the code stands";
                let remedy = "add `code:` with its path beside `rules`";
                findings.add(Fault::new(codes.place, message, remedy));
            }
            (_, _, None) => {}
        }
    }

    /// Notes a code that looks like a pattern, and would be compared as it stands.
    fn check_codes(&self, findings: &mut Findings) {
        let codes = self.code.iter().flat_map(|codes| &codes.value.0);
        for code in codes.filter(|code| code.value.0.contains('*')) {
            let message =
                format!("`{}` is no pattern: codes are compared as they stand", code.value.0);
            findings.add(Fault::new(code.place, message, "write `any`, or a range like `600-699`"));
        }
    }

    /// Notes a meaning that does not go with the rest of the rule.
    fn check_meaning(&self, findings: &mut Findings) {
        let (meaning, place) = (self.means.value.into(), self.means.place);
        if self.kind.is_some() && !meaning.goes_without_answer() {
            let remedy = "write `unknown`, `retry`, `down`, `limit`, `quota` or `refused`";
            findings.add(Fault::new(place, "without an answer that is not known", remedy));
        } else if let (true, Some(after)) = (meaning.settles(), &self.after) {
            let message = "`after` does nothing: no other try follows such an answer";
            findings.add(Fault::new(after.place, message, "remove it"));
        }
    }

    /// The same rule, in the words that all sections share.
    pub(super) fn common(&self) -> AnswerRule {
        AnswerRule {
            status: self.status.clone(),
            code: self.code.clone(),
            kind: self.kind.clone(),
            means: At { value: self.means.value.into(), place: self.means.place },
            after: self.after.clone(),
        }
    }
}

impl AnswerRule {
    /// Whether it is for an answer with this status, and with this code in its body.
    pub(super) fn fits(&self, status: u16, code: Option<&str>) -> bool {
        let fits_status =
            |codes: &OneOrList<StatusCode>| codes.0.iter().any(|listed| listed.value.0 == status);
        let fits_code = |codes: &At<OneOrList<Scalar>>| {
            let listed = codes.value.0.iter().map(|listed| &listed.value.0);
            code.is_some_and(|code| {
                let any = !is_listed(code, NO_ERROR) && is_listed(ANY, listed.clone());
                any || is_listed(code, listed)
            })
        };
        self.kind.is_none()
            && self.status.as_ref().is_none_or(fits_status)
            && self.code.as_ref().is_none_or(fits_code)
    }

    /// Whether it is for a request that failed like this.
    pub(super) fn fits_failure(&self, kind: FailureKind) -> bool {
        self.kind.as_ref().is_some_and(|kinds| kinds.value.0.iter().any(|at| at.value == kind))
    }

    /// What such an answer means, and how long to wait at least, in ms.
    pub(super) fn says(&self) -> (Meaning, Option<u64>) {
        (self.means.value, self.after.as_ref().map(|after| after.value.0))
    }
}
