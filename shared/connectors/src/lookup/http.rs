//! `lookup.http`: the request for keys, as a flow file says it.

use reqwest::Method;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    file::{At, Fault, Findings, Place, Site},
    http::{Answers, Auth},
    value::{
        Headers, JsonTemplate, LookupKeys, Path, Query, Scalar, StatusCode, TextValue, Timeout,
        Url, given,
        template::{LookupPart, Part, Template},
        text_value,
    },
};

const TIMEOUT_DEFAULT_MS: u64 = 30_000;

/// Why a key has a value to itself.
const ALONE: &str = "write it as the whole value: beside other text, a key could write a query of \
                     its own";

/// An HTTP API that is asked by keys. In `query`, `form` and `body`, a value is all of
/// `${lookup.keys}` (the keys with the separator between) or all of `${lookup.key}` (sent once for
/// each key), so that no key can write a query of its own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpLookup")]
pub(super) struct Http {
    /// The address; may hold `${lookup.keys}`, or `${lookup.key}` with one key a request.
    #[schemars(example = "${params.crm_url}/customers")]
    pub(super) url: Url<LookupKeys>,
    /// Default GET, and POST with a `form` or a `body`.
    method: Option<At<LookupMethod>>,
    /// Query parameters; may hold keys.
    #[serde(default)]
    pub(super) query: Query<LookupKeys>,
    /// Headers sent with every request.
    #[serde(default)]
    pub(super) headers: Headers,
    /// How requests prove who sends them.
    pub(super) auth: Option<Auth>,
    /// Fields of a form; may hold keys.
    pub(super) form: Option<Query<LookupKeys>>,
    /// JSON to be sent; may hold keys. An item of a list that holds `${lookup.key}` stands there
    /// once for each key.
    #[serde(default, deserialize_with = "given")]
    pub(super) body: Option<JsonTemplate<LookupKeys>>,
    /// What stands between the keys of `${lookup.keys}`. Default `,`. A key that holds it cannot be asked
    /// for: its record is parked where the map merges, and mapped as one that was not found elsewhere.
    separator: Option<At<Separator>>,
    /// Path to the array of results in the body; left out: the body is the array. An object there is
    /// the only result.
    pub(super) records: Option<Path>,
    /// Path in a result to its key. Left out only where the address holds `${lookup.key}`.
    pub(super) key: Option<Path>,
    /// Status codes that say that none of the keys is known, like 404.
    #[serde(default)]
    pub(super) missing: Vec<StatusCode>,
    /// What a body must say to be an answer at all.
    pub(super) ok: Option<LookupOk>,
    /// Path to what says, by any value but false, null and empty text, that results were left off:
    /// fewer keys are asked for then.
    pub(super) more: Option<Path>,
    /// What answers mean by their status and by a code in their body, and failures by their kind, as in
    /// `destination.http`; after `refused`, fewer keys are asked for, and a single one again later. A
    /// status in `missing` needs no rule.
    #[serde(default)]
    pub(super) answers: Answers,
    /// The longest that one request may take. Default `30s`.
    timeout: Option<Timeout>,
}

/// What a body must say to be an answer: for APIs that fail with a status of 200.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupOk {
    /// Path in the body.
    pub(super) path: Path,
    /// What stands there where the request succeeded.
    pub(super) equals: Scalar,
}

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum LookupMethod {
    Get,
    Post,
}

/// What stands between keys, and in none of them.
#[derive(Debug, Clone)]
struct Separator(String);

impl Http {
    /// How to ask.
    pub(super) fn method(&self) -> Method {
        match self.method.as_ref().map(|at| at.value) {
            Some(LookupMethod::Get) => Method::GET,
            Some(LookupMethod::Post) => Method::POST,
            None if self.carries() => Method::POST,
            None => Method::GET,
        }
    }

    /// What stands between keys.
    pub(super) fn separator(&self) -> &str {
        self.separator.as_ref().map_or(",", |at| at.value.0.as_str())
    }

    /// For one request, in ms.
    pub(super) fn timeout_ms(&self) -> u64 {
        self.timeout.map_or(TIMEOUT_DEFAULT_MS, |timeout| timeout.0)
    }

    /// The longest that one request may take, asking for a token first included, in ms.
    pub(super) fn request_ms(&self) -> u64 {
        self.timeout_ms() + self.auth.as_ref().map_or(0, |auth| auth.asking_ms())
    }

    /// Whether the address names the one key of a request.
    pub(super) fn names_one_key(&self) -> bool {
        self.url.template.parts.contains(&Part::Lookup(LookupPart::Key))
    }

    fn carries(&self) -> bool {
        self.form.is_some() || self.body.is_some()
    }

    /// Notes what does not go together. `size` is the most keys in a request, `section` the place of
    /// `lookup`.
    pub(super) fn check(&self, size: u32, section: Place, findings: &mut Findings) {
        if let Some(auth) = &self.auth {
            auth.check(findings);
        }
        self.answers.check(findings);
        if let Some(At { value: LookupMethod::Get, place }) = self.method
            && self.carries()
        {
            let message = "a GET carries no `form` and no `body`";
            findings.add(Fault::new(place, message, "write `method: POST`, or use `query`"));
        }
        if let (Some(_), Some(body)) = (&self.form, &self.body) {
            let message = "`form` and `body` both say what is sent";
            findings.add(Fault::new(body.site.place, message, "remove `form` or `body`"));
        }
        let sound = self.check_alone(size, findings);
        check_segments(&self.url.template, self.url.site.place, findings);
        if sound && !findings.has_fault_at(self.url.site.place) {
            self.check_keys(size, section, findings);
        }
    }

