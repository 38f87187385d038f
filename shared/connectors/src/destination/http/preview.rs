//! The requests for one record as they would go out.

use tidegate_core::{model::Outcome, ports::Outgoing};

use super::{compose::Beside, deliver::bulk_values, endpoint::Endpoint, *};
use crate::http::Request;

impl Http {
    /// The request for a record, the first where another follows its answer; or why the record makes none.
    pub(super) fn show(
        &self,
        record: &Outgoing,
        shape: &Shape,
        resolver: &Resolver<'_>,
    ) -> Result<Result<RequestPreview, String>, ConnectError> {
        let endpoint = match self.endpoint_of(&record.source, resolver)? {
            Ok(endpoint) => endpoint,
            Err(reason) => return Ok(Err(reason)),
        };
        let request = match endpoint.compose(record, (shape, &self.keys(), resolver))? {
            Ok(request) => request,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut headers = endpoint.fixed_headers(resolver)?;
        headers.extend(request.headers);
        let shown = |(name, value): (&_, &reqwest::header::HeaderValue)| {
            let name: &reqwest::header::HeaderName = name;
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        };
        Ok(Ok(RequestPreview {
            method: request.method.to_string(),
            url: request.url.to_string(),
            headers: headers.iter().map(shown).collect(),
            has_credentials: endpoint.auth.is_some(),
            body: request.body.to_vec(),
        }))
    }

    /// The way that a record's request takes, or why it takes none.
    pub(super) fn endpoint_of(
        &self,
        record: &[u8],
        resolver: &Resolver<'_>,
    ) -> Result<Result<Endpoint<'_>, String>, ConnectError> {
        let mut endpoints = self.endpoints();
        let compiled =
            endpoints.iter().map(|it| it.when.map(|it| it.compile(resolver)).transpose());
        let conditions = compiled.collect::<Result<Vec<_>, _>>()?;
        let first = router::first_of(conditions.iter().map(Option::as_ref), record);
        let otherwise = || self.otherwise.as_ref().map(|it| it.value).unwrap_or_default();
        let first = first.and_then(|first| first.ok_or_else(|| router::unrouted(otherwise())));
        Ok(match first {
            Ok(at) => Ok(endpoints.swap_remove(at)),
            Err(outcome) => Err(why(&outcome)),
        })
    }
}

impl Endpoint<'_> {
    /// Whether a record is sent as the source gave it, by no map: its deletion, say.
    pub(super) fn takes_unshaped(&self, record: &[u8]) -> bool {
        let apart = match self.batch {
            Some(batch) => batch.delete_action().is_some(),
            None => self.delete.is_some(),
        };
        apart && self.deletions().has(record, false)
    }

    /// The first request for a record, or why there is none.
    fn compose(
        &self,
        record: &Outgoing,
        (shape, keys, resolver): (&Shape, &KeyMaker, &Resolver<'_>),
    ) -> Result<Result<Request, String>, ConnectError> {
        let single = self.single(shape, keys, resolver)?;
        let is_deletion = self.deletions().has(&record.source, record.deleted);
        if let Some(removal) = self.removal(shape, keys, resolver)?.filter(|_| is_deletion) {
            return Ok(removal.request(record, Beside::default()));
        }
        let split = self.split.map(|split| split.splitter().items(record)).transpose();
        let items = match split {
            Ok(items) => items,
            Err(outcome) => return Ok(Err(why(&outcome))),
        };
        let whole = items.as_ref().map(|_| &record.body[..]);
        let records = items.as_deref().unwrap_or(std::slice::from_ref(record));
        let Some(bulk) = self.bulk(&single, keys, resolver)? else {
            return Ok(single.request(&records[0], Beside { whole, ..Beside::default() }));
        };
        let records = &records[..records.len().min(bulk.batching(false).records_max)];
        let body = bulk.body(records, whole, |_| is_deletion && bulk.has_deletions());
        Ok(body.and_then(|body| {
            let mut request = single.with_body(&bulk_values(records, whole), body)?;
            bulk.sign(&mut request, records);
            Ok(request)
        }))
    }
}

/// Why a record makes no request.
fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused { reason, .. } | Outcome::Invalid(reason) => reason.to_string(),
        Outcome::Later(later) => later.reason.to_string(),
        Outcome::Delivered | Outcome::Skipped(_) => "the record is left out".to_owned(),
    }
}
