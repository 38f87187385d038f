//! One exchange with an API: proved, sent, renewed once, led on where that is allowed, read within bounds.
//!
//! Sources, marks, destinations and look-ups send by it, each by its own. What an answer means, when it is
//! worth another try and what it costs is the caller's.

use std::{sync::Arc, time::Duration};

use reqwest::{StatusCode, header::LOCATION};
use tokio::time::Instant;
use url::Url;

use super::{
    Origin,
    answer::Answer,
    auth::{AuthError, Authenticator},
    budget::{Held, RequestBudget},
    limits::{Advertised, AdvertisedLimits},
    no_answer::NoAnswer,
    proof::Proof,
    request::Request,
    transmit::Transmitter,
};

/// Redirects followed for one request.
const REDIRECTS_MAX: u32 = 5;

/// Sends the requests of one section with its credentials.
pub(crate) struct Exchange {
    pub(crate) transmitter: Transmitter,
    /// Nothing leaves for another one.
    pub(crate) origin: Origin,
    pub(crate) auth: Authenticator,
    /// For one request, in ms.
    pub(crate) timeout_ms: u64,
    /// Where answers say what is left.
    pub(crate) limits: AdvertisedLimits,
    /// What every request asks for leave first, where the flow limits them.
    pub(crate) budget: Option<Arc<RequestBudget>>,
}

/// Why there is no answer. Reasons are one line, without secrets.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// Nothing was sent: there are no credentials.
    NoCredentials(AuthError),
    /// Nothing was sent: the limits do not permit it now.
    Held(Held),
    /// See [`NoAnswer::kind`] for how far it got.
    NoAnswer(NoAnswer),
    /// The address leads nowhere that a request may go.
    Astray(Astray),
}

/// Why an address is not followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Astray {
    /// Credentials would go there, or something inside the network be fetched.
    #[error("to {to}, but only {origin} may see the credentials")]
    Elsewhere { to: String, origin: Origin },
    /// Only 307 and 308 say that the body is to be sent there again (RFC 9110, section 15.4).
    #[error("{from} answered {status}, which takes no body along")]
    DropsBody { from: String, status: StatusCode },
    #[error("{from} redirects without an address")]
    NoAddress { from: String },
    #[error("{from} redirects more than {REDIRECTS_MAX} times")]
    TooOften { from: String },
}

impl Exchange {
    /// Another one with the same credentials and the same budget, for the same origin.
    pub(crate) fn beside(&self, limits: AdvertisedLimits) -> Self {
        Self {
            transmitter: self.transmitter.clone(),
            origin: self.origin.clone(),
            auth: self.auth.clone(),
            timeout_ms: self.timeout_ms,
            limits,
            budget: self.budget.clone(),
        }
    }

    /// Sends a request; once more, with a newer token, where `refuses_token` finds that the answer says
    /// that the token is not known any more: then nothing was applied. It is over, answered or not, at
    /// `until` at the latest.
    pub(crate) async fn send(
        &self,
        request: &Request,
        until: Instant,
        refuses_token: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, ExchangeError> {
        self.send_counted(request, until, refuses_token, &mut 0).await
    }

    /// Sends a request as [`Self::send`] does, and again wherever redirects of the same origin lead. Counts
    /// all that are sent.
    pub(crate) async fn follow(
        &self,
        mut request: Request,
        until: Instant,
        refuses_token: impl Fn(&Answer) -> bool,
        sent: &mut u32,
    ) -> Result<Answer, ExchangeError> {
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.send_counted(&request, until, &refuses_token, sent).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            request.url = self.next(&request, &answer).map_err(ExchangeError::Astray)?;
        }
        let from = self.shown(&request.url);
        Err(ExchangeError::Astray(Astray::TooOften { from }))
    }

    /// What an answer says is left.
    pub(crate) fn left(&self, answer: &Answer) -> Advertised {
        self.limits.left(&answer.headers, &answer.body, answer.arrived_ms)
    }

    /// The answer asks to be left in peace for so long: so are all who share the budget, if there is one.
    pub(crate) async fn hold_back(&self, wait_ms: u64) {
        if let Some(budget) = &self.budget {
            budget.hold_back(wait_ms).await;
        }
    }

    /// A URL for people.
    pub(crate) fn shown(&self, url: &Url) -> String {
        self.transmitter.redactor.url(url)
    }

    /// One line of at most `chars_max` characters without any secret.
    pub(crate) fn line(&self, text: &str, chars_max: usize) -> String {
        self.transmitter.redactor.line(text, chars_max)
    }

    async fn send_counted(
        &self,
        request: &Request,
        until: Instant,
        refuses_token: impl Fn(&Answer) -> bool,
        sent: &mut u32,
    ) -> Result<Answer, ExchangeError> {
        // Every address passes here, wherever it came from.
        if !self.origin.has(&request.url) {
            let (to, origin) = (self.shown(&request.url), self.origin.clone());
            return Err(ExchangeError::Astray(Astray::Elsewhere { to, origin }));
        }
        let proof = self.auth.proof(until).await?;
        let answer = self.transmit(request, &*proof, until, sent).await?;
        if !refuses_token(&answer) {
            return Ok(answer);
        }
        match self.auth.renewed(&*proof, until).await? {
            Some(newer) => self.transmit(request, &*newer, until, sent).await,
            None => Ok(answer),
        }
    }

    async fn transmit(
        &self,
        request: &Request,
        proof: &dyn Proof,
        until: Instant,
        sent: &mut u32,
    ) -> Result<Answer, ExchangeError> {
        let timeout_max = Duration::from_millis(self.timeout_ms);
        let leave = match &self.budget {
            Some(budget) => Some((budget, budget.leave(until).await?)),
            None => None,
        };
        let answered = self.transmitter.send(request, proof, until, timeout_max).await;
        if let Some((budget, leave)) = leave {
            let left = answered.as_ref().ok().map(|answer| self.left(answer));
            budget.ended(leave, left.and_then(Advertised::allowance)).await;
        }
        // Of those that were never sent, no API knows.
        let left = answered.as_ref().err().is_none_or(|error| error.kind.is_some());
        *sent += u32::from(left);
        Ok(answered?)
    }

    /// Where a redirect leads.
    fn next(&self, request: &Request, answer: &Answer) -> Result<Url, Astray> {
        let from = self.shown(&request.url);
        let status = answer.status;
        if !request.body.is_empty() && !matches!(status.as_u16(), 307 | 308) {
            return Err(Astray::DropsBody { from, status });
        }
        let location = answer.header(LOCATION);
        let url = location.and_then(|location| request.url.join(location).ok());
        url.ok_or(Astray::NoAddress { from })
    }
}

impl From<AuthError> for ExchangeError {
    fn from(error: AuthError) -> Self {
        Self::NoCredentials(error)
    }
}

impl From<Held> for ExchangeError {
    fn from(held: Held) -> Self {
        Self::Held(held)
    }
}

impl From<NoAnswer> for ExchangeError {
    fn from(error: NoAnswer) -> Self {
        Self::NoAnswer(error)
    }
}
