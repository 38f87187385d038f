//! One HTTP API that is asked by keys, for one connection.
//!
//! A result counts only for the key that stands in it (or that the address named), so that no answer,
//! and no key that an API reads as something else, can give one record what is another's.

use std::time::Duration;

use reqwest::Method;
use tidegate_core::{
    model::{Allowance, Blame, Later},
    ports::{BoxFuture, Found, LookedUp, Lookup},
};
use tokio::time::Instant;

use super::{
    answer::Results,
    classify::{Rules, Verdict},
    request::Request,
};
use crate::{
    http::{self, Answer, BodyEnd, Exchange, ExchangeError, FailureKind, NoAnswer},
    json::Picker,
    keys::Keys,
};

/// A reason is one line of at most so many characters.
const REASON_CHARS_MAX: usize = 300;
/// Largest answer, decompressed.
pub(super) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An HTTP API that is asked by keys.
pub(super) struct HttpLookup {
    pub(super) by: Picker,
    /// For messages: the path to the key.
    pub(super) by_path: String,
    /// Whether a record is merged with what is found: then it has to be asked for.
    pub(super) merges: bool,
    pub(super) keys: Keys,
    pub(super) size: usize,
    pub(super) request: Request,
    pub(super) rules: Rules,
    pub(super) results: Results,
    pub(super) method: Method,
    pub(super) exchange: Exchange,
}

impl HttpLookup {
    /// What stands where a record has its key.
    fn picked(&self, record: &[u8]) -> Option<Box<str>> {
        // What is no JSON has no key: the transform says why it is refused.
        self.keys.read(self.by.value(record)?)
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
        let left = self.exchange.left(&answer);
        *allowance = left.allowance();
        let many = asked.len() > 1;
        let status = answer.status.as_u16();
        let judged = self.rules.judge(status, &answer.body, answer.is_whole());
        let after_ms = judged.wait_ms(status, answer.after_ms(), left);
        let later = |blame, reason: String| Later {
            blame,
            after_ms,
            unknown: false,
            reason: self.exchange.line(&reason, REASON_CHARS_MAX).into(),
        };
        match self.rules.verdict(status, &answer.body, &judged, many) {
            Verdict::Missing => return Ok(vec![None; keys.len()]),
            Verdict::Later(blame) => {
                let said = judged.said(&answer.body);
                let said = if said.trim().is_empty() { "it does not say why" } else { &*said };
                return Err(later(blame, format!("the look-up answered {status}: {said}")));
            }
            Verdict::Answer if !answer.is_whole() => {
                let blame = if many { Blame::Batch } else { Blame::Request };
                let reason = format!("the look-up's answer has over {ANSWER_BYTES_MAX} bytes");
                return Err(later(blame, reason));
            }
            Verdict::Answer => {}
        }
        let found = self.results.read(&answer.body, &asked, self.keys);
        found.map_err(|fault| {
            let came = answer.instead_of_json();
            let said = came.as_ref().map(|came| format!(": {came}")).unwrap_or_default();
            later(fault.blame(many, came.is_some()), format!("{fault}{said}"))
        })
    }

    /// Sends one request and reads its answer. It is over at `until` at the latest.
    async fn send(&self, keys: &[&str], until: Instant) -> Result<Answer, Later> {
        let (url, body) = self
            .request
            .render(keys)
            .ok_or_else(|| later(Blame::Request, "the keys make no address".to_owned()))?;
        let request = http::Request::new(self.method.clone(), url, body);
        let refuses_token = |answer: &Answer| {
            let status = answer.status.as_u16();
            // Without all of its body, but for what is too long, nothing is known of an answer.
            !matches!(answer.end, BodyEnd::Broken(_))
                && self.rules.refuses_token(status, &answer.body, answer.is_whole())
        };
        let sent = self.exchange.send(&request, until, refuses_token).await;
        let many = keys.len() > 1;
        let answer = sent.map_err(|error| match error {
            ExchangeError::NoCredentials(error) => error.into(),
            ExchangeError::Held(held) => held.into(),
            ExchangeError::NoAnswer(error) => self.unanswered(error, many),
            ExchangeError::Astray(astray) => later(Blame::Connection, astray.to_string()),
        })?;
        match answer.end {
            BodyEnd::Broken(error) => Err(self.unanswered(error, many)),
            BodyEnd::Whole | BodyEnd::Cut | BodyEnd::Unread => Ok(answer),
        }
    }

    /// What the flow says of a request without an answer; else what it means by itself.
    fn unanswered(&self, error: NoAnswer, many: bool) -> Later {
        if error.is_unfit() {
            let blame = if many { Blame::Batch } else { Blame::Record };
            return later(blame, format!("the look-up: {error}"));
        }
        let ruled = error.kind.and_then(|kind| self.rules.failure(kind, many));
        let (blame, after_ms) = ruled.unwrap_or(match error.kind {
            Some(FailureKind::Connect) => (Blame::Destination, None),
            Some(FailureKind::Timeout | FailureKind::Broken) | None => (Blame::Request, None),
        });
        Later { after_ms, ..later(blame, format!("the look-up: {error}")) }
    }
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
                    "`{by}` cannot be looked up, and nothing is merged with what was not asked for: {why}"
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
