//! The one place where a request leaves: sent with its credentials, and its answer read within bounds.

use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::{
    Redactor,
    answer::{Answer, Reads},
    client::HttpClient,
    no_answer::NoAnswer,
    proof::Proof,
    request::Request,
};
use crate::Now;

/// The client holds no longer address. Most servers take 8,000.
const URL_BYTES_MAX: usize = 65_000;

/// How the requests of one section are sent.
#[derive(Clone)]
pub(crate) struct Transmitter {
    pub(crate) http: HttpClient,
    /// Every request has them.
    pub(crate) headers: HeaderMap,
    /// Which bodies are read.
    pub(crate) reads: Reads,
    /// Read of one answer's body, decompressed; the rest is left.
    pub(crate) body_bytes_max: usize,
    pub(crate) redactor: Redactor,
    pub(crate) now: Now,
}

impl Transmitter {
    /// Sends a request once and reads its answer, whatever its status. It is over, answered or not,
    /// after `timeout_max` and at `until` at the latest.
    ///
    /// # Errors
    /// Where no answer came: see [`NoAnswer`]. A body that breaks off is an answer's: see [`Answer::end`].
    pub(crate) async fn send(
        &self,
        request: &Request,
        proof: &dyn Proof,
        until: Instant,
        timeout_max: Duration,
    ) -> Result<Answer, NoAnswer> {
        let timeout = until.saturating_duration_since(Instant::now()).min(timeout_max);
        if timeout.is_zero() {
            return Err(NoAnswer::out_of_time());
        }
        if request.url.as_str().len() > URL_BYTES_MAX {
            return Err(NoAnswer::unfit("its address has over 65,000 bytes"));
        }
        let headers = both(&self.headers, &request.headers);
        let mut outgoing = Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers,
            body: request.body.clone(),
        };
        proof.prove(&mut outgoing, (self.now)());
        let mut sent = reqwest::Request::new(outgoing.method, outgoing.url);
        *sent.headers_mut() = outgoing.headers;
        *sent.body_mut() = Some(outgoing.body.into());
        *sent.timeout_mut() = Some(timeout);
        let sent = self.http.inner().execute(sent).await;
        let response = sent.map_err(|error| NoAnswer::of(error, &self.redactor))?;
        let bounds = (self.reads, self.body_bytes_max);
        let arrived_ms = (self.now)();
        Ok(Answer::of(response, request.url.clone(), arrived_ms, bounds, &self.redactor).await)
    }
}

/// The headers of a section, and a request's own; of two of a name the request's count.
fn both(section: &HeaderMap, own: &HeaderMap) -> HeaderMap {
    let mut headers = section.clone();
    for name in own.keys() {
        headers.remove(name);
        for value in own.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}
