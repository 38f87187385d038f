//! Records sent over HTTP: one a request, or many.

mod bulk;
mod has;
mod results;
mod send;

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tidegate_core::{
    model::{Blame, Later, Outcome},
    ports::{Batching, BoxFuture, Delivery, Destination, Outgoing},
};
use tidegate_flow::spec::{HttpDestinationSpec, LimitsSpec, OnUnknown};
use tokio::time::Instant;

use crate::{
    Options,
    connect::{ConnectError, Resolver},
    http::{Auth, Judged, Limits, RecordUrl, Rules, ShortForms, Verdict, headers},
};
use bulk::{Bulk, bulk_key};
use has::Has;
use results::{Names, first_of_each};
use send::{Answer, Failed, Sender};

/// A reason is one line of at most so many characters.
pub(super) const REASON_CHARS_MAX: usize = 300;
/// Read of an answer that only says why.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Read of an answer that may hold a code anywhere.
const CODED_BYTES_MAX: usize = 1024 * 1024;
/// Read of an answer with a result for every record.
const RESULTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An HTTP API that takes records.
pub(crate) struct HttpDestination {
    url: RecordUrl,
    sender: Sender,
    rules: Rules,
    bulk: Option<Bulk>,
    /// How to ask whether it has a record, where the flow says so.
    has: Option<Has>,
}

impl HttpDestination {
    /// Fills in a connection's values.
    pub(crate) fn new(
        spec: &HttpDestinationSpec,
        limits: &LimitsSpec,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let url = RecordUrl::new(&spec.url, "destination.http.url", resolver)?;
        let bulk = spec.batch.as_ref().map(Bulk::new);
        if bulk.is_some() && url.names_record() {
            let message = "the address cannot name a record where a request carries many";
            return Err(ConnectError::new("destination.http.url", message));
        }
        let redactor = resolver.redactor();
        let auth =
            Auth::new(spec.auth.as_ref(), "destination.http.auth", resolver, options, &redactor)?;
        let mut headers = headers(&spec.headers, "destination.http.headers", resolver)?;
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let method = spec.method.parse().map_err(|_| {
            let message = format!("`{}` is no HTTP method", spec.method);
            ConnectError::new("destination.http.method", message)
        })?;
        let idempotency = spec.idempotency_header.as_ref().map(|name| {
            name.parse().map_err(|_| {
                let message = format!("`{name}` is no header's name");
                ConnectError::new("destination.http.idempotency_key", message)
            })
        });
        let short = ShortForms {
            duplicate: spec.duplicate.clone(),
            refuse: spec.refuse.clone(),
            retry: spec.retry_status.clone(),
        };
        let rules = Rules::new(&spec.answers, short, url.names_record());
        let limits = Limits::new(limits)?;
        let body_bytes_max = if bulk.as_ref().is_some_and(|bulk| bulk.results.is_some()) {
            RESULTS_BYTES_MAX
        } else if rules.reads_codes() || limits.reads_bodies() {
            CODED_BYTES_MAX
        } else {
            ANSWER_BYTES_MAX
        };
        let has = match &spec.on_unknown {
            OnUnknown::Lookup(has) => Some(Has::new(has, resolver, url.origin())?),
            OnUnknown::Retry | OnUnknown::Park => None,
        };
        Ok(Self {
            sender: Sender {
                http: options.http.clone(),
                method,
                headers,
                auth,
                idempotency: idempotency.transpose()?,
                timeout_ms: spec.timeout_ms,
                body_bytes_max,
                limits,
                redactor,
                now: options.now.clone(),
            },
            rules,
            url,
            bulk,
            has,
        })
    }

    /// Sends one record.
    async fn deliver_one(&self, record: &Outgoing, until: Instant) -> Delivery {
        let url = match self.url.render(&record.body) {
            Ok(url) => url,
            Err(error) => {
                let reason = self.sender.redactor.line(&error.to_string(), REASON_CHARS_MAX);
                return vec![Outcome::Refused { status: None, reason: reason.into() }].into();
            }
        };
        match self
            .sender
            .send(url, record.body.clone(), &record.key, until, |it| self.refuses_token(it))
            .await
        {
            Ok(answer) => Delivery {
                outcomes: vec![self.outcome(&answer, &self.judge(&answer))],
                allowance: answer.left.allowance(),
                in_flight: false,
            },
            Err(failed) => {
                let in_flight = failed.in_flight();
                Delivery { in_flight, ..vec![self.failed(failed)].into() }
            }
        }
    }

