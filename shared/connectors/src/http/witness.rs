//! Requests and answers as they are shown to people, secrets taken out.

use super::{answer::Answer, no_answer::NoAnswer, redact::Redactor, request::Request};

/// A request as it would go out, or went out. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPreview {
    /// Its method.
    pub method: String,
    /// Its address, with the query.
    pub url: String,
    /// Its headers, without those of `auth`.
    pub headers: Vec<(String, String)>,
    /// Whether it has credentials beside, by `auth`.
    pub has_credentials: bool,
    /// Its body; empty for none.
    pub body: Vec<u8>,
}

/// An answer as it came, as far as it was read. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerPreview {
    /// Its status code.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// Sees every request to a flow's destination once it is answered, or is not: `tidegate try` shows them.
pub trait Witness: Send + Sync {
    /// A request was made. Without an answer, the second is the reason.
    fn saw(&self, request: RequestPreview, answer: Result<AnswerPreview, String>);
}

/// Shows a witness what was sent and what came of it. Of the credentials it is told only whether there were any.
pub(super) fn show(
    witness: &dyn Witness,
    redactor: &Redactor,
    (request, has_credentials): (&Request, bool),
    answer: Result<&Answer, &NoAnswer>,
) {
    let headers = |headers: &reqwest::header::HeaderMap| {
        let shown = headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), redactor.masked(&value))
        });
        shown.collect::<Vec<_>>()
    };
    let preview = RequestPreview {
        method: request.method.to_string(),
        url: redactor.masked(request.url.as_str()),
        headers: headers(&request.headers),
        has_credentials,
        body: redactor.masked(&String::from_utf8_lossy(&request.body)).into_bytes(),
    };
    let answer = answer.map(|answer| AnswerPreview {
        status: answer.status.as_u16(),
        headers: headers(&answer.headers),
        body: redactor.masked(&String::from_utf8_lossy(&answer.body)),
    });
    witness.saw(preview, answer.map_err(|error| error.reason.clone()));
}
