//! What a look-up's answer means, by what to do next.

use tidegate_core::model::Blame;

use super::http::Http;
use crate::{
    http::{self, FailureKind, Judged, Meaning},
    json::{Picker, Scalar},
};

/// A flow's own rules.
pub(super) struct Rules {
    /// Status codes that say that none of the keys is known.
    missing: Vec<u16>,
    /// What the body must say to be an answer: where, and what.
    ok: Option<(Picker, String)>,
    /// What the flow says of answers by their status and code.
    answers: http::Rules,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The body has the results.
    Answer,
    /// There is none of what was asked for.
    Missing,
    /// Ask again, later.
    Later(Blame),
}

impl Rules {
    pub(super) fn new(section: &Http) -> Self {
        let ok = section.ok.as_ref();
        let ok = ok.map(|ok| (Picker::of(&ok.path.keys), ok.equals.0.clone()));
        let answers = http::Rules::new(&section.answers, http::ShortForms::default(), true);
        let missing = section.missing.iter().map(|status| status.0).collect();
        Self { missing, ok, answers }
    }

    /// Whether the answer says that the token is not known any more.
    pub(super) fn refuses_token(&self, status: u16, body: &[u8], whole: bool) -> bool {
        self.judge(status, body, whole).meaning == Meaning::Token
    }

    /// What the flow's own rules, and a code in the body, say of an answer.
    pub(super) fn judge<'b>(&self, status: u16, body: &'b [u8], whole: bool) -> Judged<'b> {
        self.answers.answer(status, body, whole)
    }

    /// What to do next. `many`: whether a smaller request could fare better.
    pub(super) fn verdict(
        &self,
        status: u16,
        body: &[u8],
        judged: &Judged<'_>,
        many: bool,
    ) -> Verdict {
        if self.missing.contains(&status) {
            return Verdict::Missing;
        }
        let said = judged.by_rule || judged.code.is_some() || judged.unread;
        if said && judged.meaning != Meaning::Delivered {
            return Verdict::Later(blame(judged.meaning, many));
        }
        let blame = match status {
            _ if judged.by_rule && self.is_ok(body) => return Verdict::Answer,
            200..=299 if self.is_ok(body) => return Verdict::Answer,
            // A failure in the body, or a server's own: nothing says whose it is.
            503 => Blame::Destination,
            200..=299 | 408 | 425 | 500..=599 => Blame::Request,
            429 => Blame::Limit,
            // Credentials, or an address that is wrong: a redirect would carry keys elsewhere.
            300..=399 | 401 | 403 | 404 | 405 | 407 | 410 => Blame::Connection,
            400..=499 if many => Blame::Batch,
            400..=499 => Blame::Request,
            _ => Blame::Connection,
        };
        Verdict::Later(blame)
    }

    /// What the flow says of a request without an answer: whose fault it is, and how long it waits at
    /// least, in ms.
    pub(super) fn failure(&self, kind: FailureKind, many: bool) -> Option<(Blame, Option<u64>)> {
        let (meaning, after_ms) = self.answers.failure(kind)?;
        Some((blame(meaning, many), after_ms))
    }

    fn is_ok(&self, body: &[u8]) -> bool {
        let Some((path, wanted)) = &self.ok else { return true };
        let said = path.value(body).and_then(Scalar::read);
        said.is_some_and(|said| said.into_text() == **wanted)
    }
}

/// What is at fault for it that there is no answer.
fn blame(meaning: Meaning, many: bool) -> Blame {
    match meaning {
        // Perhaps for the sake of one key.
        Meaning::Refused if many => Blame::Batch,
        Meaning::Rights => Blame::Connection,
        Meaning::Unexplained => Blame::Request,
        meaning => meaning.blame(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"[]";

    fn verdict(rules: &Rules, status: u16, body: &[u8], many: bool) -> Verdict {
        rules.verdict(status, body, &rules.judge(status, body, true), many)
    }

    fn none() -> http::Rules {
        http::Rules::new(&http::Answers::default(), http::ShortForms::default(), true)
    }

    #[test]
    fn every_status_says_what_to_do_next() {
        let rules = Rules { missing: Vec::new(), ok: None, answers: none() };
        for (statuses, expected) in [
            (&[200, 201, 203, 206][..], Verdict::Answer),
            (&[400, 406, 413, 414, 422, 431], Verdict::Later(Blame::Batch)),
            (&[503], Verdict::Later(Blame::Destination)),
            (&[401, 403, 404, 405, 407, 410], Verdict::Later(Blame::Connection)),
            (&[408, 425, 500, 502, 504, 520], Verdict::Later(Blame::Request)),
            (&[429], Verdict::Later(Blame::Limit)),
            (&[100, 301, 302, 304, 307, 308, 600], Verdict::Later(Blame::Connection)),
        ] {
            for status in statuses {
                assert_eq!(verdict(&rules, *status, BODY, true), expected, "{status}");
            }
        }
        assert_eq!(verdict(&rules, 414, BODY, false), Verdict::Later(Blame::Request));
    }

    #[test]
    fn the_flows_own_rules_come_first() {
        let ok = Some((Picker::of(&["success".to_owned()]), "true".into()));
        let rules = Rules { missing: vec![404], ok, answers: none() };
        assert_eq!(verdict(&rules, 404, b"", true), Verdict::Missing);
        for (body, expected) in [
            (r#"{"success":true}"#, Verdict::Answer),
            (r#"{"success":"true"}"#, Verdict::Answer),
            (r#"{"success":false}"#, Verdict::Later(Blame::Request)),
            ("{}", Verdict::Later(Blame::Request)),
            ("<html>", Verdict::Later(Blame::Request)),
            ("", Verdict::Later(Blame::Request)),
        ] {
            assert_eq!(verdict(&rules, 200, body.as_bytes(), true), expected, "{body}");
        }
    }
}