    /// Sends many records in one request; but of several that the answer would name alike, only the
    /// first: the others go in another.
    async fn deliver_bulk(&self, bulk: &Bulk, records: &[Outgoing], until: Instant) -> Delivery {
        let names = bulk.results.as_ref().map(|results| results.names(records)).unwrap_or_default();
        let Some(first) = first_of_each(&names) else {
            return self.deliver_named(bulk, records, &names, until).await;
        };
        let some: Vec<Outgoing> = first.iter().map(|at| records[*at].clone()).collect();
        let their_names: Names = first.iter().map(|at| names[*at].clone()).collect();
        let delivery = self.deliver_named(bulk, &some, &their_names, until).await;
        // In halves, the others may be in one without their namesakes.
        let in_parts = |outcome: &&Outcome| matches!(outcome, Outcome::Later(later) if later.blame == Blame::Batch);
        let rest =
            delivery.outcomes.first().filter(in_parts).cloned().unwrap_or_else(after_namesake);
        let mut outcomes = vec![rest; records.len()];
        for (at, outcome) in first.into_iter().zip(delivery.outcomes) {
            outcomes[at] = outcome;
        }
        Delivery { outcomes, ..delivery }
    }

    /// Sends one request. Where all are refused, or said to be there, for the sake of some, they are given
    /// back to be sent in smaller requests, each of which the application's limits count.
    async fn deliver_named(
        &self,
        bulk: &Bulk,
        records: &[Outgoing],
        names: &Names,
        until: Instant,
    ) -> Delivery {
        let all = |outcome: Outcome| vec![outcome; records.len()];
        // It names no record, so that any record's address will do.
        let url = match self.url.render(b"null") {
            Ok(url) => url,
            Err(error) => return all(Outcome::Later(request_later(error.to_string()))).into(),
        };
        let (body, key) = (bulk.body(records), bulk_key(records));
        let sent = self.sender.send(url, body, &key, until, |it| self.refuses_token(it)).await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(failed) => {
                let in_flight = failed.in_flight();
                return Delivery { in_flight, ..all(self.failed(failed)).into() };
            }
        };
        let judged = self.judge(&answer);
        let outcomes =
            self.each(bulk, names, records.len(), &answer, &judged).unwrap_or_else(|| {
                match self.outcome(&answer, &judged) {
                    // One that exists does not speak for the others: they are sent in parts, too.
                    Outcome::Refused { .. } | Outcome::Skipped(_)
                        if records.len() > 1 && !judged.unread =>
                    {
                        all(in_parts(answer.status, &self.reason(&answer, &judged)))
                    }
                    outcome => all(outcome),
                }
            });
        Delivery { outcomes, allowance: answer.left.allowance(), in_flight: false }
    }

    /// Each record's own outcome, where the answer has one for it.
    fn each(
        &self,
        bulk: &Bulk,
        names: &Names,
        records: usize,
        answer: &Answer,
        judged: &Judged<'_>,
    ) -> Option<Vec<Outcome>> {
        let results = bulk.results.as_ref()?;
        let redactor = &self.sender.redactor;
        let read = || results.read(&answer.body, records, names, answer.after_ms, redactor);
        match judged.verdict {
            Verdict::Delivered => Some(match read() {
                Ok(each) => {
                    let none = || unknown("the answer has no result for this record".to_owned());
                    each.into_iter().map(|outcome| outcome.unwrap_or_else(none)).collect()
                }
                Err(unread) => vec![unknown(unread.to_string()); records],
            }),
            // Refused, but with a result for every record: the results say more.
            Verdict::Refused => read().ok()?.into_iter().collect(),
            Verdict::Duplicate | Verdict::Token | Verdict::Later { .. } => None,
        }
    }

    fn judge<'b>(&self, answer: &'b Answer) -> Judged<'b> {
        self.rules.answer(answer.status, &answer.body, answer.whole)
    }

    /// Whether the destination does not know the token any more.
    fn refuses_token(&self, answer: &Answer) -> bool {
        self.judge(answer).verdict == Verdict::Token
    }

    /// What an answer means for everything that was sent with it.
    fn outcome(&self, answer: &Answer, judged: &Judged<'_>) -> Outcome {
        match judged.verdict {
            // No reason to be made.
            Verdict::Delivered => Outcome::Delivered,
            verdict @ (Verdict::Duplicate | Verdict::Refused) => {
                verdict.outcome(Some(answer.status), None, self.reason(answer, judged))
            }
            Verdict::Token | Verdict::Later { .. } => Outcome::Later(self.later(answer, judged)),
        }
    }

    /// What there is to wait for. Every answer that is about credentials, [`Verdict::Token`], passes
    /// here: the place to have them refreshed.
    fn later(&self, answer: &Answer, judged: &Judged<'_>) -> Later {
        let reason = format!("{}: {}", answer.status, self.reason(answer, judged));
        let after_ms = judged.wait_ms(answer.status, answer.after_ms, answer.left);
        judged.verdict.later(after_ms, reason)
    }

    /// What the flow says of a request without an answer; else what it means by itself.
    fn failed(&self, Failed { kind, later }: Failed) -> Outcome {
        match kind.and_then(|kind| self.rules.failure(kind)) {
            Some((verdict, after_ms)) => verdict.outcome(None, after_ms, later.reason.into_owned()),
            None => Outcome::Later(later),
        }
    }

    /// What the destination says, in one line, without our secrets.
    fn reason(&self, answer: &Answer, judged: &Judged<'_>) -> String {
        let line = self.sender.redactor.line(&judged.said(&answer.body), REASON_CHARS_MAX);
        if line.is_empty() { "it does not say why".to_owned() } else { line }
    }

    /// Asks whether the destination has a record.
    async fn ask(&self, record: &Outgoing, until: Instant) -> Result<bool, Later> {
        let Some(has) = &self.has else {
            return Err(request_later("the flow does not say how to ask for a record".to_owned()));
        };
        let url = has.url(record).map_err(|error| {
            request_later(self.sender.redactor.line(&error.to_string(), REASON_CHARS_MAX))
        })?;
        // To ask changes nothing, whatever becomes of the answer.
        let harmless = |later| Later { unknown: false, ..later };
        let sent = self.sender.get(url, until, |it| self.refuses_token(it)).await;
        let answer = sent.map_err(|failed| harmless(failed.later))?;
        let judged = self.judge(&answer);
        // An error inside a success would look like a record that is not there.
        let error_inside =
            (200..=299).contains(&answer.status) && judged.verdict != Verdict::Delivered;
        match has.judge(answer.status, &answer.body).filter(|_| !error_inside) {
            Some(found) => Ok(found),
            None => Err(harmless(self.later(&answer, &judged))),
        }
    }
}

