//! Whether an answer of success is one: what its body says that the flow does not read.

use super::expect::Expects;
use crate::http::{
    Answer, BodyEnd, Judged, ListedFailure, Meaning, listed_failure, worded_failure,
};

/// A bulk's answer, with a result for each record of it.
const MULTI_STATUS: u16 = 207;

/// What is known of how answers are read.
pub(super) struct Success {
    pub(super) expects: Expects,
    /// Many records go in a request.
    pub(super) is_bulk: bool,
    /// Each has its own result.
    pub(super) has_results: bool,
}

impl Success {
    /// Why an answer of success is none, if it is none. What the flow's own rules call a success is one.
    pub(super) fn doubt<'b>(&self, judged: Judged<'b>, answer: &Answer) -> Judged<'b> {
        if judged.unread && answer.status.is_success() {
            let why = judged.reason.unwrap_or_default();
            let came = answer
                .instead_of_json()
                .unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
            return Judged { reason: Some(format!("{why}: {came}").into()), ..judged };
        }
        if judged.meaning != Meaning::Delivered || judged.by_rule || !answer.status.is_success() {
            return judged;
        }
        if let Some(came) = self.instead(answer) {
            let why = format!("no answer of the API's (destination.http.expect): {came}");
            let (meaning, unread) = (Meaning::Unknown, true);
            return Judged { meaning, unread, reason: Some(why.into()), ..judged };
        }
        if self.has_results {
            return judged;
        }
        if self.is_bulk && matches!(answer.end, BodyEnd::Broken(_)) {
            let why = "it broke off, and may have listed what was not taken";
            let (meaning, unread) = (Meaning::Unknown, true);
            return Judged { meaning, unread, reason: Some(why.into()), ..judged };
        }
        match self.unread(answer) {
            Some(why) => {
                let (meaning, unread) = (Meaning::Unread, true);
                Judged { meaning, unread, reason: Some(why.into()), ..judged }
            }
            None => judged,
        }
    }

    /// What came instead of an answer of the API's, where that says success.
    pub(super) fn instead(&self, answer: &Answer) -> Option<String> {
        self.expects.instead(answer).filter(|_| answer.status.is_success())
    }

    /// What its body lists that the flow does not read, and what to write.
    fn unread(&self, answer: &Answer) -> Option<String> {
        let status = answer.status.as_u16();
        // What is sent alone is hardly answered by a list of results.
        let worded = || self.is_bulk.then(|| worded_failure(&answer.body)).flatten();
        let listed = listed_failure(&answer.body).or_else(worded);
        let is_multi = self.is_bulk && status == MULTI_STATUS;
        if listed.is_none() && !is_multi {
            return None;
        }
        let body = String::from_utf8_lossy(&answer.body);
        let rule = format!("a rule `{{ status: {status}, means: delivered }}`");
        Some(match listed {
            Some(ListedFailure { path, among_results, .. }) if self.is_bulk => {
                let results = match among_results {
                    true if path.is_empty() => "`batch.results: { status: … }`".to_owned(),
                    true => format!("`batch.results: {{ path: {path}, status: … }}`"),
                    false => {
                        format!("`batch.results: {{ failures: {path}, index: … }}` (or `key:`)")
                    }
                };
                let at = if path.is_empty() { "it".to_owned() } else { format!("`{path}`") };
                format!(
                    "{at} lists failures, and nothing says whose: write {results}, or {rule}: {body}"
                )
            }
            Some(ListedFailure { path, .. }) => format!(
                "`{path}` says that it failed: write `answers.code` with the path of the code there and \
                 what codes mean, or {rule}: {body}"
            ),
            None if is_multi => format!(
                "each record has a result of its own: write `batch.results` with where it stands, or \
                 {rule}: {body}"
            ),
            None => return None,
        })
    }
}
