//! Reads with patience: tries, waits and same-origin redirects, within the caller's deadline.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{
    Response, StatusCode,
    header::{HeaderMap, LINK, LOCATION, RETRY_AFTER},
};
use tidegate_core::{model::EpochMs, ports::SourceError};
use tokio::time::Instant;
use url::Url;

use crate::{
    HttpClient, Now,
    http::{Auth, AuthError, Origin, Proof, Redactor, describe, retry_after_ms},
};

/// Tries of one request in a walk; then the next run goes on.
const TRIES: u32 = 3;
/// The first wait between tries, in ms; it doubles.
const BACKOFF_MS: u64 = 500;
/// Redirects followed for one request.
const REDIRECTS_MAX: u32 = 5;

/// Sends a source's requests.
pub(super) struct Requester {
    pub(super) http: HttpClient,
    pub(super) origin: Origin,
    pub(super) headers: HeaderMap,
    pub(super) auth: Auth,
    pub(super) redactor: Redactor,
    pub(super) now: Now,
    /// For one request, in ms.
    pub(super) timeout_ms: u64,
    /// Of one response, decompressed.
    pub(super) body_bytes_max: usize,
}

/// What a page is asked for by.
#[derive(Clone)]
pub(super) struct PageRequest {
    pub(super) url: Url,
    /// JSON that is posted; none: a GET.
    pub(super) body: Option<Bytes>,
}

/// A response's parts that a walk goes by.
pub(super) struct Fetched {
    /// Decompressed.
    pub(super) body: Bytes,
    /// Where it came from, after redirects.
    pub(super) url: Url,
    /// The `Link` headers.
    pub(super) links: Vec<String>,
}

/// Why a request gave nothing.
#[derive(Debug)]
pub(super) enum Refusal {
    /// 400, 404 or 410: where a token was sent, it may have expired.
    Rejected { status: u16, halt: String },
    /// As it is.
    Source(SourceError),
}

/// What one try came to.
enum Failure {
    /// Worth another try, after at least so long.
    Passing { reason: String, after_ms: Option<u64> },
    /// Not worth one.
    Final(Refusal),
}

impl From<Refusal> for SourceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected { halt, .. } => Self::Halt(halt),
            Refusal::Source(error) => error,
        }
    }
}

fn halt(message: String) -> Failure {
    Failure::Final(Refusal::Source(SourceError::Halt(message)))
}

impl Requester {
    /// Fetches a page and reads it with `read`. A body that is no page counts as a failed try: it
    /// may have been cut short. Counts every request made.
    pub(super) async fn get<T>(
        &self,
        asked: &PageRequest,
        deadline_ms: EpochMs,
        requests: &mut u32,
        read: impl Fn(Fetched) -> Result<T, PageError>,
    ) -> Result<T, Refusal> {
        let url = &asked.url;
        let mut wait_ms = BACKOFF_MS;
        for tried in 1.. {
            let failure = match self.fetch(asked, deadline_ms, requests).await {
                Ok(fetched) => match read(fetched) {
                    Ok(page) => return Ok(page),
                    Err(PageError::Passing(reason)) => Failure::Passing {
                        reason: format!("{} answered no page: {reason}", self.shown(url)),
                        after_ms: None,
                    },
                    Err(PageError::Halt(message)) => {
                        halt(format!("{}: {message}", self.shown(url)))
                    }
                },
                Err(failure) => failure,
            };
            let (reason, after_ms) = match failure {
                Failure::Final(refusal) => return Err(refusal),
                Failure::Passing { reason, after_ms } => (reason, after_ms),
            };
            let pause_ms = after_ms.unwrap_or(wait_ms);
            let left_ms = self.left_ms(deadline_ms);
            if tried == TRIES || pause_ms >= left_ms {
                let error = SourceError::Later { reason, after_ms };
                return Err(Refusal::Source(error));
            }
            tracing::debug!(reason, pause_ms, "the source is asked again");
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            wait_ms *= 2;
        }
        unreachable!("the last try returns")
    }

