//! Whether the destination has a record: asked after an unknown outcome.

use jiter::Jiter;
use tidegate_core::ports::Outgoing;
use tidegate_flow::spec::HasSpec;
use url::Url;

use crate::{
    connect::{ConnectError, Resolver},
    http::{Origin, RecordUrl, UrlError},
    json::{Scalar, Trie},
};

const PLACE: &str = "destination.http.on_unknown.lookup.url";

/// How the destination is asked, and what it answers.
pub(super) struct Has {
    url: RecordUrl,
    found: Vec<u16>,
    /// What must stand in the body.
    path: Option<Trie>,
    missing: Vec<u16>,
}

impl Has {
    /// The address must be at the destination's origin, whose credentials it uses.
    pub(super) fn new(
        spec: &HasSpec,
        resolver: &Resolver<'_>,
        destination: &Origin,
    ) -> Result<Self, ConnectError> {
        let url = RecordUrl::new(&spec.url, PLACE, resolver)?;
        if url.origin() != destination {
            let message = format!("only {destination} may see the destination's credentials");
            return Err(ConnectError::new(PLACE, message));
        }
        let path = spec.found_path.as_ref().map(|path| {
            let mut trie = Trie::new();
            trie.add(path);
            trie
        });
        let (found, missing) = (spec.found_status.clone(), spec.missing.clone());
        Ok(Self { url, found, path, missing })
    }

    pub(super) fn url(&self, record: &Outgoing) -> Result<Url, UrlError> {
        self.url.render_with_key(&record.body, &record.key)
    }

    /// What the answer says; `None` where it says neither.
    pub(super) fn judge(&self, status: u16, body: &[u8]) -> Option<bool> {
        if self.missing.contains(&status) {
            return Some(false);
        }
        if !self.found.contains(&status) {
            return None;
        }
        match &self.path {
            None => Some(true),
            Some(trie) => stands(trie, body),
        }
    }
}

/// Whether something stands at the path; `None` if the body cannot be read.
fn stands(trie: &Trie, body: &[u8]) -> Option<bool> {
    let mut picked = vec![None; trie.slots()];
    let mut json = Jiter::new(body);
    trie.pick(&mut json, &mut picked).ok()?;
    json.finish().ok()?;
    let Some(value) = picked[0].clone().map(|range| &body[range]) else { return Some(false) };
    Some(match Scalar::read(value) {
        Some(Scalar::Bool(is)) => is,
        Some(Scalar::Text(text)) => !text.is_empty(),
        Some(Scalar::Number(number)) => number.parse() != Ok(0.0),
        // An array or an object: what is between its brackets.
        None => !value[1..value.len() - 1].trim_ascii().is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_stands_there_unless_it_is_absent_null_false_zero_or_empty() {
        let mut trie = Trie::new();
        trie.add(&["data".to_owned()]);
        for (value, there) in [
            ("[{}]", true),
            (r#"{"id":1}"#, true),
            ("\"x\"", true),
            ("3", true),
            ("true", true),
            ("[ ]", false),
            ("{}", false),
            ("\"\"", false),
            ("0", false),
            ("0.0", false),
            ("false", false),
            ("null", false),
        ] {
            let body = format!(r#"{{"data":{value}}}"#);
            assert_eq!(stands(&trie, body.as_bytes()), Some(there), "{value}");
        }
        assert_eq!(stands(&trie, b"{}"), Some(false));
        for body in ["", "<html>", r#"{"data":[1"#, "{} {}"] {
            assert_eq!(stands(&trie, body.as_bytes()), None, "{body}");
        }
    }
}
