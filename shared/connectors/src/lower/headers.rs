//! `headers` and `query`: names with a text each.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Check,
    texts::{NO_RECORD, RecordRefs, secret, template},
    values::{all, plain_name},
};
use crate::{
    at::{At, Entries},
    raw::Scalar,
    template::Template,
};

/// A header's name that a flow may set.
pub(super) fn header_name(check: &mut Check<'_>, name: &At<String>) -> Option<String> {
    /// These say how the message travels; the client knows, a flow does not.
    const CLIENTS_OWN: [&str; 5] =
        ["connection", "content-length", "host", "te", "transfer-encoding"];
    // RFC 9110, section 5.6.2: a token.
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.value.is_empty() || !name.value.bytes().all(token) {
        let message = format!("`{}` cannot name a header", name.value);
        check.report.add(name.place, message, "write letters, digits and `-`, like `X-Api-Key`");
        return None;
    }
    if CLIENTS_OWN.contains(&name.value.to_ascii_lowercase().as_str()) {
        let message = format!("the header `{}` is not the flow's to set", name.value);
        check.report.add(name.place, message, "remove it: the client sets it itself");
        return None;
    }
    Some(name.value.clone())
}

/// Query parameters.
pub(super) fn query(
    check: &mut Check<'_>,
    query: Entries<Scalar>,
    record_refs: RecordRefs,
) -> Option<BTreeMap<String, Template>> {
    all(query.0.into_iter().map(|(name, value)| {
        let name = plain_name(check, &name);
        let value = template(check, &value.map(|scalar| scalar.0), record_refs);
        Some((name?, value?))
    }))
}

/// Headers; those that carry credentials must hold a secret.
pub(super) fn headers(
    check: &mut Check<'_>,
    headers: Entries<Scalar>,
) -> Option<BTreeMap<String, Template>> {
    /// What stands in these is a secret, whatever the API.
    const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];
    let mut seen = BTreeSet::new();
    all(headers.0.into_iter().map(|(name, value)| {
        let text = value.map(|scalar| scalar.0);
        let lower = name.value.to_ascii_lowercase();
        let value = if SECRET.contains(&lower.as_str()) {
            secret(check, &text, &format!("the header `{}`", name.value))
        } else {
            header_value(check, &text)
        };
        if !seen.insert(lower) {
            let message = format!("the header `{}` is given twice", name.value);
            check.report.add(name.place, message, "remove one: case makes no difference");
            return None;
        }
        Some((header_name(check, &name)?, value?))
    }))
}

fn header_value(check: &mut Check<'_>, text: &At<String>) -> Option<Template> {
    if text.value.chars().any(char::is_control) {
        check.report.add(
            text.place,
            "a header's value cannot hold a line break or another control character",
            "write it on one line",
        );
        return None;
    }
    template(check, text, NO_RECORD)
}
