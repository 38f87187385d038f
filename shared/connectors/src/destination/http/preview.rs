//! The requests for one record as they would go out.

use tidegate_core::ports::Outgoing;

use super::*;
use crate::{http::Request, value::SentValues};

impl Http {
    /// The request for a record, the first where another follows its answer; or why the record makes none.
    pub(super) fn compose(
        &self,
        record: &Outgoing,
        shape: &Shape,
        resolver: &Resolver<'_>,
    ) -> Result<Result<RequestPreview, String>, ConnectError> {
        let keys = self.keys();
        let single = self.single(shape, &keys, resolver)?;
        let is_deletion = self.deletions().has(&record.source, record.deleted);
        let removal = self.removal(shape, &keys, resolver)?.filter(|_| is_deletion);
        let composed = match (self.bulk(&single, &keys, resolver)?, removal) {
            (Some(bulk), _) => {
                let nothing =
                    SentValues { source: b"null", body: b"null", ..SentValues::default() };
                let records = std::slice::from_ref(record);
                let body = bulk.body(records, |_| is_deletion && bulk.has_deletions());
                single.address(&nothing).and_then(|url| {
                    let mut request = Request::new(single.method().clone(), url, body?);
                    bulk.sign(&mut request, records);
                    Ok(request)
                })
            }
            (None, Some(removal)) => removal.request(record, b""),
            (None, None) => single.request(record, b""),
        };
        let request = match composed {
            Ok(request) => request,
            Err(reason) => return Ok(Err(reason.to_string())),
        };
        let mut headers = self.fixed_headers(resolver)?;
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
            has_credentials: self.auth.is_some(),
            body: request.body.to_vec(),
        }))
    }
}
