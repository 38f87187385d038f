//! Whether the destination has a record: asked after an unknown outcome.

use tidegate_core::ports::Outgoing;
use tidegate_flow::spec::HasSpec;
use url::Url;

use crate::{
    error::ConnectError,
    http::{Origin, RecordUrl, UrlError},
    json::{Picker, Scalar},
    resolver::Resolver,
};

const PLACE: &str = "destination.http.on_unknown.lookup.url";

/// How the destination is asked, and what it answers.
pub(super) struct Has {
    url: RecordUrl,
    found: Vec<u16>,
    /// What must stand in the body.
    path: Option<Picker>,
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
        let path = spec.found_path.as_deref().map(Picker::of);
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
            Some(path) => stands(path, body),
        }
    }
}

/// Whether something stands at the path; `None` if the body cannot be read.
fn stands(path: &Picker, body: &[u8]) -> Option<bool> {
    let picks = path.pick_all(body).ok()?;
    let Some(value) = picks.json(0) else { return Some(false) };
    Some(match Scalar::read(value) {
        Some(Scalar::Bool(is)) => is,
        Some(Scalar::Text(text)) => !text.is_empty(),
        Some(Scalar::Number(number)) => number.parse() != Ok(0.0),
        None => match value {
            // An array or an object: what is between its brackets.
            [b'[' | b'{', inner @ .., _] => !inner.trim_ascii().is_empty(),
            // A text that is none in Unicode is a text still.
            _ => true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_stands_there_unless_it_is_absent_null_false_zero_or_empty() {
        let path = Picker::of(&["data".to_owned()]);
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
            assert_eq!(stands(&path, body.as_bytes()), Some(there), "{value}");
        }
        assert_eq!(stands(&path, b"{}"), Some(false));
        for body in ["", "<html>", r#"{"data":[1"#, "{} {}"] {
            assert_eq!(stands(&path, body.as_bytes()), None, "{body}");
        }
    }
}