    /// One try: a request and the redirects that it leads to.
    async fn fetch(
        &self,
        asked: &PageRequest,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<Fetched, Failure> {
        let mut url = asked.url.clone();
        let body = asked.body.as_ref();
        for _ in 0..=REDIRECTS_MAX {
            // Every address passes here, whoever made it: nothing leaves for another origin.
            if !self.origin.has(&url) {
                return Err(halt(format!(
                    "the source sends us on to {}, but only {} may see the credentials: if that is \
                     right, set source.http.url to it",
                    self.shown(&url),
                    self.origin
                )));
            }
            let response = self.send(&url, body, deadline_ms, requests).await?;
            if !response.status().is_redirection() {
                let links = response.headers().get_all(LINK);
                let links =
                    links.iter().filter_map(|link| Some(link.to_str().ok()?.to_owned())).collect();
                let body = self.body(response, &url).await?;
                return Ok(Fetched { body, url, links });
            }
            // Only these two say that the body is to be sent there again (RFC 9110, section 15.4).
            if body.is_some() && !matches!(response.status().as_u16(), 307 | 308) {
                return Err(halt(format!(
                    "{} answered {}, which takes no body along: set source.http.url to where it \
                     leads",
                    self.shown(&url),
                    response.status()
                )));
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            url = location.and_then(|location| url.join(location).ok()).ok_or_else(|| {
                halt(format!("{} redirects without an address", self.shown(&url)))
            })?;
        }
        Err(halt(format!("{} redirects more than {REDIRECTS_MAX} times", self.shown(&url))))
    }

    /// One request, and once more with a newer token where this one is not known any more; any answer
    /// but success and redirection is a failure.
    async fn send(
        &self,
        url: &Url,
        body: Option<&Bytes>,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<Response, Failure> {
        let until = Instant::now() + Duration::from_millis(self.left_ms(deadline_ms));
        let no_token = |error: AuthError| Failure::Final(Refusal::Source(error.into()));
        let proof = self.auth.proof(until).await.map_err(no_token)?;
        let mut response = self.send_once(url, body, &proof, deadline_ms, requests).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(newer) = self.auth.renewed(&proof, until).await.map_err(no_token)?
        {
            response = self.send_once(url, body, &newer, deadline_ms, requests).await?;
        }
        let status = response.status();
        if status.is_success() || status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        Err(self.refused(&response, url))
    }

    async fn send_once(
        &self,
        url: &Url,
        body: Option<&Bytes>,
        proof: &Proof,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<Response, Failure> {
        let timeout_ms = self.timeout_ms.min(self.left_ms(deadline_ms));
        if timeout_ms == 0 {
            let reason = "the invocation's time is up".to_owned();
            let error = SourceError::Later { reason, after_ms: None };
            return Err(Failure::Final(Refusal::Source(error)));
        }
        let mut address = url.clone();
        proof.address(&mut address);
        let mut headers = self.headers.clone();
        proof.head(&mut headers);
        *requests += 1;
        let request = match body {
            None => self.http.inner().get(address),
            Some(body) => self.http.inner().post(address).body(body.clone()),
        };
        let timeout = Duration::from_millis(timeout_ms);
        let sent = request.headers(headers).timeout(timeout).send().await;
        sent.map_err(|error| {
            let reason = format!("{}: {}", self.shown(url), describe(error, &self.redactor));
            Failure::Passing { reason, after_ms: None }
        })
    }

    /// What a status code asks for.
    fn refused(&self, response: &Response, url: &Url) -> Failure {
        let status = response.status();
        let said = format!("{} answered {status}", self.shown(url));
        let after_ms = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after_ms(value.to_str().ok()?, (self.now)()));
        match status.as_u16() {
            408 | 425 | 429 | 500.. => Failure::Passing { reason: said, after_ms },
            401 => halt(format!("{said}: the credentials are refused; see source.http.auth")),
            403 => halt(format!(
                "{said}: the credentials do not reach this list; see source.http.auth"
            )),
            400 | 404 | 410 => Failure::Final(Refusal::Rejected {
                status: status.as_u16(),
                halt: format!("{said}: see source.http.url, query, body, cursor and pagination"),
            }),
            _ => halt(format!("{said}: see source.http")),
        }
    }

    /// Reads a body, counting decompressed bytes: a small one may unpack to gigabytes.
    async fn body(&self, mut response: Response, url: &Url) -> Result<Bytes, Failure> {
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.body_bytes_max => {
                    return Err(halt(format!(
                        "{} answered with more than {} bytes: ask for fewer records \
                         (source.http.page_size) or raise source.http.body_bytes_max",
                        self.shown(url),
                        self.body_bytes_max
                    )));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body.freeze()),
                Err(error) => {
                    let reason =
                        format!("{}: {}", self.shown(url), describe(error, &self.redactor));
                    return Err(Failure::Passing { reason, after_ms: None });
                }
            }
        }
    }

    /// Time left until a deadline, in ms.
    fn left_ms(&self, deadline_ms: EpochMs) -> u64 {
        u64::try_from(deadline_ms.saturating_sub((self.now)())).unwrap_or(0)
    }

    /// A URL for people.
    pub(super) fn shown(&self, url: &Url) -> String {
        self.redactor.url(url)
    }
}

/// Why a body cannot be used.
pub(super) enum PageError {
    /// Perhaps it was cut short.
    Passing(String),
    /// It will not get better.
    Halt(String),
}
