//! `lookup`

use std::collections::BTreeMap;

use super::AnswersSpec;
use crate::template::Template;

/// `lookup`: what another system knows of a record, asked for before it is mapped.
#[derive(Debug, Clone)]
pub struct LookupSpec {
    /// `by`: path in the source's record to what it is looked up by.
    pub by: Vec<String>,
    /// `ignore_case`: whether keys that differ in case alone name the same. Default false.
    pub ignore_case: bool,
    /// `size`: most keys in a request. Default 100, and 1 where the address names the key.
    pub size: usize,
    /// `cache`: how long what was found, or was not, may be used again, in ms; none: every record is
    /// looked up anew, as in every flow that merges.
    pub cache_ms: Option<u64>,
    /// `http`
    pub http: HttpLookupSpec,
}

/// `lookup.http`
#[derive(Debug, Clone)]
pub struct HttpLookupSpec {
    /// `url`; may hold `${lookup.keys}` or, with a `size` of 1, `${lookup.key}`, after the host.
    pub url: Template,
    /// `method`: GET, or POST where there is a `form` or a `body`.
    pub method: String,
    /// `query`; a value that is `${lookup.key}` is sent once for each key.
    pub query: BTreeMap<String, Template>,
    /// `headers`
    pub headers: BTreeMap<String, Template>,
    /// `auth`
    pub(crate) auth: Option<crate::http::Auth>,
    /// `form` or `body`
    pub content: Option<LookupContent>,
    /// `separator`: stands between the keys of `${lookup.keys}`. Default `,`.
    pub separator: String,
    /// `records`: path to the array of results; empty: the body is it. An object is the only result.
    pub records: Vec<String>,
    /// `key`: path in a result to its key; none only where the address names the one key.
    pub key: Option<Vec<String>>,
    /// `missing`: status codes that say that there is none of the keys.
    pub missing: Vec<u16>,
    /// `ok`: what a body must say to be an answer.
    pub ok: Option<LookupOkSpec>,
    /// `answers`: what answers mean by their status and by a code in their body, and failures by their
    /// kind.
    pub answers: AnswersSpec,
    /// `more`: path to what says that results were left off.
    pub more: Option<Vec<String>>,
    /// `timeout`: for one request, in ms. Default 30 s.
    pub timeout_ms: u64,
}

/// What a look-up's request carries.
#[derive(Debug, Clone)]
pub enum LookupContent {
    /// `form`: `application/x-www-form-urlencoded`; as with `query`, a value that is
    /// `${lookup.key}` is sent once for each key.
    Form(BTreeMap<String, Template>),
    /// `body`: JSON, of which every text is a template. An item of a list that holds
    /// `${lookup.key}` stands once for each key.
    Json(serde_json::Value),
}

/// `lookup.http.ok`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupOkSpec {
    /// `path` in the body.
    pub path: Vec<String>,
    /// `equals`: the text, number or boolean that stands there, as it is written.
    pub equals: String,
}