/// Refused for the sake of some: each is to be sent again, among fewer.
fn in_parts(status: u16, reason: &str) -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Batch,
        after_ms: Some(0),
        unknown: false,
        reason: format!("{status}, for all of the request: {reason}").into(),
    })
}

/// A record without a result may have been taken or not.
fn unknown(reason: String) -> Outcome {
    Outcome::Later(Later { unknown: true, ..request_later(reason) })
}

/// Not sent: the answer's results would have been mistaken for one another's.
fn after_namesake() -> Outcome {
    Outcome::Later(Later {
        blame: Blame::NotAttempted,
        after_ms: Some(0),
        unknown: false,
        reason: "a record that answers name alike goes first".into(),
    })
}

fn request_later(reason: String) -> Later {
    Later { blame: Blame::Request, after_ms: None, unknown: false, reason: reason.into() }
}

impl Destination for HttpDestination {
    fn batching(&self) -> Batching {
        match &self.bulk {
            Some(bulk) => bulk.batching(self.sender.idempotency.is_some()),
            None => Batching::ONE,
        }
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let until = Instant::now() + Duration::from_millis(timeout_ms);
            if let Some(bulk) = &self.bulk {
                return self.deliver_bulk(bulk, records, until).await;
            }
            let mut outcomes = Vec::with_capacity(records.len());
            let (mut last, mut any_in_flight) = (None, false);
            for record in records {
                let Delivery { outcomes: one, allowance, in_flight } =
                    self.deliver_one(record, until).await;
                outcomes.extend(one);
                last = allowance.or(last);
                any_in_flight |= in_flight;
            }
            Delivery { outcomes, allowance: last, in_flight: any_in_flight }
        })
    }

    fn has<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        Box::pin(self.ask(record, until))
    }
}
