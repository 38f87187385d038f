//! `upsert`: create or update, whichever the destination asks for.
//!
//! One of the two is tried first; where its answer says that it takes the other, that is the record's next request, in a
//! send slot of its own. What the answer said is kept in memory alone: after a crash between the two the first one is
//! tried again, and its answer is the same.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{compose::Composer, method::HttpMethod};
use crate::{
    file::{At, Fault, Findings},
    json::{Picker, Scalar},
    value::{Following, OneOrList, Path, StatusCode, Text, Url, template::Part},
};

/// As many answers are kept for the next request.
const KEPT_MAX: usize = 10_000;

/// Create or update, whichever the destination asks for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Upsert {
    /// What is tried first. Default `create`.
    #[serde(default)]
    pub(super) first: First,
    /// How a record is created. Default: POST to the destination's own `url`.
    #[serde(default)]
    pub(super) create: Half,
    /// How it is updated. Default: PATCH, of the destination's own `url`.
    #[serde(default)]
    pub(super) update: Half,
    /// Which answer to the first asks for the other. Default: 409 to a creation, 404 to an update.
    #[serde(default)]
    when: When,
}

/// What is tried first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum First {
    /// A record is created, and updated where it is there already.
    #[default]
    Create,
    /// A record is updated, and created where it is not there yet.
    Update,
}

/// One of the two requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UpsertRequest")]
pub(super) struct Half {
    /// Default POST for a creation, PATCH for an update.
    pub(super) method: Option<HttpMethod>,
    /// The address; may hold `${record.…}` and `${body.…}`, and in the second request `${answer.…}`: a field of the
    /// answer to the first.
    #[schemars(example = "https://api.example.com/contacts/${answer.error.existing_id}")]
    pub(super) url: Option<Url<Following>>,
}

/// Which answer asks for the other request: all of what is given.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UpsertWhen")]
struct When {
    /// Status codes.
    status: Option<OneOrList<StatusCode>>,
    /// Where a code stands in the body.
    code_path: Option<Path>,
    /// What the code is then.
    code: Option<At<Text>>,
}

impl Upsert {
    /// Notes keys that contradict each other.
    pub(super) fn check(&self, findings: &mut Findings) {
        let first = match self.first {
            First::Create => &self.create,
            First::Update => &self.update,
        };
        let answer = |url: &Url<Following>| {
            url.template.parts.iter().find(|part| matches!(part, Part::Answer(_))).cloned()
        };
        if let Some(url) = &first.url
            && let Some(part) = answer(url)
        {
            let message = format!("`{part}` cannot stand here: this request is the first");
            let remedy = "write it in the other one, or say which is `first`";
            findings.add(Fault::new(url.site.place, message, remedy).of(part.to_string()));
        }
        if let (Some(code), None) = (&self.when.code, &self.when.code_path) {
            let remedy = "add `code_path`, the place of the code in the answer";
            findings.add(Fault::new(code.place, "the code has no place", remedy));
        }
    }

    /// What sends the other request for a connection.
    pub(super) fn follow(&self, second: Composer) -> Follow {
        let usual = match self.first {
            First::Create => 409,
            First::Update => 404,
        };
        let code = self.when.code.as_ref().and_then(|code| code.value.template.as_literal());
        let status = self.when.status.as_ref();
        Follow {
            second,
            status: status
                .map_or_else(|| vec![usual], |list| list.0.iter().map(|at| at.value.0).collect()),
            code: self
                .when
                .code_path
                .as_ref()
                .map(|path| (Picker::of(&path.keys), code.map(str::to_owned))),
            contrary: match self.first {
                First::Create => [404, 410],
                First::Update => [409, 409],
            },
            kept: Mutex::default(),
        }
    }
}

/// The request that follows the first one where its answer asks for it.
pub(super) struct Follow {
    pub(super) second: Composer,
    status: Vec<u16>,
    code: Option<(Picker, Option<String>)>,
    /// Answers to the second that contradict the one to the first.
    contrary: [u16; 2],
    /// Answers that asked for it, by the keys of the first requests.
    kept: Mutex<HashMap<String, Bytes>>,
}

impl Follow {
    /// Keeps an answer to the first request, if it asks for the second.
    pub(super) fn asks(&self, key: &str, status: u16, body: &Bytes) -> bool {
        let has_code = self.code.as_ref().is_none_or(|(path, code)| {
            let found = path.value(body).and_then(Scalar::read).map(Scalar::into_text);
            found.is_some_and(|found| code.as_ref().is_none_or(|code| *found == **code))
        });
        if !self.status.contains(&status) || !has_code {
            return false;
        }
        self.keep(key.to_owned(), body.clone());
        true
    }

    /// Keeps the answer to a record's first request for its second.
    pub(super) fn keep(&self, key: String, answer: Bytes) {
        let mut kept = self.kept();
        // What is left of records that were given up meanwhile.
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, answer);
    }

    /// The answer to a record's first request, where it asked for the second.
    pub(super) fn take(&self, key: &str) -> Option<Bytes> {
        self.kept().remove(key)
    }

    /// Whether an answer to the second request contradicts the one to the first: then both are made anew.
    pub(super) fn is_contrary(&self, status: u16) -> bool {
        self.contrary.contains(&status)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
