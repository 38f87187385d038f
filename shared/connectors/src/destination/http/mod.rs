//! `destination.http`: an HTTP API that takes records, one a request or many.

mod batch;
mod body;
mod compose;
mod deliver;
mod deliver_items;
mod distinct;
mod endpoint;
mod envelope;
mod expect;
mod failures;
mod find;
mod follow;
mod idempotency;
mod in_progress;
mod items;
mod key;
mod method;
mod namesakes;
mod on_unknown;
mod order;
mod preview;
mod removal;
mod requests;
mod results;
mod router;
mod routes;
mod slots;
mod split;
mod success;
mod unanswered;
mod unread;
mod upsert;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{self, OnUnknown::LookUp},
    ports,
};

use super::kind::DestinationKind;
use crate::{
    error::ConnectError,
    file::{At, Fault, Findings, Place},
    flow::Limits,
    http::{
        AdvertisedLimits, Answers, Auth, Exchange, Reads, RecordUrl, RequestPreview, Rules,
        ShortForms, Transmitter, authenticator,
    },
    options::Options,
    resolver::Resolver,
    transform::Condition,
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
use find::Find;
use follow::Follow;
use idempotency::IdempotencyKey;
use items::Items;
use key::{Idempotency, KeyMaker};
use method::HttpMethod;
use on_unknown::OnUnknown;
use removal::{Deletions, Removal};
use router::{Routed, Router};
use routes::{Otherwise, Route};
use split::Split;
use success::Success;
use upsert::{First, Upsert};

const TIMEOUT_DEFAULT_MS: u64 = 30_000;
/// Another write of the same thing is under way.
const LOCKED: u16 = 423;
/// Read of an answer that only says why.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Read of an answer that may hold a code anywhere, or what the next request goes by.
const CODED_BYTES_MAX: usize = 1024 * 1024;
/// Read of an answer with a result for every record.
const RESULTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An HTTP API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpDestination")]
pub(crate) struct Http {
    /// The address, left out where each of `routes` has its own; may hold `${record.…}` unless `batch` is given: a field that `transform.map` writes, else one of the
    /// source's record. `${body.…}` is what the transform made, and nothing else.
    #[schemars(example = "${params.destination_url}/fulfillments")]
    url: Option<Url<Sent>>,
    /// Query parameters behind those of `url`; may hold `${record.…}`, of the source's record, and `${body.…}`.
    #[serde(default)]
    query: Query<Sent>,
    /// Default POST.
    method: Option<HttpMethod>,
    /// Headers sent with every request; may hold `${record.…}`, of the source's record, and `${body.…}` unless `batch` is
    /// given. A record without a value for one is parked.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "If-Match": "${record.etag}" }))]
    headers: Headers<Sent>,
    /// The format of bodies. Default `json`.
    body: Option<Format>,
    /// The body as JSON, with what the transform made where it says `${body}`, and constants beside it; may hold
    /// `${record.…}` and `${body.…}`. For a batch, there is `batch.envelope`.
    #[schemars(example = serde_json::json!({ "data": { "type": "order", "attributes": "${body}" } }))]
    envelope: Option<JsonTemplate<Enveloped>>,
    /// What is sent for a record that is a deletion: a request without a body, by no transform. That nothing is there any
    /// more, 404 or 410, is what was asked for. Left out: what is sent for any other.
    delete: Option<Removal>,
    /// Create or update, whichever the destination asks for.
    upsert: Option<At<Upsert>>,
    /// One record to many requests, an item of a list of it in each; with `batch`, as many items of one record as a request
    /// takes. The body is the item, unless `envelope` says more with `${item}` or `${item.…}`, which `url`, `query` and
    /// `headers` may hold too. Every request counts for the limits, and they are sent one after the other. The record is settled when
    /// all of its items are: those that are refused park it, with the reason that says which, after the others were sent.
    split: Option<Split>,
    /// Records to several addresses, by what they say: a record takes the first route whose `when` holds, and no other. Each
    /// route says what is different for it; everything else is as it stands beside `routes`.
    #[schemars(length(min = 1))]
    routes: Option<At<Vec<At<Route>>>>,
    /// What becomes of a record that no route takes. Default `park`.
    otherwise: Option<At<Otherwise>>,
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
    fn check(
        &self,
        place: Place,
        ordering: model::Ordering,
        shape: &Shape,
        findings: &mut Findings,
    ) {
        self.check_routes(place, findings);
        let lists = [
            ("refuse", self.refuse.as_slice()),
            ("retry_status", &self.retry_status),
            ("duplicate", &self.duplicate),
        ];
        distinct(&lists, |status| status.0.to_string(), findings);
        for endpoint in self.endpoints() {
            endpoint.check(shape, findings);
        }
        if let Some(on_unknown) = &self.on_unknown {
            on_unknown.value.check(on_unknown.place, ordering, findings);
        }
        let asks = self.on_unknown.as_ref().filter(|_| self.on_unknown() == LookUp);
        for upsert in self.upserts() {
            upsert.check_ordering(ordering, findings);
            if let Some(on_unknown) = asks {
                upsert.check_lookup(on_unknown.place, findings);
            }
        }
    }

    fn takes_unshaped(&self, record: &[u8], resolver: &Resolver<'_>) -> bool {
        let endpoint = self.endpoint_of(record, resolver);
        endpoint.is_ok_and(|endpoint| endpoint.is_ok_and(|it| it.takes_unshaped(record)))
    }

    fn preview(
        &self,
        record: &ports::Outgoing,
        shape: &Shape,
        resolver: &Resolver<'_>,
    ) -> Result<Result<RequestPreview, String>, ConnectError> {
        self.show(record, shape, resolver)
    }

    fn request_ms(&self) -> u64 {
        let asking_ms =
            self.endpoints().into_iter().filter_map(|it| it.auth).map(|it| it.asking_ms());
        self.timeout_ms() + asking_ms.max().unwrap_or(0)
    }

    fn on_unknown(&self) -> model::OnUnknown {
        // What may have been applied is found, once it cannot be applied any more.
        let usual = if self.finds() { LookUp } else { model::OnUnknown::Retry };
        self.on_unknown.as_ref().map_or(usual, |it| it.value.protocol())
    }

    fn connect(
        &self,
        limits: &Limits,
        shape: &Shape,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn ports::Destination>, ConnectError> {
        let mut routes = Vec::new();
        let mut trusted = None;
        for endpoint in self.endpoints() {
            let destination = endpoint.connect(limits, shape, resolver, options)?;
            // Credentials that all routes have in common go to one host.
            if let Some(origin) = endpoint.shares_credentials_with(&destination) {
                let first = trusted.get_or_insert_with(|| origin.clone());
                if *first != origin {
                    let message = format!(
                        "only {first} may see the destination's credentials: give the route an `auth` of its own"
                    );
                    return Err(ConnectError::new(&endpoint.key(), message));
                }
            }
            let when = endpoint.when.map(|when| when.compile(resolver)).transpose()?;
            routes.push(Routed { when, destination });
        }
        let otherwise = self.otherwise.as_ref().map(|it| it.value).unwrap_or_default();
        Ok(Box::new(Router { routes, otherwise, parts: ports::Parts::default() }))
    }
}

impl Http {
    /// Whether a record is asked for before it is created or updated, by any way that requests take.
    fn finds(&self) -> bool {
        self.upserts().any(|upsert| upsert.find.is_some())
    }

    /// The destination's own way to create or update, and those of its routes.
    fn upserts(&self) -> impl Iterator<Item = &Upsert> {
        let of_routes = self.routes.iter().flat_map(|routes| &routes.value);
        let of_routes = of_routes.filter_map(|route| route.value.upsert.as_ref());
        self.upsert.iter().chain(of_routes).map(|upsert| &upsert.value)
    }

    /// What makes the keys of requests.
    fn keys(&self) -> KeyMaker {
        self.idempotency.keys(self.idempotency_key.clone().unwrap_or_default().header())
    }

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
        http.check(Place::default(), ordering, &Shape::Same, &mut findings);
        findings.faults.into_iter().map(|file::Fault { message, .. }| message).collect()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let http = http(json!({}));
        assert_eq!(Method::from(http.method.unwrap_or_default()), Method::POST);
        assert_eq!((http.request_ms(), http.on_unknown()), (30_000, model::OnUnknown::Retry));
        assert_eq!(faults(&http, model::Ordering::None), Vec::<String>::new());
    }

    #[test]
    fn statuses_alone_come_to_the_short_forms() {
        let http = http(json!({
            "method": "PUT", "timeout": "10s", "refuse": [410], "retry_status": [422], "duplicate": [409],
        }));
        assert_eq!(Method::from(http.method.unwrap_or_default()), Method::PUT);
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