    /// The texts in which keys may stand, each with its place.
    fn texts(&self) -> impl Iterator<Item = (&Template, Place)> {
        let fields = self.query.0.iter().chain(self.form.iter().flat_map(|form| &form.0));
        let fields = fields.map(|(_, text)| (&text.template, text.site.place));
        let body = self.body.iter().flat_map(|body| {
            body.root.texts().into_iter().map(|(text, _)| (text, body.site.place))
        });
        fields.chain(body)
    }

    /// Whether every text is all reference to keys, or none, and has room for them.
    fn check_alone(&self, size: u32, findings: &mut Findings) -> bool {
        let mut sound = true;
        for (text, place) in self.texts() {
            sound &= !findings.has_fault_at(place);
            let key = text.parts.iter().find(|part| matches!(part, Part::Lookup(_)));
            if let (Some(key), true) = (key, text.parts.len() > 1) {
                let message = format!("`{key}` stands beside other text");
                findings.add(Fault::new(place, message, ALONE).of(key.to_string()));
                sound = false;
            }
        }
        let Some(body) = &self.body else { return sound };
        for (text, listed) in body.root.texts() {
            if text.parts == [Part::Lookup(LookupPart::Key)] && !listed && size > 1 {
                let key = LookupPart::Key;
                let message = format!("`{key}` has one place, and there are up to {size} keys");
                let remedy = "write it into a list: `[\"${lookup.key}\"]`, or `${lookup.keys}`";
                findings.add(Fault::new(body.site.place, message, remedy).of(key.to_string()));
                sound = false;
            }
        }
        sound
    }

    /// Whether the request says which keys it is for, and its answer whose each result is.
    fn check_keys(&self, size: u32, section: Place, findings: &mut Findings) {
        let has = |what: LookupPart| {
            let part = Part::Lookup(what);
            self.url.template.parts.contains(&part)
                || self.texts().any(|(text, _)| text.parts.contains(&part))
        };
        let url = self.url.site.place;
        if !has(LookupPart::Key) && !has(LookupPart::Keys) {
            let message = "the look-up's request says nothing of what is looked up";
            let remedy = "write `${lookup.keys}` into `query`, `form`, `body` or `url`";
            findings.add(Fault::new(url, message, remedy));
        }
        if self.names_one_key() && size > 1 {
            let message = format!("the address names one key, and `size` is {size}");
            let remedy = "write `size: 1`, or `${lookup.keys}` for all of them";
            findings.add(Fault::new(url, message, remedy));
        }
        if self.key.is_none() && !self.names_one_key() {
            let message = "`lookup.http` does not say which result is whose";
            let remedy = "add `key:` with the path to the key in a result, like `email`";
            findings.add(Fault::new(section, message, remedy));
        }
        if let (Some(separator), false) = (&self.separator, has(LookupPart::Keys)) {
            let message = "`separator` does nothing without `${lookup.keys}`";
            let remedy = "remove it, or write `${lookup.keys}`, which it stands in";
            findings.add(Fault::new(separator.place, message, remedy));
        }
    }
}

/// Notes keys that are only a part of a segment of the address, or of a value of its query.
fn check_segments(url: &Template, place: Place, findings: &mut Findings) {
    let text = |index: Option<usize>| match index.and_then(|index| url.parts.get(index)) {
        Some(Part::Literal(text)) => Some(text.as_str()),
        Some(_) => Some("x"),
        None => None,
    };
    for (index, part) in url.parts.iter().enumerate() {
        let Part::Lookup(what) = part else { continue };
        let before = text(index.checked_sub(1)).is_some_and(|text| text.ends_with(['/', '=']));
        let after =
            text(Some(index + 1)).is_none_or(|text| text.starts_with(['/', '?', '&', '.', '#']));
        if !before || !after {
            let message = format!("`{what}` is only a part of a segment of the address");
            let remedy = "write it as a whole segment, like `/customers/${lookup.key}`: beside \
                          other text, a key could write a query of its own";
            findings.add(Fault::new(place, message, remedy).of(what.to_string()));
            return;
        }
    }
}

const SEPARATOR_BYTES_MAX: usize = 10;

impl TextValue for Separator {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        // A letter or a digit would stand in many keys, and none of them could be asked for.
        let plain = text.chars().any(char::is_alphanumeric);
        if !text.is_empty() && text.len() <= SEPARATOR_BYTES_MAX && !plain {
            return Ok(Self(text.into()));
        }
        let message = format!("`{text}` cannot stand between keys");
        Err(Fault::new(site.place, message, "write what no key holds, like `,` or `;`"))
    }

    fn stand_in(_: Site) -> Self {
        Self(",".into())
    }
}

text_value!(Separator);
