//! A jq program in a flow file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::language::{self, LOOKUP_VARIABLE, Sees};
use crate::file::{Fault, Site, note_fault, site};

/// A program that compiles. `LOOKS_UP` says whether it may read what was looked up.
#[derive(Debug, Clone)]
pub(in crate::transform) struct Program<const LOOKS_UP: bool> {
    text: String,
    site: Site,
}

impl<const LOOKS_UP: bool> Program<LOOKS_UP> {
    /// What it is written as.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where it stands.
    pub(in crate::transform) fn site(&self) -> &Site {
        &self.site
    }

    /// What it sees beside the record.
    pub(super) fn sees(&self) -> Sees {
        if LOOKS_UP { Sees::Lookup } else { Sees::Record }
    }

    /// Whether it may read what was looked up.
    pub(in crate::transform) fn reads_lookup(&self) -> bool {
        LOOKS_UP && language::reads_lookup(&self.text)
    }

    /// What is wrong where it reads what was looked up and the flow looks nothing up.
    pub(in crate::transform) fn lookup_is_not_to_be_had(&self) -> Fault {
        let (message, remedy) = language::no_lookup();
        Fault::new(self.site.place, message, remedy).of(LOOKUP_VARIABLE)
    }
}

/// The first thing in a program that is meant as a reference: it would be sent as it stands.
fn reference(text: &str) -> Option<&str> {
    let kinds = ["params.", "secrets.", "record.", "body.", "lookup.", "idempotency_key"];
    let starts = text.match_indices("${").map(|(at, _)| &text[at..]);
    let mut meant = starts.filter(|rest| kinds.iter().any(|kind| rest[2..].starts_with(kind)));
    meant.next().map(|rest| rest.find('}').map_or(rest, |end| &rest[..=end]))
}

impl<'de, const LOOKS_UP: bool> Deserialize<'de> for Program<LOOKS_UP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let site = site();
        let text = String::deserialize(deserializer)?;
        let program = Self { text, site };
        if let Some(reference) = reference(&program.text) {
            let message = format!("`{reference}` is not filled in inside a program");
            let remedy = "a program sees the record as `.`, and what was looked up as `$lookup`; a parameter may \
                          stand in `url`, `query`, `headers` and `envelope`";
            note_fault(Fault::new(program.site.place, message, remedy).of(reference));
        }
        for error in language::compile(&program.text, program.sees()).err().unwrap_or_default() {
            // The file may indent or fold the program: its words are found by counting them.
            let fragment = &program.text[error.span.clone()];
            let before = match fragment {
                "" => 0,
                word => program.text[..error.span.start].matches(word).count(),
            };
            let fault = Fault::new(program.site.place, error.message, error.remedy);
            note_fault(Fault { fragment: Some((fragment.to_owned(), before)), ..fault });
        }
        Ok(program)
    }
}

impl<const LOOKS_UP: bool> JsonSchema for Program<LOOKS_UP> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}
