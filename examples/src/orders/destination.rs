//! FulfillmentsRUs: takes fulfilments one by one or in bulk, as badly as asked.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use hyper::{HeaderMap, Method};
use serde::Deserialize;

use super::audit::Audit;
use super::config::DestinationConfig;
use super::fulfilment::{Fulfilment, Subject};
use super::ledger::{Ledger, Verdict};
use crate::faults::{Dice, Fate, Gate, Meter, OutageSwitch, Ticket};
use crate::http::{Hangup, Reply, Request, body_of};

/// The destination's server.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) config: DestinationConfig,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) key: String,
    pub(crate) gate: Gate,
    pub(crate) meter: Meter,
    pub(crate) dice: Dice,
    pub(crate) outage: OutageSwitch,
}

/// How many records a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Bulk,
}

/// A body's fulfilments, or why it has none.
type Read<'a> = Result<Vec<Fulfilment<'a>>, serde_json::Error>;

/// A bulk's body, where it is an object.
#[derive(Debug, Deserialize)]
struct Bulk<'a> {
    #[serde(borrow)]
    fulfillments: Vec<Fulfilment<'a>>,
}

impl Destination {
    /// Answers a request for `/fulfillments` or `/fulfillments/bulk`; none for any other path.
    pub(crate) async fn handle(self: Arc<Self>, request: Request) -> Result<Reply, Hangup> {
        self.meter.came();
        let shape = match request.uri().path() {
            "/fulfillments" => Shape::One,
            "/fulfillments/bulk" => Shape::Bulk,
            path => return Ok(self.malformed(404, &format!("there is nothing at {path}"))),
        };
        let looks = request.method() == Method::GET && shape == Shape::One;
        if request.method() != Method::POST && !looks {
            return Ok(self.malformed(405, "fulfilments are posted"));
        }
        let ticket = match self.admit(&request) {
            Ok(ticket) => ticket,
            Err(reply) => return Ok(*reply),
        };
        self.meter.inside(self.gate.inside());

        if looks {
            tokio::time::sleep(self.latency()).await;
            return Ok(self.look_up(request.uri().query()));
        }
        let key = header(request.headers(), "idempotency-key").map(str::to_owned);
        let body = body_of(request.into_body()).await?;
        let late = self.config.late > 0.0 && self.dice.roll() < self.config.late;
        if self.latency() == Duration::ZERO && !late {
            return self.serve(shape, &read(shape, &body), key.as_deref());
        }
        // On a task of its own, so that it lands even if the client has hung up meanwhile.
        let landing = tokio::spawn(async move {
            let _ticket = ticket;
            let fulfilments = read(shape, &body);
            let _flight = self.ledger.take_off(fulfilments.as_deref().unwrap_or_default());
            tokio::time::sleep(self.latency()).await;
            let answer = self.serve(shape, &fulfilments, key.as_deref());
            if late {
                tokio::time::sleep(Duration::from_millis(self.config.late_ms)).await;
            }
            answer
        });
        landing.await.unwrap_or(Err(Hangup))
    }

    /// How long the next request takes.
    fn latency(&self) -> Duration {
        let DestinationConfig { latency_ms, latency_max_ms, .. } = self.config;
        let more_ms = latency_max_ms.saturating_sub(latency_ms);
        let more_ms = if more_ms == 0 { 0.0 } else { self.dice.roll() * more_ms as f64 };
        Duration::from_millis(latency_ms) + Duration::from_secs_f64(more_ms / 1_000.0)
    }

    /// What is decided before the body is looked at.
    fn admit(&self, request: &Request) -> Result<Ticket, Box<Reply>> {
        if let Some(elsewhere) = &self.config.redirect_to {
            self.meter.count(|traffic| traffic.redirected += 1);
            return Err(Box::new(Reply::redirect(&format!("{elsewhere}{}", request.uri()))));
        }
        if header(request.headers(), "x-api-key") != Some(&self.key) {
            self.meter.count(|traffic| traffic.unauthorized += 1);
            return Err(Box::new(Reply::error(401, "unauthorized", "an API key is required")));
        }
        if self.outage.is_on(self.ledger.applied()) {
            self.meter.outage();
            let reply = Reply::error(503, "unavailable", "down on purpose");
            return Err(Box::new(match self.config.outage_retry_after_s {
                Some(s) => reply.retry_after(Duration::from_secs(s), self.config.retry_after),
                None => reply,
            }));
        }
        self.gate.enter().map_err(|wait| {
            self.meter.count(|traffic| traffic.throttled_429 += 1);
            let reply = Reply::error(429, "too_many_requests", "slow down");
            Box::new(reply.retry_after(wait, self.config.retry_after))
        })
    }

