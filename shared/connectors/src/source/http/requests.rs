//! Reads with patience: tries, waits and same-origin redirects, within the caller's deadline.

use std::{
    sync::atomic::{AtomicBool, AtomicU16, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use tidegate_core::{model::EpochMs, ports::SourceError};
use tokio::time::Instant;
use url::Url;

use super::answers::{self, SAID_CHARS_MAX, Verdict};
use crate::{
    Now,
    http::{Answer, Astray, BodyEnd, Exchange, ExchangeError, Judged, Meaning, Request, Rules},
    json::quote,
};

/// Tries of one request in a walk; then the next run goes on.
const TRIES: u32 = 3;
/// The first wait between tries, in ms; it doubles.
const BACKOFF_MS: u64 = 500;
/// The shortest, whatever the source asks for, in ms.
const PAUSE_MS_MIN: u64 = 100;
/// The longest wait inside a walk, in ms: a longer one ends it, and is kept for the runs to come.
const PAUSE_MS_MAX: u64 = 5_000;
/// By what a source, or what stands before it, says that an answer takes too long.
const TOO_LONG: [u16; 3] = [408, 504, 524];
/// A longer value is no code.
const RULE_BYTES_MAX: usize = 40;
/// So much of a body is looked at for what it says.
const SAID_BYTES_MAX: usize = 64 * 1024;

/// Sends a source's requests.
pub(super) struct Requester {
    pub(super) exchange: Exchange,
    /// What the answers mean.
    pub(super) rules: Rules,
    pub(super) now: Now,
    /// The status of the last answer, where that alone refuses the request.
    refused: AtomicU16,
    /// Whether the last request took the source longer than it, or we, had time for.
    took_too_long: AtomicBool,
}

/// What a page is asked for by.
#[derive(Clone)]
pub(super) struct PageRequest {
    pub(super) url: Url,
    /// Those of this request alone.
    pub(super) headers: HeaderMap,
    /// What is posted; none: a GET.
    pub(super) body: Option<Bytes>,
    /// Which page it is, for people: the parameters that say so.
    pub(super) page: Box<str>,
}

/// A response's parts that a walk goes by.
pub(super) struct Fetched {
    /// Decompressed; once its records are read, what stands beside them.
    pub(super) body: Bytes,
    /// Where it came from, after redirects.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// The flow's own rule says that it is a page.
    pub(super) is_trusted: bool,
    /// The flow's own rule says that there are no records.
    pub(super) is_empty: bool,
    /// What came instead of JSON, for people; `None` where it may be JSON.
    pub(super) instead_of_json: Option<String>,
}

impl Fetched {
    /// Whether it is an empty list: a rule says so, or there is no body at all, as with 204 and 304.
    pub(super) fn is_nothing(&self) -> bool {
        self.is_empty || self.body.trim_ascii().is_empty()
    }
}

/// Why a request gave nothing.
#[derive(Debug)]
pub(super) enum Refusal {
    /// 400, 404, 410, 416 or 422: where a token was sent, it may have expired; where pages are counted,
    /// this one may be beyond the last.
    Rejected { status: u16, halt: String },
    /// As it is.
    Source(SourceError),
}

/// What one try came to.
enum Failure {
    /// Worth another try, after at least so long.
    Passing { reason: String, after_ms: Option<u64> },
    /// Worth another try; should that be no better, an operator has to act.
    Doubtful { reason: String },
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
    pub(super) fn new(exchange: Exchange, rules: Rules, now: Now) -> Self {
        let (refused, took_too_long) = (AtomicU16::new(0), AtomicBool::new(false));
        Self { exchange, rules, now, refused, took_too_long }
    }

    /// Fetches a page and reads it with `read`. A body that is no page counts as a failed try: it
    /// may have been cut short, or be an error's. Counts every request made.
    pub(super) async fn get<T>(
        &self,
        asked: &PageRequest,
        deadline_ms: EpochMs,
        requests: &mut u32,
        read: impl Fn(Fetched) -> Result<T, PageError>,
    ) -> Result<T, Refusal> {
        let mut wait_ms = BACKOFF_MS;
        for tried in 1.. {
            let failure = match self.fetch(asked, deadline_ms, requests).await {
                Ok(fetched) => {
                    let body = fetched.body.clone();
                    match read(fetched) {
                        Ok(page) => return Ok(page),
                        Err(error) => self.unreadable(asked, error, &body),
                    }
                }
                Err(failure) => failure,
            };
            let (reason, after_ms, is_doubtful) = match failure {
                Failure::Final(refusal) => return Err(refusal),
                Failure::Passing { reason, after_ms } => (reason, after_ms, false),
                Failure::Doubtful { reason } => (reason, None, true),
            };
            let pause_ms = after_ms.unwrap_or(wait_ms).max(PAUSE_MS_MIN);
            let left_ms = self.left_ms(deadline_ms);
            if tried == TRIES || pause_ms > PAUSE_MS_MAX || pause_ms >= left_ms {
                let error = match is_doubtful && tried == TRIES {
                    true => SourceError::Halt(reason),
                    false => SourceError::Later { reason, after_ms },
                };
                return Err(Refusal::Source(error));
            }
            tracing::warn!(reason, pause_ms, "the source is asked again");
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
        self.refused.store(0, Relaxed);
        self.took_too_long.store(false, Relaxed);
        let until = Instant::now() + Duration::from_millis(self.left_ms(deadline_ms));
        let request = Request::new(asked.method(), asked.url.clone(), asked.body());
        let request = Request { headers: asked.headers.clone(), ..request };
        let refuses_token =
            |answer: &Answer| answers::judge(&self.rules, answer).meaning == Meaning::Token;
        let answer = self.exchange.follow(request, until, refuses_token, requests).await;
        let answer = answer.map_err(|error| self.unanswered(asked, error))?;
        if answer.status.is_success() {
            self.whole(asked, &answer)?;
        }
        let judged = answers::judge(&self.rules, &answer);
        let left = self.exchange.left(&answer);
        let verdict = answers::verdict(&judged, &answer, left);
        if let Verdict::Again { after_ms: Some(after_ms) } = verdict {
            self.exchange.hold_back(after_ms).await;
        }
        let is_empty = match verdict {
            Verdict::Page => false,
            Verdict::Empty => true,
            verdict => return Err(self.failure(asked, verdict, &answer, &judged)),
        };
        let is_trusted = judged.by_rule;
        let instead_of_json = answer.instead_of_json();
        let Answer { body, url, headers, .. } = answer;
        Ok(Fetched { body, url, headers, is_trusted, is_empty, instead_of_json })
    }

    /// Whether all of a success was read.
    fn whole(&self, asked: &PageRequest, answer: &Answer) -> Result<(), Failure> {
        match &answer.end {
            BodyEnd::Whole | BodyEnd::Unread => Ok(()),
            BodyEnd::Cut => Err(halt(format!(
                "{} answered with more than {} bytes: ask for fewer records \
                 (source.http.page_size) or raise source.http.body_bytes_max",
                self.asked(asked),
                self.exchange.transmitter.body_bytes_max
            ))),
            BodyEnd::Broken(error) => {
                let reason = format!("{}: {error}", self.asked(asked));
                Err(Failure::Passing { reason, after_ms: None })
            }
        }
    }

    /// What to do where no answer came.
    fn unanswered(&self, asked: &PageRequest, error: ExchangeError) -> Failure {
        match error {
            ExchangeError::NoCredentials(error) => Failure::Final(Refusal::Source(error.into())),
            ExchangeError::Held(held) => Failure::Final(Refusal::Source(held.into())),
            ExchangeError::NoAnswer(error) => {
                self.took_too_long.store(error.is_in_flight(), Relaxed);
                let reason = format!("{}: {error}", self.asked(asked));
                if error.is_unfit() {
                    return halt(reason);
                }
                match answers::unanswered(&self.rules, error.kind) {
                    Verdict::Halt { see } => halt(format!("{reason}: {see}")),
                    Verdict::Again { after_ms } => Failure::Passing { reason, after_ms },
                    _ => Failure::Passing { reason, after_ms: None },
                }
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

    /// What an answer asks for that is no page.
    fn failure(
        &self,
        asked: &PageRequest,
        verdict: Verdict,
        answer: &Answer,
        judged: &Judged<'_>,
    ) -> Failure {
        let status = answer.status;
        let body = &answer.body[..answer.body.len().min(SAID_BYTES_MAX)];
        let said = self.exchange.line(&judged.said(body), SAID_CHARS_MAX);
        let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
        let said = format!("{} answered {status}: {said}", self.asked(asked));
        if !judged.by_rule && !matches!(verdict, Verdict::Again { .. }) {
            self.refused.store(status.as_u16(), Relaxed);
        }
        self.took_too_long.store(TOO_LONG.contains(&status.as_u16()), Relaxed);
        match verdict {
            Verdict::Again { after_ms } => Failure::Passing { reason: said, after_ms },
            Verdict::Halt { see } => halt(format!("{said}; {see}")),
            Verdict::Rejected | Verdict::Page | Verdict::Empty => {
                Failure::Final(Refusal::Rejected {
                    status: status.as_u16(),
                    halt: format!(
                        "{said}; see source.http.url, query, body, cursor and pagination"
                    ),
                })
            }
        }
    }

    /// What to do with a body that is no page.
    fn unreadable(&self, asked: &PageRequest, error: PageError, body: &Bytes) -> Failure {
        let asked = self.asked(asked);
        let said = |body: &[u8]| {
            let text = String::from_utf8_lossy(&body[..body.len().min(SAID_BYTES_MAX)]);
            self.exchange.line(&text, SAID_CHARS_MAX)
        };
        match error {
            PageError::Passing(reason) => {
                let reason = format!("{asked} answered no page: {reason}");
                Failure::Passing { reason, after_ms: None }
            }
            PageError::Says { body, said: at } => Failure::Doubtful {
                reason: format!(
                    "{asked} answered no page, but an error: {}; if this is how it says that there \
                     are no records, or how it always answers, say so {}",
                    said(&body),
                    self.rule(&at)
                ),
            },
            PageError::Else(came) => Failure::Doubtful {
                reason: format!(
                    "{asked} answered no JSON but {}; see source.http.url, headers and auth",
                    self.exchange.line(&came, SAID_CHARS_MAX)
                ),
            },
            PageError::Doubtful(message) => {
                Failure::Doubtful { reason: format!("{asked}: {message}; it said: {}", said(body)) }
            }
            PageError::Halt(message) => halt(format!("{asked}: {message}")),
        }
    }

    /// The rule that says of an answer which is taken for an error that it is a page.
    fn rule(&self, at: &Said) -> String {
        let value = at.value.as_ref().filter(|value| value.len() <= RULE_BYTES_MAX);
        match value {
            Some(value) => {
                let rule = format!(
                    "`answers: {{ code: {}, rules: [{{ code: {}, means: page }}] }}`",
                    at.path,
                    quote(value)
                );
                format!("by {} in source.http", self.exchange.line(&rule, SAID_CHARS_MAX))
            }
            None => "by a rule in source.http.answers".to_owned(),
        }
    }

    /// A request for people: its method, its address and which page it is for.
    fn asked(&self, asked: &PageRequest) -> String {
        let url = self.shown(&asked.url);
        let page = self.exchange.line(&asked.page, SAID_CHARS_MAX);
        format!("{} {url} ({page})", asked.method())
    }

    /// The status by which the last answer refuses what was asked for, where no rule of the flow's says what
    /// it means.
    pub(super) fn refused(&self) -> Option<u16> {
        Some(self.refused.load(Relaxed)).filter(|status| *status > 0)
    }

    /// Whether the last request was given up because it took too long.
    pub(super) fn took_too_long(&self) -> bool {
        self.took_too_long.load(Relaxed)
    }

    /// Time left until a deadline, in ms.
    pub(super) fn left_ms(&self, deadline_ms: EpochMs) -> u64 {
        u64::try_from(deadline_ms.saturating_sub((self.now)())).unwrap_or(0)
    }

    /// A URL for people.
    pub(super) fn shown(&self, url: &Url) -> String {
        self.exchange.shown(url)
    }
}

impl PageRequest {
    fn method(&self) -> Method {
        if self.body.is_some() { Method::POST } else { Method::GET }
    }

    fn body(&self) -> Bytes {
        self.body.clone().unwrap_or_default()
    }
}

/// Why a body cannot be used.
pub(super) enum PageError {
    /// Perhaps it was cut short.
    Passing(String),
    /// It is no JSON, but something else.
    Else(String),
    /// It says that something failed: what it says, without records, and where.
    Says { body: Bytes, said: Said },
    /// It has no list of records, and does not say why.
    Doubtful(String),
    /// It will not get better.
    Halt(String),
}

/// Where a body says that something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The path there.
    pub(super) path: String,
    /// What stands there, where that is a plain value.
    pub(super) value: Option<String>,
}
