//! Marking a record as processed at the source.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue},
};
use tidegate_core::{
    model::RecordId,
    ports::{BoxFuture, Marker, SourceError},
};
use tidegate_flow::spec::MarkSpec;
use tokio::time::Instant;

use crate::{
    error::ConnectError,
    http::{Exchange, ExchangeError, RecordUrl, Request, is_unauthorized},
    resolver::Resolver,
};

/// Sends one request a record.
pub(super) struct HttpMarker {
    method: Method,
    url: RecordUrl,
    body: Option<Bytes>,
    exchange: Exchange,
}

impl HttpMarker {
    /// The mark's address must be at the list's origin, whose credentials it uses: `exchange` goes there.
    pub(super) fn new(
        spec: &MarkSpec,
        resolver: &Resolver<'_>,
        exchange: Exchange,
    ) -> Result<Self, ConnectError> {
        const PLACE: &str = "source.http.mark";
        let method = spec.method.parse().map_err(|_| {
            ConnectError::new(PLACE, format!("`{}` is no HTTP method", spec.method))
        })?;
        let url = RecordUrl::new(&spec.url, &format!("{PLACE}.url"), resolver)?;
        let list = &exchange.origin;
        if url.origin() != list {
            let message = format!("only {list} may see the source's credentials");
            return Err(ConnectError::new(&format!("{PLACE}.url"), message));
        }
        let body = spec.body.as_ref().map(|body| body.to_string().into());
        Ok(Self { method, url, body, exchange })
    }

    async fn send(&self, id: &RecordId, data: &[u8], timeout_ms: u64) -> Result<(), SourceError> {
        let cannot = |why: &dyn std::fmt::Display| {
            SourceError::Halt(format!("record {id} cannot be marked: {why}"))
        };
        let url = self.url.render(data).map_err(|error| cannot(&error))?;
        let shown = self.exchange.shown(&url);
        let body = self.body.clone().unwrap_or_default();
        let mut request = Request::new(self.method.clone(), url, body);
        if self.body.is_some() {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        let sent = self.exchange.send(&request, until, is_unauthorized).await;
        let answer = sent.map_err(|error| match error {
            ExchangeError::NoCredentials(error) => error.into(),
            ExchangeError::NoAnswer(error) => {
                SourceError::Later { reason: format!("{shown}: {error}"), after_ms: None }
            }
            ExchangeError::Astray(astray) => cannot(&astray),
        })?;
        let status = answer.status;
        match status.as_u16() {
            // Gone, or marked already: nothing is left to mark.
            200..=299 | 404 | 409 | 410 => Ok(()),
            408 | 425 | 429 | 500.. => Err(SourceError::Later {
                reason: format!("{shown} answered {status}"),
                after_ms: answer.after_ms(),
            }),
            _ => Err(SourceError::Halt(format!("{shown} answered {status}: see source.http.mark"))),
        }
    }
}

impl Marker for HttpMarker {
    fn mark<'a>(
        &'a self,
        id: &'a RecordId,
        data: &'a [u8],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.send(id, data, timeout_ms))
    }
}
