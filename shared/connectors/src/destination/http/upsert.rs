//! `upsert`: create or update, whichever the destination asks for.
//!
//! One of the two is tried first; where its answer says that it takes the other, that is the record's next request, in a
//! send slot of its own. With `find`, a question goes before both of them. What the answer said is kept in memory alone:
//! after a crash between the two requests the first one is made again, and its answer is the same.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::Ordering;

use super::{compose::Composer, find::Find, follow::Second, method::HttpMethod};
use crate::{
    file::{At, Fault, Findings, Place},
    json::{Picker, Scalar},
    value::{
        Enveloped, Following, JsonTemplate, OneOrList, Path, StatusCode, Text, Url, template::Part,
    },
};

/// Create or update, whichever the destination asks for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Upsert {
    /// Asks first whether the record is there, for APIs that would create a second one without a word.
    pub(super) find: Option<At<Find>>,
    /// What is tried first. Default `create`.
    first: Option<At<First>>,
    /// How a record is created. Default: POST to the destination's own `url`.
    #[serde(default)]
    pub(super) create: Half,
    /// How it is updated. Default: PATCH, of the destination's own `url`.
    #[serde(default)]
    pub(super) update: Half,
    /// Which answer to the first asks for the other. Default: 409 to a creation, 404 to an update.
    when: Option<At<When>>,
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
    /// The body as JSON, with what the transform made where it says `${body}`. Default: the destination's own
    /// `envelope`.
    #[schemars(example = serde_json::json!({ "parent": { "id": "p1" }, "fields": "${body}" }))]
    pub(super) envelope: Option<JsonTemplate<Enveloped>>,
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
    /// Which of the two is tried first, where nothing is asked before.
    pub(super) fn first(&self) -> First {
        self.first.as_ref().map_or_else(First::default, |first| first.value)
    }

    /// Notes keys that contradict each other.
    pub(super) fn check(&self, findings: &mut Findings) {
        // It is there or not: the update has the answer before it, and the creation one that says nothing.
        let without_answer = match (&self.find, self.first()) {
            (Some(_), _) | (None, First::Create) => &self.create,
            (None, First::Update) => &self.update,
        };
        let answer = |url: &Url<Following>| {
            url.template.parts.iter().find(|part| matches!(part, Part::Answer(_))).cloned()
        };
        if let Some(url) = &without_answer.url
            && let Some(part) = answer(url)
        {
            let (message, remedy) = match self.find {
                Some(_) => {
                    ("nothing was found where a record is created", "write it in `update.url`")
                }
                None => (
                    "this request is the first",
                    "write it in the other one, or say which is `first`",
                ),
            };
            let message = format!("`{part}` cannot stand here: {message}");
            findings.add(Fault::new(url.site.place, message, remedy).of(part.to_string()));
        }
        if let Some(When { code: Some(code), code_path: None, .. }) =
            self.when.as_ref().map(|when| &when.value)
        {
            let remedy = "add `code_path`, the place of the code in the answer";
            findings.add(Fault::new(code.place, "the code has no place", remedy));
        }
        if let Some(find) = &self.find {
            find.value.check(findings);
            let first = self.first.as_ref().map(|first| ("first", first.place));
            let when = self.when.as_ref().map(|when| ("when", when.place));
            for (key, place) in first.into_iter().chain(when) {
                let message = format!("`{key}` says nothing beside `find`, whose answer decides");
                findings.add(Fault::new(place, message, "remove one of them"));
            }
        }
    }

    /// Notes an ordering under which two may ask at once, and both create what neither found.
    pub(super) fn check_ordering(&self, ordering: Ordering, findings: &mut Findings) {
        if let (Some(find), Ordering::None) = (&self.find, ordering) {
            let message = "with `ordering: none` two versions of a record may be asked for at once, and both be \
                           created";
            let remedy = "write `ordering: entity` or `ordering: serial`";
            findings.add(Fault::new(find.place, message, remedy));
        }
    }

    /// Notes what else would say how it is found out whether a record was applied.
    pub(super) fn check_lookup(&self, place: Place, findings: &mut Findings) {
        if self.find.is_some() {
            let message = "`upsert.find` asks already, before each try";
            findings.add(Fault::new(place, message, "remove `on_unknown`"));
        }
    }

    /// What an answer to the first request asks for, where it is one of the two.
    pub(super) fn other(&self, second: Composer) -> Other {
        let usual = match self.first() {
            First::Create => 409,
            First::Update => 404,
        };
        let when = self.when.as_ref().map(|when| &when.value);
        let code = when.and_then(|when| when.code.as_ref());
        let code = code.and_then(|code| code.value.template.as_literal()).map(str::to_owned);
        let listed = |list: &OneOrList<StatusCode>| list.0.iter().map(|at| at.value.0).collect();
        Other {
            second,
            status: when.and_then(|when| when.status.as_ref()).map_or_else(|| vec![usual], listed),
            code: when
                .and_then(|when| when.code_path.as_ref())
                .map(|path| (Picker::of(&path.keys), code)),
            contrary: match self.first() {
                First::Create => [404, 410],
                First::Update => [409, 409],
            },
        }
    }
}

/// The other one of creation and update.
pub(super) struct Other {
    second: Composer,
    status: Vec<u16>,
    code: Option<(Picker, Option<String>)>,
    /// Answers to the second that contradict the one to the first.
    contrary: [u16; 2],
}

impl Second for Other {
    fn asked_for<'a>(&self, status: u16, body: &'a [u8]) -> Option<&'a [u8]> {
        let has_code = self.code.as_ref().is_none_or(|(path, code)| {
            let found = path.value(body).and_then(Scalar::read).map(Scalar::into_text);
            found.is_some_and(|found| code.as_ref().is_none_or(|code| *found == **code))
        });
        (self.status.contains(&status) && has_code).then_some(body)
    }

    fn composer(&self, _answer: &[u8]) -> &Composer {
        &self.second
    }

    fn is_contrary(&self, _answer: &[u8], status: u16) -> bool {
        self.contrary.contains(&status)
    }

    fn writes_first(&self) -> bool {
        true
    }
}
