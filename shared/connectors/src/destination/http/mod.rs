//! `destination.http`: an HTTP API that takes records, one a request or many.

mod batch;
mod body;
mod compose;
mod deliver;
mod distinct;
mod envelope;
mod expect;
mod failures;
mod idempotency;
mod in_progress;
mod key;
mod method;
mod on_unknown;
mod order;
mod preview;
mod removal;
mod requests;
mod results;
mod success;
mod unanswered;
mod unread;
mod upsert;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{model, ports};

use super::kind::DestinationKind;
use crate::{
    error::ConnectError,
    file::{At, Fault, Findings},
    flow::Limits,
    http::{
        AdvertisedLimits, Answers, Auth, Exchange, Reads, RecordUrl, RequestPreview, Rules,
        ShortForms, Transmitter, authenticator,
    },
    options::Options,
    resolver::Resolver,
    value::{
        Enveloped, Headers, JsonTemplate, Query, RecordIs, Sent, SentText, Shape, StatusCode,
        Timeout, Url,
        template::{Part, Template},
    },
};
use batch::{Batch, Bulk};
use body::Format;
use compose::{Composer, Parts};
use deliver::HttpDestination;
use distinct::distinct;
use envelope::Envelope;
use expect::Expect;
use idempotency::IdempotencyKey;
use key::{Idempotency, KeyMaker};
use method::HttpMethod;
use on_unknown::OnUnknown;
use removal::{Deletions, Removal};
use success::Success;
use upsert::{First, Upsert};

const TIMEOUT_DEFAULT_MS: u64 = 30_000;
/// Another write of the same thing is under way.
const LOCKED: u16 = 423;
/// Read of an answer that only says why.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Read of an answer that may hold a code anywhere.
const CODED_BYTES_MAX: usize = 1024 * 1024;
/// Read of an answer with a result for every record.
const RESULTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An HTTP API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpDestination")]
pub(crate) struct Http {
    /// The address; may hold `${record.…}` unless `batch` is given: a field that `transform.map` writes, else one of the
    /// source's record. `${body.…}` is what the transform made, and nothing else.
    #[schemars(example = "${params.destination_url}/fulfillments")]
    url: Url<Sent>,
    /// Query parameters behind those of `url`; may hold `${record.…}`, of the source's record, and `${body.…}`.
    #[serde(default)]
    query: Query<Sent>,
    /// Default POST.
    #[serde(default)]
    method: HttpMethod,
    /// Headers sent with every request; may hold `${record.…}`, of the source's record, and `${body.…}` unless `batch` is
    /// given. A record without a value for one is parked.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "If-Match": "${record.etag}" }))]
    headers: Headers<Sent>,
    /// The format of bodies. Default `json`.
    #[serde(default)]
    body: Format,
    /// The body as JSON, with what the transform made where it says `${body}`, and constants beside it; may hold
    /// `${record.…}` and `${body.…}`. For a batch, there is `batch.envelope`.
    #[schemars(example = serde_json::json!({ "data": { "type": "order", "attributes": "${body}" } }))]
    envelope: Option<JsonTemplate<Enveloped>>,
    /// What is sent for a record that is a deletion; left out: what is sent for any other.
    delete: Option<Removal>,
    /// Create or update, whichever the destination asks for.
    upsert: Option<At<Upsert>>,
    /// How requests prove who sends them.
    auth: Option<Auth>,
    /// Many records in a request; left out: one record a request.
    batch: Option<Batch>,
    /// The header that carries the key by which the destination knows a repeat. Default
    /// `Idempotency-Key`; `false` leaves it out.
    idempotency_key: Option<IdempotencyKey>,
    /// How that key looks, and where it stands.
    #[serde(default)]
    idempotency: Idempotency,
    /// The longest that one request may take. Default `30s`.
    timeout: Option<Timeout>,
    /// Further status codes that refuse a record for good.
    #[serde(default)]
    refuse: Vec<At<StatusCode>>,
    /// Further status codes to try again.
    #[serde(default)]
    retry_status: Vec<At<StatusCode>>,
    /// Status codes that say that the destination has the record already. A bulk that is answered so is
    /// sent again in halves, down to the records that are there.
    #[serde(default)]
    duplicate: Vec<At<StatusCode>>,
    /// What answers mean by a code in their body, and failures by their kind.
    #[serde(default)]
    answers: Answers,
    /// What an answer of 200 to 299 has for a body: `json`, or `any` thing. One with another body has not been
    /// taken. Default `json` where the flow reads the answer, by `batch.results`, `answers.code` or
    /// `limits.body`; otherwise everything but an HTML page, which is what a gateway shows. An empty body is
    /// always right.
    expect: Option<Expect>,
    /// What becomes of a record when it is not known whether it was applied. Default `retry`.
    on_unknown: Option<At<OnUnknown>>,
}

impl DestinationKind for Http {
    fn check(&self, ordering: model::Ordering, shape: &Shape, findings: &mut Findings) {
        let lists = [
            ("refuse", self.refuse.as_slice()),
            ("retry_status", &self.retry_status),
            ("duplicate", &self.duplicate),
        ];
        distinct(&lists, |status| status.0.to_string(), findings);
        self.answers.check(findings);
        if let Some(auth) = &self.auth {
            auth.check(findings);
        }
        if let Some(batch) = &self.batch {
            batch.check(self.body, findings);
        }
        self.check_sent(shape, findings);
        if let Some(on_unknown) = &self.on_unknown {
            on_unknown.value.check(on_unknown.place, ordering, findings);
        }
    }

    fn takes_unshaped(&self, record: &[u8]) -> bool {
        let apart = match &self.batch {
            Some(batch) => batch.has_deletions(),
            None => self.delete.is_some(),
        };
        apart && self.deletions().has(record, false)
    }