    fn serve(&self, shape: Shape, read: &Read<'_>, key: Option<&str>) -> Result<Reply, Hangup> {
        let DestinationConfig { fail_before, fail_after, drop, .. } = self.config;
        let fate = Fate::decide(self.dice.roll(), fail_before, fail_after, drop);
        let reply = match fate {
            Fate::FailBefore | Fate::DropBefore => None,
            Fate::Serve | Fate::FailAfter | Fate::DropAfter => Some(self.land(shape, read, key)),
        };
        match (fate, reply) {
            (Fate::Serve, Some(reply)) => Ok(reply),
            (Fate::DropBefore | Fate::DropAfter, _) => {
                self.meter.count(|traffic| traffic.dropped += 1);
                Err(Hangup)
            }
            _ => {
                self.meter.count(|traffic| traffic.failed_500 += 1);
                Ok(Reply::error(500, "internal", "failed on purpose"))
            }
        }
    }

    /// The fulfilments of an order.
    fn look_up(&self, query: Option<&str>) -> Reply {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let id =
            pairs.filter(|(name, _)| name == "external_id").find_map(|(_, id)| id.parse().ok());
        let Some(id) = id else { return self.malformed(400, "external_id is required") };
        let body = match self.ledger.has(id) {
            true => format!(r#"{{"fulfillments":[{{"external_id":{id}}}]}}"#),
            false => r#"{"fulfillments":[]}"#.to_owned(),
        };
        Reply::json(200, body)
    }

    fn land(&self, shape: Shape, read: &Read<'_>, key: Option<&str>) -> Reply {
        let fulfilments = match read {
            Ok(fulfilments) => fulfilments,
            Err(error) => return self.malformed(400, &error.to_string()),
        };
        match (shape, fulfilments.as_slice()) {
            (Shape::One, [fulfilment]) => {
                let key = key.or(fulfilment.idempotency_key.text());
                answer_one(&self.ledger.apply(fulfilment, key))
            }
            (_, many) => self.land_bulk(many, key),
        }
    }

    fn land_bulk(&self, fulfilments: &[Fulfilment<'_>], request_key: Option<&str>) -> Reply {
        self.ledger.count(|counts| counts.bulks += 1);
        let max = self.config.bulk_max;
        if max > 0 && fulfilments.len() > max {
            return self.malformed(413, &format!("at most {max} fulfilments at once"));
        }
        let mut body = Vec::with_capacity(16 + 32 * fulfilments.len());
        body.extend_from_slice(br#"{"results":["#);
        for (index, fulfilment) in fulfilments.iter().enumerate() {
            let status = if self.config.fail_item > 0.0 && self.dice.roll() < self.config.fail_item
            {
                self.ledger.count(|counts| counts.failed_items += 1);
                Err((500, "failed on purpose".to_owned()))
            } else {
                let derived = request_key.map(|key| format!("{key}#{:?}", fulfilment.subject()));
                let key = fulfilment.idempotency_key.text().or(derived.as_deref());
                match self.ledger.apply(fulfilment, key) {
                    Verdict::Created(_) => Ok(201),
                    Verdict::Replayed(_) => Ok(200),
                    Verdict::Refused(_, reason) => Err((422, reason)),
                }
            };
            let comma = if index > 0 { "," } else { "" };
            match status {
                Ok(status) => write!(body, r#"{comma}{{"index":{index},"status":{status}}}"#),
                Err((status, reason)) => {
                    let reason = serde_json::Value::from(reason);
                    write!(
                        body,
                        r#"{comma}{{"index":{index},"status":{status},"reason":{reason}}}"#
                    )
                }
            }
            .expect("memory takes all");
        }
        body.extend_from_slice(b"]}");
        Reply::json(200, body)
    }

    /// The ledger's truth, with this server's traffic.
    pub(crate) fn audit(&self) -> Audit {
        Audit { traffic: self.meter.read(), ..self.ledger.audit() }
    }

    fn malformed(&self, status: u16, reason: &str) -> Reply {
        self.meter.count(|traffic| traffic.malformed += 1);
        Reply::error(status, "bad_request", reason)
    }
}

fn read(shape: Shape, body: &[u8]) -> Read<'_> {
    match shape {
        Shape::One => serde_json::from_slice(body).map(|one| vec![one]),
        Shape::Bulk if body.trim_ascii_start().starts_with(b"[") => serde_json::from_slice(body),
        Shape::Bulk => serde_json::from_slice(body).map(|Bulk { fulfillments }| fulfillments),
    }
}

fn answer_one(verdict: &Verdict) -> Reply {
    let (status, subject, word) = match verdict {
        Verdict::Created(subject) => (201, subject, "created"),
        Verdict::Replayed(subject) => (200, subject, "created"),
        Verdict::Refused(error, reason) => return Reply::error(422, error, reason),
    };
    let id = match subject {
        Subject::Order(id) => *id,
        Subject::Unknown | Subject::Missing => 0,
    };
    Reply::json(status, format!(r#"{{"id":"F-{id}","external_id":{id},"status":"{word}"}}"#))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
