//! Addresses that name a record: `https://api.test/orders/${record.id}`.

use url::Url;

use super::{Origin, encode_segment};
use crate::{
    error::ConnectError,
    resolver::Resolver,
    value::{
        RecordIs, SentText, SentValues, Shape,
        template::{Part, Template},
    },
};

/// A URL, with places for a record's fields after its host.
pub(crate) struct RecordUrl {
    text: SentText,
    origin: Origin,
    /// The whole, where no record takes part.
    fixed: Option<Url>,
}

/// Why a record has no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UrlError(pub(crate) String);

impl RecordUrl {
    /// Fills in parameters and secrets. Fields may stand only after the host: a record must not
    /// choose where our credentials go. `shape` says what becomes of records before they are sent.
    pub(crate) fn new(
        template: &Template,
        place: &str,
        resolver: &Resolver<'_>,
        shape: &Shape,
    ) -> Result<Self, ConnectError> {
        let mut before = String::new();
        for part in &template.parts {
            if part.is_of_record() {
                let fixed = before.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
                if !fixed {
                    let message = "a record's field may stand only after the host and a `/`";
                    return Err(ConnectError::new(place, message));
                }
            } else {
                before.push_str(&resolver.part(part, place)?);
            }
        }
        let text = SentText::new(template, place, resolver, RecordIs::Shaped(shape))?;
        // As the flow file has it: no values, so no secrets.
        let shown = || format!("`{}` is no absolute http(s) URL", template.with(Part::to_string));
        let url = Url::parse(&text.probe("x")).map_err(|_| ConnectError::new(place, shown()))?;
        let origin = Origin::of(&url).ok_or_else(|| ConnectError::new(place, shown()))?;
        let fixed = (!template.needs_record()).then_some(url);
        Ok(Self { text, origin, fixed })
    }

    /// Where it leads, whatever the record.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether a record's fields take part.
    pub(crate) fn names_record(&self) -> bool {
        self.fixed.is_none()
    }

    /// Whether the source's record is read.
    pub(crate) fn reads_source(&self) -> bool {
        self.text.reads_source()
    }

    /// Whether what the transform made is read.
    pub(crate) fn reads_body(&self) -> bool {
        self.text.reads_body()
    }

    /// What it is, whatever the record and without secrets.
    pub(crate) fn written(&self) -> String {
        self.text.written()
    }

    /// The address for a record's JSON that nothing was made of, and that has no idempotency key.
    ///
    /// # Errors
    /// As [`RecordUrl::render`].
    pub(crate) fn render_source(&self, record: &[u8]) -> Result<Url, UrlError> {
        self.render(&SentValues { source: record, body: record, ..SentValues::default() })
    }

    /// The address for a record.
    ///
    /// # Errors
    /// If a field is missing or empty, or would lead to another path than the template says.
    pub(crate) fn render(&self, values: &SentValues<'_>) -> Result<Url, UrlError> {
        if let Some(url) = &self.fixed {
            return Ok(url.clone());
        }
        let segment = |path: &str, value: &str| {
            // `.` and `..` climb a path even when they are percent-encoded.
            if value.is_empty() || value == "." || value == ".." {
                return Err(format!("the URL needs the field `{path}`, which is `{value}`"));
            }
            Ok(encode_segment(value))
        };
        let text = self.text.text(values, segment).map_err(UrlError)?;
        Url::parse(&text)
            .ok()
            .filter(|url| self.origin.has(url))
            .ok_or_else(|| UrlError("the record's fields make no URL of it".into()))
    }
}
