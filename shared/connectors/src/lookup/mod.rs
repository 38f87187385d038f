//! Look-ups: what another system knows of many records, asked for over HTTP in one request.
//!
//! A result counts only for the key that stands in it (or that the address named), so that no answer,
//! and no key that an API reads as something else, can give one record what is another's.
//!
//! Where the flow has a `cache`, [`cached`] stands before the requests.

mod answer;
mod cached;
mod classify;
mod flights;
mod memory;
mod request;
mod scope;
mod shelved;

use std::time::Duration;

use bytes::Bytes;
use jiter::Jiter;
use reqwest::{
    Method, Response,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use tidegate_core::{
    model::{Allowance, Blame, Later},
    ports::{BoxFuture, Found, LookedUp, Lookup},
};
use tidegate_flow::{
    Connection, FlowSpec,
    spec::{FailureKind, LookupSpec},
};
use tokio::time::Instant;

use crate::{
    HttpClient, Now, Options,
    connect::{ConnectError, Resolver},
    http::{Auth, Left, Limits, Proof, Redactor, describe, failure, headers, retry_after_ms},
    json::Trie,
    keys::Keys,
};
use answer::Results;
use cached::CachedLookup;
use classify::{Rules, Verdict};
use request::Request;

pub use memory::LookupCache;

/// A reason is one line of at most so many characters.
const REASON_CHARS_MAX: usize = 300;
/// Largest answer, decompressed.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A flow's look-up, if it has one.
pub(crate) fn build(
    flow: &FlowSpec,
    connection: &Connection,
    resolver: &Resolver<'_>,
    options: &Options,
) -> Result<Option<Box<dyn Lookup>>, ConnectError> {
    let Some(spec) = &flow.lookup else { return Ok(None) };
    let http = HttpLookup::new(spec, flow, resolver, options)?;
    Ok(Some(match spec.cache_ms {
        Some(cache_ms) => Box::new(CachedLookup::new(http, cache_ms, flow, connection, options)),
        None => Box::new(http),
    }))
}

/// An HTTP API that is asked by keys.
struct HttpLookup {
    by: Trie,
    /// For messages: the path to the key.
    by_path: String,
    /// Whether a record is merged with what is found: then it has to be asked for.
    merges: bool,
    keys: Keys,
    size: usize,
    request: Request,
    rules: Rules,
    results: Results,
    http: HttpClient,
    method: Method,
    headers: HeaderMap,
    auth: Auth,
    /// For one request, in ms.
    timeout_ms: u64,
    /// Where answers say what is left.
    limits: Limits,
    redactor: Redactor,
    now: Now,
}

impl HttpLookup {
    /// Fills in a connection's values.
    fn new(
        spec: &LookupSpec,
        flow: &FlowSpec,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let http = &spec.http;
        let mut by = Trie::new();
        by.add(&spec.by);
        let request = Request::new(http, resolver)?;
        let redactor = resolver.redactor();
        let auth = Auth::new(http.auth.as_ref(), "lookup.http.auth", resolver, options, &redactor)?;
        let mut headers = headers(&http.headers, "lookup.http.headers", resolver)?;
        if let Some(kind) = request.content_type() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        }
        let method = http.method.parse().map_err(|_| {
            let message = format!("`{}` is no HTTP method", http.method);
            ConnectError::new("lookup.http.method", message)
        })?;
        Ok(Self {
            by,
            by_path: spec.by.join("."),
            merges: flow.transform.merges(),
            keys: Keys { ignore_case: spec.ignore_case },
            size: spec.size.max(1),
            request,
            rules: Rules::new(http),
            results: Results::new(http),
            http: options.http.clone(),
            method,
            headers,
            auth,
            timeout_ms: http.timeout_ms,
            limits: Limits::new(&flow.limits)?,
            redactor,
            now: options.now.clone(),
        })
    }

    /// What stands where a record has its key.
    fn picked(&self, record: &[u8]) -> Option<Box<str>> {
        let mut picked = vec![None; self.by.slots()];
        let mut json = Jiter::new(record);
        // What is no JSON has no key: the transform says why it is refused.
        self.by.pick(&mut json, &mut picked).ok()?;
        self.keys.read(&record[picked.pop()??])
    }

    /// What stands under each of the keys.
    async fn find(
        &self,
        keys: &[Box<str>],
        until: Instant,
        allowance: &mut Option<Allowance>,
    ) -> Result<Vec<Found>, Later> {
        let asked: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let answer = self.send(&asked, until).await?;
        *allowance = answer.left.allowance();
        let many = asked.len() > 1;
        let judged = self.rules.judge(answer.status, &answer.body, !answer.cut);
        let after_ms = judged.wait_ms(answer.status, answer.after_ms, answer.left);
        let later = |blame, reason: String| Later {
            blame,
            after_ms,
            unknown: false,
            reason: self.redactor.line(&reason, REASON_CHARS_MAX).into(),
        };
        match self.rules.verdict(answer.status, &answer.body, &judged, many) {
            Verdict::Missing => return Ok(vec![None; keys.len()]),
            Verdict::Later(blame) => {
                let said = judged.said(&answer.body);
                let said = if said.trim().is_empty() { "it does not say why" } else { &*said };
                return Err(later(
                    blame,
                    format!("the look-up answered {}: {said}", answer.status),
                ));
            }
            Verdict::Answer if answer.cut => {
                let blame = if many { Blame::Batch } else { Blame::Request };
                let reason = format!("the look-up's answer has over {ANSWER_BYTES_MAX} bytes");
                return Err(later(blame, reason));
            }
            Verdict::Answer => {}
        }
        let found = self.results.read(&answer.body, &asked, self.keys);
        found.map_err(|fault| later(fault.blame(many), fault.to_string()))
    }

    /// Sends one request and reads its answer; once more, with a newer token, where the answer says that
    /// the token is not known any more. It is over at `until` at the latest.
    async fn send(&self, keys: &[&str], until: Instant) -> Result<Answer, Later> {
        let proof = self.auth.proof(until).await?;
        let answer = self.send_once(keys, &proof, until).await?;
        if !self.rules.refuses_token(answer.status, &answer.body, !answer.cut) {
            return Ok(answer);
        }
        match self.auth.renewed(&proof, until).await? {
            Some(newer) => self.send_once(keys, &newer, until).await,
            None => Ok(answer),
        }
    }

    async fn send_once(
        &self,
        keys: &[&str],
        proof: &Proof,
        until: Instant,
    ) -> Result<Answer, Later> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(later(Blame::Request, "no time was left to look it up".to_owned()));
        }
        let (mut url, body) = self
            .request
            .render(keys)
            .ok_or_else(|| later(Blame::Request, "the keys make no address".to_owned()))?;
        proof.address(&mut url);
        let mut headers = self.headers.clone();
        proof.head(&mut headers);
        let sent = self
            .http
            .inner()
            .request(self.method.clone(), url)
            .headers(headers)
            .body(body)
            .timeout(left.min(Duration::from_millis(self.timeout_ms)))
            .send()
            .await;
        let failed = |error| self.failed(error, keys.len() > 1);
        let response = sent.map_err(failed)?;
        let status = response.status().as_u16();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after_ms = after.and_then(|value| retry_after_ms(value, (self.now)()));
        let mut left = self.limits.headers(response.headers(), (self.now)());
        let (body, cut) = read(response).await.map_err(failed)?;
        if self.limits.reads_bodies() {
            left = self.limits.with_body(left, &body);
        }
        Ok(Answer { status, after_ms, left, body, cut })
    }

    /// What the flow says of a request without an answer; else what it means by itself.
    fn failed(&self, error: reqwest::Error, many: bool) -> Later {
        let kind = failure(&error);
        let ruled = kind.and_then(|kind| self.rules.failure(kind, many));
        let (blame, after_ms) = ruled.unwrap_or(match kind {
            Some(FailureKind::Connect) => (Blame::Destination, None),
            Some(FailureKind::Timeout | FailureKind::Broken) | None => (Blame::Request, None),
        });
        let reason = format!("the look-up: {}", describe(error, &self.redactor));
        Later { after_ms, ..later(blame, reason) }
    }
}

