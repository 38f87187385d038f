//! Addresses with references in them.

use super::{
    Check,
    texts::{RecordRefs, template},
};
use crate::{
    address,
    at::At,
    template::{Part, Template},
    text::Place,
};

/// A URL. One that begins with a reference is checked once the connection is known.
pub(super) fn url(
    check: &mut Check<'_>,
    text: &At<String>,
    record_refs: RecordRefs,
) -> Option<Template> {
    let template = template(check, text, record_refs)?;
    record_after_host(check, &template, text.place)?;
    let location = check.report.source.location(text.place);
    check.needs.addresses.push((template.clone(), location));
    let Some(Part::Literal(_)) = template.parts.first() else {
        if template.parts.is_empty() {
            let remedy = address::AddressError::NotAbsolute.remedy();
            check.report.add(text.place, "the address is empty", remedy);
            return None;
        }
        return Some(template);
    };
    // A digit stands for every reference: it may be part of a host, a port or a path.
    let stand_in: String = template
        .parts
        .iter()
        .map(|part| match part {
            Part::Literal(text) => text,
            _ => "1",
        })
        .collect();
    match address::address(&stand_in) {
        Ok(_) => Some(template),
        Err(fault @ address::AddressError::Credentials) => {
            check.report.add_hidden(text.place, format!("the address: {fault}"), fault.remedy());
            None
        }
        Err(fault) => {
            let message = format!("`{}` cannot be called: {fault}", text.value);
            check.report.add(text.place, message, fault.remedy());
            None
        }
    }
}

/// A record must not choose the host: it would choose where our credentials go.
fn record_after_host(check: &mut Check<'_>, template: &Template, place: Place) -> Option<()> {
    let mut before = String::new();
    // An address that begins with a reference brings its scheme along.
    if !matches!(template.parts.first(), Some(Part::Literal(_))) {
        before.push_str("https://");
    }
    for part in &template.parts {
        let reference = match part {
            Part::Literal(text) => {
                before.push_str(text);
                continue;
            }
            Part::Param(_) | Part::Secret(_) => {
                before.push('1');
                continue;
            }
            Part::Record(path) => format!("${{record.{}}}", path.join(".")),
            Part::Lookup(what) => what.to_string(),
            Part::IdempotencyKey => "${idempotency_key}".to_owned(),
        };
        if before.split_once("://").is_some_and(|(_, rest)| rest.contains('/')) {
            return Some(());
        }
        let place = check.report.source.inside(place, &reference, 0);
        let message = format!("`{reference}` stands where the host is");
        let remedy = "what a record says may stand only after the host and a `/`";
        check.report.add(place, message, remedy);
        return None;
    }
    Some(())
}
