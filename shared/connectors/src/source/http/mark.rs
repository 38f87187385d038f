//! Marking a record as processed at the source.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::RecordId,
    ports::{BoxFuture, Marker, SourceError},
};
use tokio::time::Instant;

use super::answers::{self, SAID_CHARS_MAX, Verdict};
use crate::{
    error::ConnectError,
    http::{Answer, Exchange, ExchangeError, Meaning, RecordUrl, Request, Rules},
    resolver::Resolver,
    value::{JsonTemplate, NoRecord, Record, Shape, Url, given},
};

/// The request that marks a delivered record as processed at the source. A mark that fails is made again;
/// with `ordering: none` the record is sent again with it, under the same idempotency key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Mark")]
pub(super) struct MarkRequest {
    /// Default PUT.
    method: Option<MarkMethod>,
    /// The address; may hold `${record.…}`.
    #[schemars(example = "${params.source_url}/orders/${record.id}")]
    url: Url<Record>,
    /// The JSON that is sent; its texts may hold `${params.…}` and `${secrets.…}`. Left out: no body.
    #[serde(default, deserialize_with = "given")]
    body: Option<JsonTemplate<NoRecord>>,
}

/// How to mark.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum MarkMethod {
    #[default]
    Put,
    Post,
    Patch,
    Delete,
}

/// Sends one request a record.
pub(super) struct HttpMarker {
    method: Method,
    url: RecordUrl,
    body: Option<Bytes>,
    exchange: Exchange,
    /// What answers mean, as for the list.
    rules: Rules,
}

impl MarkRequest {
    /// Fills in a connection's values. The address must be at the list's origin, whose credentials a
    /// mark uses: `exchange` goes there.
    pub(super) fn connect(
        &self,
        resolver: &Resolver<'_>,
        exchange: Exchange,
        rules: Rules,
    ) -> Result<HttpMarker, ConnectError> {
        let url = RecordUrl::new(&self.url.template, &self.url.site.key, resolver, &Shape::Same)?;
        let list = &exchange.origin;
        if url.origin() != list {
            let message = format!("only {list} may see the source's credentials");
            return Err(ConnectError::new(&self.url.site.key, message));
        }
        let body = self.body.as_ref().map(|body| body.fill(resolver)).transpose()?;
        let body = body.map(|body| body.to_string().into());
        let method = self.method.unwrap_or_default().into();
        Ok(HttpMarker { method, url, body, exchange, rules })
    }
}

impl From<MarkMethod> for Method {
    fn from(method: MarkMethod) -> Self {
        match method {
            MarkMethod::Put => Self::PUT,
            MarkMethod::Post => Self::POST,
            MarkMethod::Patch => Self::PATCH,
            MarkMethod::Delete => Self::DELETE,
        }
    }
}

impl HttpMarker {
    async fn send(&self, id: &RecordId, data: &[u8], timeout_ms: u64) -> Result<(), SourceError> {
        let cannot = |why: &dyn std::fmt::Display| {
            SourceError::Halt(format!("record {id} cannot be marked: {why}"))
        };
        let url = self.url.render_source(data).map_err(|error| cannot(&error))?;
        let shown = self.exchange.shown(&url);
        let body = self.body.clone().unwrap_or_default();
        let mut request = Request::new(self.method.clone(), url, body);
        if self.body.is_some() {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        let refuses_token =
            |answer: &Answer| answers::judge(&self.rules, answer).meaning == Meaning::Token;
        let sent = self.exchange.send(&request, until, refuses_token).await;
        let answer = sent.map_err(|error| match error {
            ExchangeError::NoCredentials(error) => error.into(),
            ExchangeError::Held(held) => held.into(),
            ExchangeError::NoAnswer(error) => {
                SourceError::Later { reason: format!("{shown}: {error}"), after_ms: None }
            }
            ExchangeError::Astray(astray) => cannot(&astray),
        })?;
        let judged = answers::judge(&self.rules, &answer);
        let verdict = answers::verdict(&judged, &answer, self.exchange.left(&answer));
        let said = || {
            let said = self.exchange.line(&judged.said(&answer.body), SAID_CHARS_MAX);
            format!("{} {shown} answered {}: {said}", self.method, answer.status)
        };
        match (verdict, answer.status.as_u16()) {
            (Verdict::Page | Verdict::Empty, _) => Ok(()),
            // Gone, or marked already: nothing is left to mark.
            (_, 404 | 409 | 410) if !judged.by_rule => Ok(()),
            (Verdict::Again { after_ms }, _) => {
                Err(SourceError::Later { reason: said(), after_ms })
            }
            (Verdict::Rejected | Verdict::Halt { .. }, _) => {
                Err(SourceError::Halt(format!("{}; see source.http.mark", said())))
            }
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