/// What the API said.
struct Answer {
    status: u16,
    /// How long it asked us to wait, in ms.
    after_ms: Option<u64>,
    /// What it still permits.
    left: Left,
    /// As much of its body as is read.
    body: Bytes,
    /// Whether there was more.
    cut: bool,
}

/// Reads a body up to the limit, with whether it went on.
async fn read(mut response: Response) -> Result<(Bytes, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = ANSWER_BYTES_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body.into(), true));
        }
    }
    Ok((body.into(), false))
}

/// A look-up changes nothing, so that its outcome is never unknown.
fn later(blame: Blame, reason: String) -> Later {
    Later { blame, after_ms: None, unknown: false, reason: reason.into() }
}

impl Lookup for HttpLookup {
    fn keys_max(&self) -> usize {
        self.size
    }

    fn key(&self, record: &[u8]) -> Result<Option<Box<str>>, Box<str>> {
        let Some(key) = self.picked(record) else { return Ok(None) };
        match self.request.cannot_hold(&key) {
            None => Ok(Some(key)),
            Some(why) if self.merges => {
                let by = &self.by_path;
                let reason = format!(
                    "`{by}` cannot be looked up, and nothing is merged with what nobody asked for: {why}"
                );
                Err(reason.into())
            }
            // Nothing is known of it, and nothing is overwritten for that.
            Some(_) => Ok(None),
        }
    }

    fn look_up<'a>(&'a self, keys: &'a [Box<str>], timeout_ms: u64) -> BoxFuture<'a, LookedUp> {
        Box::pin(async move {
            let until = Instant::now() + Duration::from_millis(timeout_ms);
            let mut allowance = None;
            let found = self.find(keys, until, &mut allowance).await;
            LookedUp { found, allowance }
        })
    }
}
