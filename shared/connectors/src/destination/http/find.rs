//! `upsert.find`: the destination is asked whether it has the record, and by its answer it is created or updated.
//!
//! For APIs that create a second one without a word, and give a record an id of their own. Each try begins with the
//! question, so that a creation whose answer was lost is found by the next one.

use reqwest::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{compose::Composer, follow::Second};
use crate::{
    file::{Fault, Findings},
    json::{Picker, stands},
    value::{Enveloped, JsonTemplate, OneOrList, Path, Sent, StatusCode, Url, template::Template},
};

/// A success that says that there is nothing.
const NO_CONTENT: u16 = 204;

/// Asks whether the destination has the record: a GET, and a POST with a `body`. Nothing is written by it. Where it
/// has, the record is updated, by `${answer.…}`; else it is created. It takes an `ordering` other than `none`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    /// The address, at the destination's own host; may hold `${record.…}` and `${body.…}`.
    #[schemars(example = "https://api.example.com/contacts?reference=${record.id}")]
    pub(super) url: Url<Sent>,
    /// The JSON that is posted; may hold `${record.…}` and `${body.…}`, which keep their kind where they are alone in a
    /// text. Left out: nothing is posted.
    #[schemars(example = serde_json::json!({ "filter": { "reference": "${record.id}" } }))]
    pub(super) body: Option<JsonTemplate<Enveloped>>,
    /// Path to what stands in an answer of 200 to 299 where the destination has it; absent, null, false, 0 or empty
    /// means that it has not.
    found: Path,
    /// Further status codes that say that it has not. Default 404 where `url` names the record, else none.
    missing: Option<OneOrList<StatusCode>>,
}

impl Find {
    /// The texts of its request.
    fn texts(&self) -> Vec<&Template> {
        let of_body = self.body.iter().flat_map(|body| body.root.texts());
        std::iter::once(&self.url.template).chain(of_body.map(|(text, _)| text)).collect()
    }

    /// By which method it asks.
    pub(super) fn method(&self) -> Method {
        if self.body.is_some() { Method::POST } else { Method::GET }
    }

    /// Notes a question that names no record.
    pub(super) fn check(&self, findings: &mut Findings) {
        if !self.texts().iter().any(|text| text.parts.iter().any(|part| part.is_of_record())) {
            let message = "the question names no record, so that any would be found";
            let remedy = "add `${record.…}` or `${body.…}` to `url` or `body`";
            findings.add(Fault::new(self.url.site.place, message, remedy));
        }
    }

    /// What goes by the answers, for a connection.
    pub(super) fn finder(&self, create: Composer, update: Composer) -> Finder {
        let usual = || if self.url.template.needs_record() { vec![404] } else { Vec::new() };
        let listed = |list: &OneOrList<StatusCode>| list.0.iter().map(|at| at.value.0).collect();
        Finder {
            create,
            update,
            found: Picker::of(&self.found.keys),
            missing: self.missing.as_ref().map_or_else(usual, listed),
        }
    }
}

/// Goes by the answers to the question.
pub(super) struct Finder {
    create: Composer,
    update: Composer,
    /// What stands in an answer where the destination has it.
    found: Picker,
    /// Status codes that say that it has not.
    missing: Vec<u16>,
}

impl Finder {
    /// Whether the destination has the record; `None` where the answer is none to the question.
    fn has(&self, answer: &[u8]) -> Option<bool> {
        stands(&self.found, answer)
    }
}

impl Second for Finder {
    fn asked_for<'a>(&self, status: u16, body: &'a [u8]) -> Option<&'a [u8]> {
        if status == NO_CONTENT || self.missing.contains(&status) {
            return Some(b"{}");
        }
        ((200..=299).contains(&status) && self.has(body).is_some()).then_some(body)
    }

    fn composer(&self, answer: &[u8]) -> &Composer {
        if self.has(answer) == Some(true) { &self.update } else { &self.create }
    }

    fn is_contrary(&self, answer: &[u8], status: u16) -> bool {
        // Removed meanwhile, or created.
        match self.has(answer) {
            Some(true) => matches!(status, 404 | 410),
            _ => status == 409,
        }
    }

    fn writes_first(&self) -> bool {
        false
    }
}
