//! Marking a record as processed at the source.

use std::time::Duration;

use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use tidegate_core::{
    model::RecordId,
    ports::{BoxFuture, Marker, SourceError},
};
use tidegate_flow::spec::MarkSpec;
use tokio::time::Instant;
use url::Url;

use crate::{
    HttpClient, Now,
    connect::{ConnectError, Resolver},
    http::{Auth, Origin, Proof, RecordUrl, Redactor, describe, retry_after_ms},
};

/// Sends one request a record.
pub(super) struct HttpMarker {
    method: Method,
    url: RecordUrl,
    body: Option<Vec<u8>>,
    http: HttpClient,
    headers: HeaderMap,
    auth: Auth,
    redactor: Redactor,
    now: Now,
}

impl HttpMarker {
    /// The mark's address must be at the list's origin, whose credentials it uses.
    #[expect(clippy::too_many_arguments, reason = "it shares all that the source's requests carry")]
    pub(super) fn new(
        spec: &MarkSpec,
        resolver: &Resolver<'_>,
        list: &Origin,
        http: HttpClient,
        mut headers: HeaderMap,
        auth: Auth,
        redactor: Redactor,
        now: Now,
    ) -> Result<Self, ConnectError> {
        const PLACE: &str = "source.http.mark";
        let method = spec.method.parse().map_err(|_| {
            ConnectError::new(PLACE, format!("`{}` is no HTTP method", spec.method))
        })?;
        let url = RecordUrl::new(&spec.url, &format!("{PLACE}.url"), resolver)?;
        if url.origin() != list {
            let message = format!("only {list} may see the source's credentials");
            return Err(ConnectError::new(&format!("{PLACE}.url"), message));
        }
        let body = spec.body.as_ref().map(|body| body.to_string().into_bytes());
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(Self { method, url, body, http, headers, auth, redactor, now })
    }

    async fn send(&self, id: &RecordId, data: &[u8], timeout_ms: u64) -> Result<(), SourceError> {
        let url = self
            .url
            .render(data)
            .map_err(|error| SourceError::Halt(format!("record {id} cannot be marked: {error}")))?;
        let shown = self.redactor.url(&url);
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        let proof = self.auth.proof(until).await?;
        let mut response = self.send_once(url.clone(), &proof, until).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(newer) = self.auth.renewed(&proof, until).await?
        {
            response = self.send_once(url, &newer, until).await?;
        }
        let status = response.status();
        match status.as_u16() {
            // Gone, or marked already: nothing is left to mark.
            200..=299 | 404 | 409 | 410 => Ok(()),
            408 | 425 | 429 | 500.. => Err(SourceError::Later {
                reason: format!("{shown} answered {status}"),
                after_ms: response
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|value| retry_after_ms(value.to_str().ok()?, (self.now)())),
            }),
            _ => Err(SourceError::Halt(format!("{shown} answered {status}: see source.http.mark"))),
        }
    }

    async fn send_once(
        &self,
        mut url: Url,
        proof: &Proof,
        until: Instant,
    ) -> Result<Response, SourceError> {
        let shown = self.redactor.url(&url);
        proof.address(&mut url);
        let mut headers = self.headers.clone();
        proof.head(&mut headers);
        let mut request = self
            .http
            .inner()
            .request(self.method.clone(), url)
            .headers(headers)
            .timeout(until.saturating_duration_since(Instant::now()));
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| SourceError::Later {
            reason: format!("{shown}: {}", describe(error, &self.redactor)),
            after_ms: None,
        })
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
