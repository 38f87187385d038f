//! `expect`: what an answer of success has for a body.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::Answer;

/// What an answer of 200 to 299 has for a body.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Expect {
    /// JSON, or nothing.
    Json,
    /// Whatever it is.
    Any,
}

/// What is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expects {
    Json,
    /// Anything but an HTML page: a gateway's sign that the service is away, or a form to log in.
    NoPage,
    Any,
}

impl Expect {
    /// What is expected where the flow says so, or by whether it reads answers.
    pub(super) fn of(stated: Option<Self>, reads: bool) -> Expects {
        match (stated, reads) {
            (Some(Self::Json), _) | (None, true) => Expects::Json,
            (None, false) => Expects::NoPage,
            (Some(Self::Any), _) => Expects::Any,
        }
    }
}

impl Expects {
    /// What came instead, for people.
    pub(super) fn instead(self, answer: &Answer) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Json => answer.instead_of_json(),
            Self::NoPage => answer.instead_of_json().filter(|_| is_page(&answer.body)),
        }
    }
}

/// Whether a body is an HTML page, as far as its beginning tells.
fn is_page(body: &[u8]) -> bool {
    let head = body.trim_ascii_start();
    let head = head.get(..512).unwrap_or(head).to_ascii_lowercase();
    let begins = |with: &str| head.starts_with(with.as_bytes());
    let has = |part: &[u8]| head.windows(part.len()).any(|window| window == part);
    begins("<!doctype html") || begins("<html") || (begins("<") && has(b"<html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_no_answer_unless_anything_is_expected() {
        for (body, json, no_page) in [
            ("<html><body>Down for maintenance</body></html>", false, false),
            ("  <!DOCTYPE html>\n<title>Sign in</title>", false, false),
            ("<?xml version=\"1.0\"?><html>", false, false),
            ("<?xml version=\"1.0\"?><response code=\"0\"/>", false, true),
            ("ok", false, true),
            ("", true, true),
            ("{}", true, true),
        ] {
            let answer = Answer::for_test(200, body);
            let is_right = |expects: Expects| expects.instead(&answer).is_none();
            assert_eq!(is_right(Expects::Json), json, "{body}");
            assert_eq!(is_right(Expects::NoPage), no_page, "{body}");
            assert!(is_right(Expects::Any));
        }
    }
}