    fn preview(
        &self,
        record: &ports::Outgoing,
        shape: &Shape,
        resolver: &Resolver<'_>,
    ) -> Result<Result<RequestPreview, String>, ConnectError> {
        self.compose(record, shape, resolver)
    }

    fn request_ms(&self) -> u64 {
        self.timeout_ms() + self.auth.as_ref().map_or(0, |auth| auth.asking_ms())
    }

    fn on_unknown(&self) -> model::OnUnknown {
        self.on_unknown.as_ref().map_or(model::OnUnknown::Retry, |it| it.value.protocol())
    }

    fn connect(
        &self,
        limits: &Limits,
        shape: &Shape,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn ports::Destination>, ConnectError> {
        let keys = self.keys();
        let single = self.single(shape, &keys, resolver)?;
        let bulk = self.bulk(&single, &keys, resolver)?;
        let redactor = resolver.redactor();
        let auth = authenticator(self.auth.as_ref(), "destination.http.auth", resolver, options)?;
        let headers = self.fixed_headers(resolver)?;
        let rules = Rules::new(&self.answers, self.short_forms(), single.url().names_record());
        let limits = limits.advertised();
        let has_results = self.batch.as_ref().is_some_and(Batch::has_results);
        let reads = has_results || rules.reads_codes() || limits.reads_bodies();
        let expects = Expect::of(self.expect, reads);
        let has = match &self.on_unknown {
            Some(on_unknown) => {
                on_unknown.value.question(resolver, single.url().origin(), shape)?
            }
            None => None,
        };
        Ok(Box::new(HttpDestination {
            exchange: Exchange {
                budget: None,
                transmitter: Transmitter {
                    http: options.http.clone(),
                    headers,
                    reads: Reads::Everything,
                    body_bytes_max: self.answer_bytes_max(&rules, &limits),
                    redactor,
                    now: options.now.clone(),
                    witness: options.witness.clone(),
                },
                origin: single.url().origin().clone(),
                auth,
                timeout_ms: self.timeout_ms(),
                limits,
            },
            has_key: keys.header.is_some(),
            removal: self.removal(shape, &keys, resolver)?,
            follow: self.follow(shape, &keys, resolver)?,
            deletions: self.deletions(),
            rules,
            single,
            bulk,
            has,
            success: Success { expects, is_bulk: self.batch.is_some(), has_results },
        }))
    }
}

impl Http {
    fn timeout_ms(&self) -> u64 {
        self.timeout.map_or(TIMEOUT_DEFAULT_MS, |timeout| timeout.0)
    }

    fn short_forms(&self) -> ShortForms {
        let codes =
            |list: &[At<StatusCode>]| -> Vec<u16> { list.iter().map(|at| at.value.0).collect() };
        ShortForms {
            duplicate: codes(&self.duplicate),
            refuse: codes(&self.refuse),
            // Locked (RFC 4918, section 11.3): another write of it is under way.
            retry: codes(&self.retry_status).into_iter().chain([LOCKED]).collect(),
        }
    }

    /// How much of an answer has to be read for all that it may say.
    fn answer_bytes_max(&self, rules: &Rules, limits: &AdvertisedLimits) -> usize {
        // A bulk's answer may list failures that the flow does not know of.
        if self.batch.is_some() {
            RESULTS_BYTES_MAX
        } else if rules.reads_codes() || limits.reads_bodies() {
            CODED_BYTES_MAX
        } else {
            ANSWER_BYTES_MAX
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::{file, testing::section};

    fn http(keys: Value) -> Http {
        let mut all = json!({ "url": "https://b.example/y" });
        all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        section(all)
    }

    fn faults(http: &Http, ordering: model::Ordering) -> Vec<String> {
        let mut findings = Findings::default();
        http.check(ordering, &Shape::Same, &mut findings);
        findings.faults.into_iter().map(|file::Fault { message, .. }| message).collect()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let http = http(json!({}));
        assert_eq!(Method::from(http.method), Method::POST);
        assert_eq!((http.request_ms(), http.on_unknown()), (30_000, model::OnUnknown::Retry));
        assert_eq!(faults(&http, model::Ordering::None), Vec::<String>::new());
    }

    #[test]
    fn statuses_alone_come_to_the_short_forms() {
        let http = http(json!({
            "method": "PUT", "timeout": "10s", "refuse": [410], "retry_status": [422], "duplicate": [409],
        }));
        assert_eq!(Method::from(http.method), Method::PUT);
        assert_eq!(http.request_ms(), 10_000);
        let ShortForms { duplicate, refuse, retry } = http.short_forms();
        assert_eq!((duplicate, refuse, retry), (vec![409], vec![410], vec![422, 423]));
        assert_eq!(faults(&http, model::Ordering::Entity), Vec::<String>::new());
    }

    #[test]
    fn unknown_outcomes_are_retried_parked_or_looked_up() {
        let lookup = json!({ "lookup": { "url": "https://b.example/y/${idempotency_key}" } });
        for (on_unknown, protocol) in [
            (json!("retry"), model::OnUnknown::Retry),
            (json!("park"), model::OnUnknown::Park),
            (lookup, model::OnUnknown::LookUp),
        ] {
            let http = http(json!({ "on_unknown": on_unknown }));
            assert_eq!(http.on_unknown(), protocol);
            assert_eq!(faults(&http, model::Ordering::Entity), Vec::<String>::new());
            let without_ledger = faults(&http, model::Ordering::None).len();
            assert_eq!(without_ledger, usize::from(protocol != model::OnUnknown::Retry));
        }
    }
}
