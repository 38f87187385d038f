//! The one place where a request leaves: sent with its credentials, and its answer read within bounds.

use std::{sync::Arc, time::Duration};

use reqwest::header::HeaderMap;
use tokio::time::{Instant, timeout_at};
use url::Url;

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
        let answer = match self.reads {
            Reads::Nothing | Reads::Everything => {
                *sent.timeout_mut() = Some(timeout);
                self.answer(self.http.inner(), sent, &request.url).await
            }
            // What is left of a file comes when it comes: the client's own bound would end that too.
            Reads::Failures => {
                let client = self.http.as_it_is().map_err(NoAnswer::unfit)?;
                let answer = self.answer(client, sent, &request.url);
                let answer = timeout_at(Instant::now() + timeout, answer).await;
                answer.unwrap_or_else(|_| Err(NoAnswer::timed_out()))
            }
        };
        if let (Some(witness), Some((request, proved))) = (&self.witness, &shown) {
            witness::show(&**witness, &self.redactor, (request, *proved), answer.as_ref());
        }
        answer
    }

    async fn answer(
        &self,
        client: &reqwest::Client,
        sent: reqwest::Request,
        url: &Url,
    ) -> Result<Answer, NoAnswer> {
        let response = client.execute(sent).await;
        let response = response.map_err(|error| NoAnswer::of(error, &self.redactor))?;
        let (bounds, arrived_ms) = ((self.reads, self.body_bytes_max), (self.now)());
        Ok(Answer::of(response, url.clone(), arrived_ms, bounds, &self.redactor).await)
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
