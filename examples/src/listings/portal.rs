//! The portal: takes listings one by one, as badly as asked.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::header::AUTHORIZATION;

use super::config::PortalConfig;
use super::listing::Listing;
use super::offer;
use super::shelf::{Put, Shelf};
use crate::faults::{Dice, Fate, Gate, Meter, RetryAfterForm};
use crate::http::{Hangup, Reply, Request, body_of};

/// The portal's server.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) config: PortalConfig,
    pub(crate) shelf: Shelf,
    pub(crate) token: String,
    pub(crate) gate: Gate,
    pub(crate) meter: Meter,
    pub(crate) dice: Dice,
}

/// What a request asks for.
#[derive(Debug)]
enum Asked {
    Put(u64, Box<Result<Listing, String>>),
    Delete(u64),
}

impl Portal {
    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request) -> Result<Reply, Hangup> {
        self.meter.came();
        let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if token.and_then(|value| value.strip_prefix("Bearer ")) != Some(&self.token) {
            self.meter.count(|traffic| traffic.unauthorized += 1);
            return Ok(Reply::error(401, "unauthorized", "a bearer token is required"));
        }
        let path = request.uri().path();
        let Some(id) = path.strip_prefix("/listings/") else {
            return Ok(self.malformed(404, &format!("there is nothing at {path}")));
        };
        let Some(number) = offer::number(id) else {
            return Ok(self.malformed(400, &format!("`{id}` is no id: one is like A-1017")));
        };
        let ticket = match self.gate.enter() {
            Ok(ticket) => ticket,
            Err(wait) => {
                self.meter.count(|traffic| traffic.throttled_429 += 1);
                let reply = Reply::error(429, "too_many_requests", "slow down");
                return Ok(reply.retry_after(wait, RetryAfterForm::Seconds));
            }
        };
        self.meter.inside(self.gate.inside());
        let asked = match *request.method() {
            Method::PUT => {
                let read = Listing::read(&body_of(request.into_body()).await?);
                Asked::Put(number, Box::new(read))
            }
            Method::DELETE => Asked::Delete(number),
            _ => return Ok(self.malformed(405, "a listing is put or deleted")),
        };
        if self.config.latency_ms == 0 {
            return self.serve(asked);
        }
        // On a task of its own, so that it lands even if the client has hung up meanwhile.
        let landing = tokio::spawn(async move {
            let _ticket = ticket;
            tokio::time::sleep(Duration::from_millis(self.config.latency_ms)).await;
            self.serve(asked)
        });
        landing.await.unwrap_or(Err(Hangup))
    }

    fn serve(&self, asked: Asked) -> Result<Reply, Hangup> {
        let PortalConfig { fail_before, fail_after, drop, .. } = self.config;
        let fate = Fate::decide(self.dice.roll(), fail_before, fail_after, drop);
        let reply = match fate {
            Fate::FailBefore | Fate::DropBefore => None,
            Fate::Serve | Fate::FailAfter | Fate::DropAfter => Some(self.land(asked)),
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

    fn land(&self, asked: Asked) -> Reply {
        match asked {
            Asked::Put(number, read) => match self.shelf.put(number, *read) {
                Put::Created => Reply::json(201, r#"{"status":"created"}"#),
                Put::Replaced => Reply::json(200, r#"{"status":"replaced"}"#),
                Put::Failed => Reply::error(503, "unavailable", "this listing fails on purpose"),
                Put::Refused(reason) => Reply::error(422, "invalid", &reason),
            },
            Asked::Delete(number) if self.shelf.delete(number) => Reply::empty(204),
            Asked::Delete(_) => Reply::error(404, "absent", "there is no such listing"),
        }
    }

    fn malformed(&self, status: u16, reason: &str) -> Reply {
        self.meter.count(|traffic| traffic.malformed += 1);
        Reply::error(status, "bad_request", reason)
    }
}
