//! A jq program in a flow file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::language::{self, LOOKUP_VARIABLE, PARAMS_VARIABLE, Sees};
use crate::{
    file::{Fault, Site, note_fault, note_param, site},
    value::template::is_name,
};

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

    /// Whether it may read the connection's parameters.
    pub(super) fn reads_params(&self) -> bool {
        self.text.contains(PARAMS_VARIABLE)
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

/// The first thing in a program that looks like a reference of other values, a name in braces: it would be sent as it
/// stands. A price like `${5}` is none.
fn reference(text: &str) -> Option<&str> {
    let starts = text.match_indices("${").map(|(at, _)| &text[at..]);
    let mut named = starts.filter(|rest| {
        rest[2..].trim_start().starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    });
    let rest = named.next()?;
    // It may be unclosed; the line is enough then.
    let line = rest.lines().next().unwrap_or(rest);
    Some(line.find('}').map_or(line, |end| &line[..=end]))
}

/// What to write instead of a reference in a program.
fn remedy(reference: &str) -> String {
    let name = reference.trim_start_matches("${").trim_end_matches('}').trim();
    match name.split_once('.') {
        Some(("params", name)) if is_name(name) => {
            format!("write `{PARAMS_VARIABLE}.{name}`, or `\\(…)` around it inside a text")
        }
        Some(("secrets", _)) => "a secret would be kept and shown with every record: it stands in `auth`, `url`, `query` \
                                 and `headers`"
            .into(),
        _ => format!(
            "a program sees the record as `.`, what was looked up as `{LOOKUP_VARIABLE}` and the parameters as \
             `{PARAMS_VARIABLE}.NAME`; a text that must hold `${{` is `\"$\" + \"{{…\"`"
        ),
    }
}

impl<'de, const LOOKS_UP: bool> Deserialize<'de> for Program<LOOKS_UP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let site = site();
        let text = String::deserialize(deserializer)?;
        let program = Self { text, site };
        if let Some(reference) = reference(&program.text) {
            let message = format!("`{reference}` is not filled in inside a program");
            note_fault(Fault::new(program.site.place, message, remedy(reference)).of(reference));
        }
        for name in language::named_params(&program.text) {
            note_param(name, program.site.place);
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
