//! Reads with patience: tries, waits and same-origin redirects, within the caller's deadline.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method,
    header::{HeaderMap, LINK},
};
use tidegate_core::{model::EpochMs, ports::SourceError};
use tokio::time::Instant;
use url::Url;

use crate::{
    Now,
    http::{Answer, Astray, BodyEnd, Exchange, ExchangeError, Request},
};

/// Tries of one request in a walk; then the next run goes on.
const TRIES: u32 = 3;
/// The first wait between tries, in ms; it doubles.
const BACKOFF_MS: u64 = 500;

/// Sends a source's requests.
pub(super) struct Requester {
    pub(super) exchange: Exchange,
    pub(super) now: Now,
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

    /// One try: a request and the redirects that it leads to; any answer but a success is a failure.
    async fn fetch(
        &self,
        asked: &PageRequest,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<Fetched, Failure> {
        let until = Instant::now() + Duration::from_millis(self.left_ms(deadline_ms));
        let url = asked.url.clone();
        let request = match &asked.body {
            None => Request::get(url),
            Some(body) => Request::new(Method::POST, url, body.clone()),
        };
        let answer = self.exchange.follow(request, until, requests).await;
        let answer = answer.map_err(|error| self.unanswered(&asked.url, error))?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        match answer.end {
            BodyEnd::Whole | BodyEnd::Unread => {
                let links = links(&answer.headers);
                Ok(Fetched { body: answer.body, url: answer.url, links })
            }
            BodyEnd::Cut => Err(halt(format!(
                "{} answered with more than {} bytes: ask for fewer records \
                 (source.http.page_size) or raise source.http.body_bytes_max",
                self.shown(&answer.url),
                self.exchange.transmitter.body_bytes_max
            ))),
            BodyEnd::Broken(error) => {
                let reason = format!("{}: {error}", self.shown(&answer.url));
                Err(Failure::Passing { reason, after_ms: None })
            }
        }
    }

    /// What to do where no answer came.
    fn unanswered(&self, asked: &Url, error: ExchangeError) -> Failure {
        match error {
            ExchangeError::NoCredentials(error) => Failure::Final(Refusal::Source(error.into())),
            ExchangeError::NoAnswer(error) => {
                let reason = format!("{}: {error}", self.shown(asked));
                Failure::Passing { reason, after_ms: None }
            }
            ExchangeError::Astray(astray) => halt(match astray {
                Astray::Elsewhere { .. } => format!(
                    "the source sends us on {astray}: if that is right, set source.http.url to it"
                ),
                Astray::DropsBody { .. } => {
                    format!("{astray}: set source.http.url to where it leads")
                }
                Astray::NoAddress { .. } | Astray::TooOften { .. } => astray.to_string(),
            }),
        }
    }

    /// What a status code asks for.
    fn refused(&self, answer: &Answer) -> Failure {
        let status = answer.status;
        let said = format!("{} answered {status}", self.shown(&answer.url));
        match status.as_u16() {
            408 | 425 | 429 | 500.. => {
                Failure::Passing { reason: said, after_ms: answer.after_ms() }
            }
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

    /// Time left until a deadline, in ms.
    fn left_ms(&self, deadline_ms: EpochMs) -> u64 {
        u64::try_from(deadline_ms.saturating_sub((self.now)())).unwrap_or(0)
    }

    /// A URL for people.
    pub(super) fn shown(&self, url: &Url) -> String {
        self.exchange.shown(url)
    }
}

/// Why a body cannot be used.
pub(super) enum PageError {
    /// Perhaps it was cut short.
    Passing(String),
    /// It will not get better.
    Halt(String),
}

/// The `Link` headers that are text.
fn links(headers: &HeaderMap) -> Vec<String> {
    let links = headers.get_all(LINK).into_iter();
    links.filter_map(|link| Some(link.to_str().ok()?.to_owned())).collect()
}
