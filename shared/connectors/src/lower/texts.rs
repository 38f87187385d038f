//! Texts with references in them, and those that must hold a secret.

use super::Check;
use crate::{
    at::At,
    nearest,
    template::{Part, Template, TemplateError},
    text::Place,
};

/// Whether a text may refer to the record, or to what is looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordRefs {
    /// A look-up's request is for many records: it holds their keys instead.
    Keys,
    /// And to its idempotency key.
    WithKey,
    /// With the reason, for the remedy.
    Refused(&'static str),
}

/// There is no record yet, or not one alone.
pub(super) const NO_RECORD: RecordRefs =
    RecordRefs::Refused("only `mark.url` and a destination's `url` without `batch` may hold it");
const NO_KEY: &str = "only `on_unknown.lookup.url` may hold it";

/// A text with references: notes them, and refuses those that cannot stand there.
pub(super) fn template(
    check: &mut Check<'_>,
    text: &At<String>,
    record_refs: RecordRefs,
) -> Option<Template> {
    let template: Template = match text.value.parse() {
        Ok(template) => template,
        Err(fault) => {
            let TemplateError { message, remedy, fragment } = fault;
            let place = check.report.source.inside(text.place, &fragment, 0);
            check.report.add(place, message, remedy);
            return None;
        }
    };
    let mut sound = true;
    for part in &template.parts {
        sound &= reference(check, part, text.place, record_refs);
    }
    sound.then_some(template)
}

/// Notes what is referred to, and refuses what cannot be.
fn reference(check: &mut Check<'_>, part: &Part, place: Place, record_refs: RecordRefs) -> bool {
    match part {
        Part::Literal(_) => true,
        Part::Param(name) => {
            let place = check.report.source.inside(place, &format!("${{params.{name}}}"), 0);
            if let Some(declared) = &check.declared
                && !declared.contains(name)
            {
                let near = nearest::nearest(name, declared.iter().map(String::as_str));
                let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                let remedy = format!("{hint}or declare it: `params: {{ {name}: {{}} }}`");
                check.report.add(place, format!("the parameter `{name}` is not declared"), remedy);
                return false;
            }
            let location = check.report.source.location(place);
            check.needs.params.entry(name.clone()).or_insert(location);
            true
        }
        Part::Secret(name) => {
            let place = check.report.source.inside(place, &format!("${{secrets.{name}}}"), 0);
            let location = check.report.source.location(place);
            check.needs.secrets.entry(name.clone()).or_insert(location);
            true
        }
        Part::Record(path) => {
            let why = match record_refs {
                RecordRefs::WithKey => return true,
                RecordRefs::Keys => "write `${lookup.keys}`, or `${lookup.key}` for one key alone",
                RecordRefs::Refused(why) => why,
            };
            misplaced(check, place, &format!("${{record.{}}}", path.join(".")), why)
        }
        Part::Lookup(_) if record_refs == RecordRefs::Keys => true,
        Part::Lookup(what) => {
            let why = "only `url`, `query`, `form` and `body` of `lookup.http` may hold it";
            misplaced(check, place, &what.to_string(), why)
        }
        Part::IdempotencyKey if record_refs == RecordRefs::WithKey => true,
        Part::IdempotencyKey => misplaced(check, place, "${idempotency_key}", NO_KEY),
    }
}

/// Refuses a reference that has no meaning where it stands.
fn misplaced(check: &mut Check<'_>, place: Place, reference: &str, why: &str) -> bool {
    let place = check.report.source.inside(place, reference, 0);
    check.report.add(place, format!("`{reference}` cannot stand here"), why);
    false
}

/// A text that is, or holds, a secret: a literal one must not stand in a file.
pub(super) fn secret(check: &mut Check<'_>, text: &At<String>, what: &str) -> Option<Template> {
    let template = template(check, text, NO_RECORD)?;
    if template.secrets().next().is_some() {
        return Some(template);
    }
    let message = format!("{what} must be a `${{secrets.…}}` reference: files hold no secrets");
    let remedy = "write `${secrets.NAME}` and give the secret to the connection; \
                  if this one was real, replace it at its issuer";
    // A parameter alone is no secret, but may be shown.
    match template.as_literal() {
        Some(_) => check.report.add_hidden(text.place, message, remedy),
        None => check.report.add(text.place, message, remedy),
    }
    None
}
