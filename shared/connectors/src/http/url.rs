//! Addresses that name a record: `https://api.test/orders/${record.id}`.

use crate::value::{
    path,
    template::{Part, Template},
};
use url::Url;

use super::{Origin, encode_segment};
use crate::{error::ConnectError, json::Picker, resolver::Resolver};

/// A URL, with places for a record's fields after its host.
pub(crate) struct RecordUrl {
    pieces: Vec<Piece>,
    picker: Picker,
    origin: Origin,
    /// The whole, where no record takes part.
    fixed: Option<Url>,
}

enum Piece {
    Text(String),
    Field { slot: usize, path: String },
    IdempotencyKey,
}

/// Why a record has no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UrlError(pub(crate) String);

impl RecordUrl {
    /// Fills in parameters and secrets. Fields may stand only after the host: a record must not
    /// choose where our credentials go.
    pub(crate) fn new(
        template: &Template,
        place: &str,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let mut picker = Picker::new();
        let mut pieces = Vec::new();
        let mut probe = String::new();
        for part in &template.parts {
            if let Part::Record(_) | Part::IdempotencyKey = part {
                let fixed = probe.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
                if !fixed {
                    let message = "a record's field may stand only after the host and a `/`";
                    return Err(ConnectError::new(place, message));
                }
                pieces.push(match part {
                    Part::Record(path) => {
                        Piece::Field { slot: picker.add(path), path: path::written(path) }
                    }
                    _ => Piece::IdempotencyKey,
                });
                probe.push('x');
            } else {
                let text = resolver.part(part, place)?;
                probe.push_str(&text);
                pieces.push(Piece::Text(text));
            }
        }
        let shown = || format!("`{}` is no absolute http(s) URL", probe_shown(template));
        let url = Url::parse(&probe).map_err(|_| ConnectError::new(place, shown()))?;
        let origin = Origin::of(&url).ok_or_else(|| ConnectError::new(place, shown()))?;
        let fixed = (!template.needs_record()).then_some(url);
        Ok(Self { pieces, picker, origin, fixed })
    }

    /// Where it leads, whatever the record.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether a record's fields take part.
    pub(crate) fn names_record(&self) -> bool {
        self.fixed.is_none()
    }

    /// The address for a record's JSON.
    ///
    /// # Errors
    /// If a field is missing or empty, or would lead to another path than the template says.
    pub(crate) fn render(&self, record: &[u8]) -> Result<Url, UrlError> {
        // Where no key is at hand, none may be asked for.
        self.render_with_key(record, "")
    }

    /// The address for a record's JSON and its idempotency key.
    ///
    /// # Errors
    /// As [`RecordUrl::render`].
    pub(crate) fn render_with_key(&self, record: &[u8], key: &str) -> Result<Url, UrlError> {
        if let Some(url) = &self.fixed {
            return Ok(url.clone());
        }
        let picked = self.picker.pick(record).map_err(|error| {
            UrlError(format!("no JSON: {}", crate::json::fault(&error, record)))
        })?;
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Field { slot, path } => {
                    let value = picked.text(*slot).unwrap_or_default();
                    // `.` and `..` climb a path even when they are percent-encoded.
                    if value.is_empty() || value == "." || value == ".." {
                        let message =
                            format!("the URL needs the field `{path}`, which is `{value}`");
                        return Err(UrlError(message));
                    }
                    text.push_str(&encode_segment(&value));
                }
                Piece::IdempotencyKey if key.is_empty() => {
                    return Err(UrlError("the URL needs an idempotency key".into()));
                }
                Piece::IdempotencyKey => text.push_str(&encode_segment(key)),
            }
        }
        Url::parse(&text)
            .ok()
            .filter(|url| self.origin.has(url))
            .ok_or_else(|| UrlError("the record's fields make no URL of it".into()))
    }
}

/// The template as the flow file has it: no values, so no secrets.
fn probe_shown(template: &Template) -> String {
    template.parts.iter().map(Part::to_string).collect()
}
