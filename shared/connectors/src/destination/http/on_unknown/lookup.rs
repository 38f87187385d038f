//! `lookup`: the destination is asked whether it has the record.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{self, Ordering},
    ports::Outgoing,
};

use super::kind::{OnUnknownKind, Question, check_ledger};
use crate::{
    destination::http::distinct::in_two,
    error::ConnectError,
    file::{Fault, Findings, Place},
    http::{Origin, RecordUrl, UrlError},
    json::{Picker, stands},
    resolver::Resolver,
    value::{OneOrList, Path, Sent, SentValues, Shape, StatusCode, Url, template::Part},
};

/// The destination is asked whether it has the record, by one GET.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Has")]
pub(crate) struct Lookup {
    /// The address, at the destination's own host; may hold `${record.…}` and `${idempotency_key}`.
    #[schemars(example = "https://api.example.com/orders?key=${idempotency_key}")]
    url: Url<Sent>,
    /// What says that it is there. Default status 200.
    #[serde(default)]
    found: Found,
    /// Status codes that say that it is not there. Default 404.
    missing: Option<OneOrList<StatusCode>>,
}

/// What says that a record is there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Found {
    /// Status codes. Default 200.
    status: Option<OneOrList<StatusCode>>,
    /// Path to what must stand in the body; absent, null, false, 0 or empty means that it is not
    /// there.
    path: Option<Path>,
}

/// How the destination of a connection is asked, and what it answers.
struct Has {
    url: RecordUrl,
    found: Vec<u16>,
    /// What must stand in the body.
    path: Option<Picker>,
    missing: Vec<u16>,
}

impl OnUnknownKind for Lookup {
    fn protocol(&self) -> model::OnUnknown {
        model::OnUnknown::LookUp
    }

    fn check(&self, place: Place, ordering: Ordering, findings: &mut Findings) {
        check_ledger("lookup", place, ordering, findings);
        if !self.url.template.needs_record() {
            let remedy = "add `${record.…}` or `${idempotency_key}`";
            let fault = Fault::new(self.url.site.place, "the address names no record", remedy);
            findings.add(fault);
        }
        let found = codes(self.found.status.as_ref(), 200);
        let mut missing = self.missing.iter().flat_map(|missing| &missing.0);
        if let Some(both) = missing.find(|missing| found.contains(&missing.value.0)) {
            let code = both.value.0.to_string();
            findings.add(in_two(&code, "found.status", "missing", both));
        }
    }

    fn asks_by_key(&self) -> Option<Place> {
        let has_key = self.url.template.parts.contains(&Part::IdempotencyKey);
        has_key.then_some(self.url.site.place)
    }

    /// The address must be at the destination's origin, whose credentials it uses.
    fn question(
        &self,
        resolver: &Resolver<'_>,
        destination: &Origin,
        shape: &Shape,
    ) -> Result<Option<Box<dyn Question>>, ConnectError> {
        let key = &self.url.site.key;
        let url = RecordUrl::new(&self.url.template, key, resolver, shape)?;
        if url.origin() != destination {
            let message = format!("only {destination} may see the destination's credentials");
            return Err(ConnectError::new(key, message));
        }
        Ok(Some(Box::new(Has {
            url,
            found: codes(self.found.status.as_ref(), 200),
            path: self.found.path.as_ref().map(|path| Picker::of(&path.keys)),
            missing: codes(self.missing.as_ref(), 404),
        })))
    }
}

/// The codes that are listed, or the usual one.
fn codes(listed: Option<&OneOrList<StatusCode>>, usual: u16) -> Vec<u16> {
    listed.map_or_else(|| vec![usual], |list| list.0.iter().map(|code| code.value.0).collect())
}

impl Question for Has {
    fn url(&self, record: &Outgoing, key: &str) -> Result<url::Url, UrlError> {
        self.url.render(&SentValues {
            source: &record.source,
            body: &record.body,
            key,
            ..SentValues::default()
        })
    }

    fn judge(&self, status: u16, body: &[u8]) -> Option<bool> {
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
