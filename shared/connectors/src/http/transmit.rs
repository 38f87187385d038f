//! The one place where a request leaves: sent with its credentials, and its answer read within bounds.

use std::{sync::Arc, time::Duration};

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::{
    Redactor,
    answer::{Answer, Reads},
    client::HttpClient,
    no_answer::NoAnswer,
    proof::Proof,
    request::Request,
    witness::{self, Witness},
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
    /// Is shown every request and its answer.
    pub(crate) witness: Option<Arc<dyn Witness>>,
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
        let unproved = self.witness.as_ref().map(|_| outgoing.clone());
        proof.prove(&mut outgoing, (self.now)());
        let shown = unproved.map(|unproved| {
            let proved = unproved.headers != outgoing.headers || unproved.url != outgoing.url;
            (unproved, proved)
        });
        let mut sent = reqwest::Request::new(outgoing.method, outgoing.url);
        *sent.headers_mut() = outgoing.headers;
        *sent.body_mut() = Some(outgoing.body.into());
        *sent.timeout_mut() = Some(timeout);
        let answer = match self.http.inner().execute(sent).await {
            Err(error) => Err(NoAnswer::of(error, &self.redactor)),
            Ok(response) => {
                let (bounds, url) = ((self.reads, self.body_bytes_max), request.url.clone());
                let arrived_ms = (self.now)();
                Ok(Answer::of(response, url, arrived_ms, bounds, &self.redactor).await)
            }
        };
        if let (Some(witness), Some((request, proved))) = (&self.witness, &shown) {
            witness::show(&**witness, &self.redactor, (request, *proved), answer.as_ref());
        }
        answer
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
