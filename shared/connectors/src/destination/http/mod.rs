//! Records sent over HTTP: one a request, or many.

mod bulk;
mod classify;
mod results;
mod send;

use std::{ops::Range, time::Duration};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::{Batching, BoxFuture, Delivery, Destination, Outgoing},
};
use tidegate_flow::spec::HttpDestinationSpec;
use tokio::time::Instant;

use crate::{
    Options,
    connect::{ConnectError, Resolver},
    http::{Auth, RecordUrl, headers},
};
use bulk::{Bulk, bulk_key};
use classify::{Rules, Verdict};
use send::{Answer, Sender};

/// A reason is one line of at most so many characters.
pub(super) const REASON_CHARS_MAX: usize = 300;
/// Read of an answer that only says why.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Read of an answer with a result for every record.
const RESULTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An HTTP API that takes records.
pub(crate) struct HttpDestination {
    url: RecordUrl,
    sender: Sender,
    rules: Rules,
    bulk: Option<Bulk>,
}

impl HttpDestination {
    /// Fills in a connection's values.
    pub(crate) fn new(
        spec: &HttpDestinationSpec,
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
        let with_results = bulk.as_ref().is_some_and(|bulk| bulk.results.is_some());
        Ok(Self {
            sender: Sender {
                http: options.http.clone(),
                method,
                headers,
                auth,
                idempotency: idempotency.transpose()?,
                timeout_ms: spec.timeout_ms,
                body_bytes_max: if with_results { RESULTS_BYTES_MAX } else { ANSWER_BYTES_MAX },
                redactor,
                now: options.now.clone(),
            },
            rules: Rules {
                duplicate: spec.duplicate.clone(),
                refuse: spec.refuse.clone(),
                retry: spec.retry_status.clone(),
                names_record: url.names_record(),
            },
            url,
            bulk,
        })
    }

    /// Sends one record.
    async fn deliver_one(&self, record: &Outgoing, until: Instant) -> Outcome {
        let url = match self.url.render(&record.body) {
            Ok(url) => url,
            Err(error) => {
                let reason = self.sender.redactor.line(&error.to_string(), REASON_CHARS_MAX);
                return Outcome::Refused { status: None, reason: reason.into() };
            }
        };
        match self.sender.send(url, record.body.clone(), &record.key, until).await {
            Ok(answer) => self.outcome(&answer),
            Err(later) => Outcome::Later(later),
        }
    }

    /// Sends many records in one request. Where all are refused for the sake of some, halves are
    /// sent again, down to single records: only the bad ones are parked.
    async fn deliver_bulk(
        &self,
        bulk: &Bulk,
        records: &[Outgoing],
        until: Instant,
    ) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; records.len()];
        let mut left: Vec<Range<usize>> = std::iter::once(0..records.len()).collect();
        while let Some(range) = left.pop() {
            let part = &records[range.clone()];
            let verdict = self.send_bulk(bulk, part, until).await;
            match verdict {
                Whole::Split if range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    left.push(middle..range.end);
                    left.push(range.start..middle);
                }
                Whole::Split => unreachable!("a single record is never split"),
                Whole::Each(part) => {
                    for (index, outcome) in range.zip(part) {
                        outcomes[index] = Some(outcome);
                    }
                }
                Whole::Stop(later) => {
                    // The rest would fare no better now, but nothing of it was sent and not refused.
                    for index in left.drain(..).flatten() {
                        let unsent = Later { unknown: false, ..later.clone() };
                        outcomes[index] = Some(Outcome::Later(unsent));
                    }
                    for index in range {
                        outcomes[index] = Some(Outcome::Later(later.clone()));
                    }
                }
            }
        }
        outcomes.into_iter().map(|outcome| outcome.expect("every range was answered")).collect()
    }

    async fn send_bulk(&self, bulk: &Bulk, records: &[Outgoing], until: Instant) -> Whole {
        // It names no record, so that any record's address will do.
        let url = match self.url.render(b"null") {
            Ok(url) => url,
            Err(error) => return Whole::Stop(request_later(error.to_string())),
        };
        let sent = self.sender.send(url, bulk.body(records), &bulk_key(records), until).await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(later) => return Whole::Stop(later),
        };
        let verdict = self.rules.verdict(answer.status);
        if let Some(results) = &bulk.results {
            let read =
                results.read(&answer.body, records.len(), answer.after_ms, &self.sender.redactor);
            match (verdict, read) {
                (Verdict::Delivered, Some(each)) => {
                    return Whole::Each(each.into_iter().map(or_later).collect());
                }
                (Verdict::Delivered, None) => {
                    let none = records.iter().map(|_| or_later(None));
                    return Whole::Each(none.collect());
                }
                // Refused, but with a result for every record: the results say more.
                (Verdict::Refused, Some(each)) if each.iter().all(Option::is_some) => {
                    return Whole::Each(each.into_iter().flatten().collect());
                }
                _ => {}
            }
        }
        match self.outcome(&answer) {
            Outcome::Refused { .. } if records.len() > 1 => Whole::Split,
            Outcome::Later(later) => Whole::Stop(later),
            outcome => Whole::Each(vec![outcome; records.len()]),
        }
    }

    /// What an answer means for everything that was sent with it.
    fn outcome(&self, answer: &Answer) -> Outcome {
        match self.rules.verdict(answer.status) {
            Verdict::Delivered => Outcome::Delivered,
            Verdict::Duplicate => Outcome::Skipped(SkipReason::Duplicate),
            Verdict::Refused => {
                Outcome::Refused { status: Some(answer.status), reason: self.reason(answer).into() }
            }
            Verdict::Later { blame, unknown } => Outcome::Later(Later {
                blame,
                after_ms: answer.after_ms,
                unknown,
                reason: format!("{}: {}", answer.status, self.reason(answer)).into(),
            }),
        }
    }

    /// What the destination says, in one line, without our secrets.
    fn reason(&self, answer: &Answer) -> String {
        let said = String::from_utf8_lossy(&answer.body);
        let line = self.sender.redactor.line(&said, REASON_CHARS_MAX);
        if line.is_empty() { "it does not say why".to_owned() } else { line }
    }
}

/// What came of one bulk request.
enum Whole {
    /// An outcome for each of its records.
    Each(Vec<Outcome>),
    /// Refused as a whole: smaller parts may pass.
    Split,
    /// Not now, for it and for whatever would follow.
    Stop(Later),
}

/// A record without a result may have been taken or not.
fn or_later(outcome: Option<Outcome>) -> Outcome {
    outcome.unwrap_or_else(|| {
        Outcome::Later(Later {
            blame: Blame::Request,
            after_ms: None,
            unknown: true,
            reason: "the answer has no result for this record".into(),
        })
    })
}

fn request_later(reason: String) -> Later {
    Later { blame: Blame::Request, after_ms: None, unknown: false, reason: reason.into() }
}

impl Destination for HttpDestination {
    fn batching(&self) -> Batching {
        match &self.bulk {
            Some(bulk) => Batching { records_max: bulk.records_max, bytes_max: bulk.bytes_max },
            None => Batching { records_max: 1, bytes_max: usize::MAX },
        }
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let until = Instant::now() + Duration::from_millis(timeout_ms);
            if let Some(bulk) = &self.bulk {
                return self.deliver_bulk(bulk, records, until).await.into();
            }
            let mut outcomes = Vec::with_capacity(records.len());
            for record in records {
                outcomes.push(self.deliver_one(record, until).await);
            }
            outcomes.into()
        })
    }
}
