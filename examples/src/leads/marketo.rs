//! Marketo: the front door, with its tokens, limits and failures, and the two calls behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::Method;
use hyper::header::CONTENT_TYPE;

use super::answer::{Failure, failure, page, success};
use super::audit::Audit;
use super::config::MarketoConfig;
use super::database::Database;
use super::identity::{Identity, Standing};
use super::input::{self, Item};
use super::limits::Limits;
use super::livechat::bearer;
use super::lookup::{Lookup, count_values};
use crate::faults::{Dice, Fate, Meter, mix};
use crate::http::{Hangup, Reply, Request, body_of};

/// 414 above it.
const URI_BYTES_MAX: usize = 8 << 10;
/// 413 above it.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The destination's server.
#[derive(Debug)]
pub(crate) struct Marketo {
    pub(crate) config: MarketoConfig,
    pub(crate) database: Database,
    pub(crate) identity: Identity,
    pub(crate) limits: Limits,
    pub(crate) meter: Meter,
    pub(crate) dice: Dice,
    pub(crate) requests: AtomicU64,
}

/// What a call asks for.
#[derive(Debug)]
enum Call {
    Lookup(Lookup),
    Merge(Vec<Result<Item, Failure>>),
}

impl Marketo {
    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request) -> Result<Reply, Hangup> {
        self.meter.came();
        let uri = request.uri();
        let uri_bytes = uri.path_and_query().map_or(0, |text| text.as_str().len());
        if uri_bytes > URI_BYTES_MAX {
            self.database.count(|counts| counts.refused_uris += 1);
            return Ok(Reply::error(414, "uri_too_long", "send it as POST with _method=GET"));
        }
        if uri.path() == "/identity/oauth/token" {
            self.dawdle().await;
            return Ok(self.grant(&request));
        }
        let request_id = self.request_id();
        let refused = |refusal: &Failure| Ok(failure(&request_id, refusal));

        match self.identity.standing(bearer(&request)) {
            Standing::Valid => {}
            Standing::Expired => {
                self.database.count(|counts| counts.expired_calls += 1);
                return refused(&Failure::new(602, "Access token expired"));
            }
            Standing::Unknown => {
                self.meter.count(|traffic| traffic.unauthorized += 1);
                return refused(&Failure::new(601, "Access token invalid"));
            }
        }
        let ticket = match self.limits.enter() {
            Ok(ticket) => ticket,
            Err(refusal) => return refused(&refusal),
        };
        self.meter.inside(self.limits.inside());

        let (parts, body) = request.into_parts();
        let body = body_of(body).await?;
        if body.len() > BODY_BYTES_MAX {
            self.meter.count(|traffic| traffic.malformed += 1);
            return Ok(Reply::error(413, "entity_too_large", "at most 1 MB"));
        }
        let call = self.read(&parts, &body);
        if self.config.latency_ms == 0 {
            return self.serve(&request_id, call);
        }
        // On a task of its own, so that it lands even if the client has hung up meanwhile.
        let landing = tokio::spawn(async move {
            let _ticket = ticket;
            self.dawdle().await;
            self.serve(&request_id, call)
        });
        landing.await.unwrap_or(Err(Hangup))
    }

    /// What the database has counted, with this server's own.
    pub(crate) fn audit(&self) -> Audit {
        let (tokens_issued, token_requests) = self.identity.counts();
        Audit {
            limit_errors: self.limits.errors(),
            tokens_issued,
            token_requests,
            destination: self.meter.read(),
            ..self.database.audit()
        }
    }

    fn grant(&self, request: &Request) -> Reply {
        if request.method() != Method::GET {
            self.meter.count(|traffic| traffic.malformed += 1);
            return Reply::error(405, "method_not_allowed", "a token is asked for with GET");
        }
        let query = request.uri().query().unwrap_or_default();
        self.identity.grant(query).unwrap_or_else(|refusal| {
            self.meter.count(|traffic| match refusal.status {
                401 => traffic.unauthorized += 1,
                _ => traffic.malformed += 1,
            });
            refusal.reply()
        })
    }

    fn read(&self, parts: &hyper::http::request::Parts, body: &[u8]) -> Result<Call, Failure> {
        if parts.uri.path() != "/rest/v1/leads.json" {
            return Err(Failure::new(610, "Requested resource not found"));
        }
        let mut pairs = pairs_of(parts.uri.query().unwrap_or_default().as_bytes());
        let is_lookup = match parts.method {
            Method::GET => true,
            Method::POST => pairs.iter().any(|(name, value)| name == "_method" && value == "GET"),
            _ => return Err(Failure::new(605, "HTTP Method not supported")),
        };
        if parts.method == Method::POST {
            let expected = match is_lookup {
                true => "application/x-www-form-urlencoded",
                false => "application/json",
            };
            let given = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let given = given.and_then(|value| value.split(';').next()).unwrap_or_default();
            if !given.trim().eq_ignore_ascii_case(expected) {
                return Err(Failure::new(612, format!("Invalid Content Type: not {expected}")));
            }
        }
        if !is_lookup {
            if let Some((name, _)) = pairs.first() {
                return Err(Failure::new(1003, format!("Invalid parameter '{name}'")));
            }
            return input::read(body).map(Call::Merge);
        }
        pairs.extend(pairs_of(body));
        let values = count_values(&pairs) as u64;
        self.database.count(|counts| {
            counts.lookup_values_max = counts.lookup_values_max.max(values);
        });
        Lookup::parse(&pairs).map(Call::Lookup)
    }

    fn serve(&self, request_id: &str, call: Result<Call, Failure>) -> Result<Reply, Hangup> {
        let MarketoConfig { fail_before, fail_after, drop, .. } = self.config;
        let roll = self.dice.roll();
        let fate = Fate::decide(roll, fail_before, fail_after, drop);
        let reply = match fate {
            Fate::FailBefore | Fate::DropBefore => None,
            Fate::Serve | Fate::FailAfter | Fate::DropAfter => Some(self.land(request_id, call)),
        };
        match (fate, reply) {
            (Fate::Serve, Some(reply)) => Ok(reply),
            (Fate::DropBefore | Fate::DropAfter, _) => {
                self.meter.count(|traffic| traffic.dropped += 1);
                Err(Hangup)
            }
            (Fate::FailBefore, _) if roll < fail_before / 2.0 => {
                self.meter.count(|traffic| traffic.failed_500 += 1);
                Ok(failure(request_id, &Failure::new(611, "System error")))
            }
            // A 6xx would say that nothing was done, so what was done fails with a plain 500.
            _ => {
                self.meter.count(|traffic| traffic.failed_500 += 1);
                Ok(Reply::error(500, "internal", "failed on purpose"))
            }
        }
    }

    fn land(&self, request_id: &str, call: Result<Call, Failure>) -> Reply {
        match call {
            Ok(Call::Lookup(lookup)) => page(request_id, &self.database.look_up(&lookup)),
            Ok(Call::Merge(items)) => success(request_id, &self.database.merge(items)),
            Err(refusal) => {
                self.meter.count(|traffic| traffic.malformed += 1);
                failure(request_id, &refusal)
            }
        }
    }

    /// `e42b#14272d07d78`
    fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:x}#{number:x}", mix(number) >> 48)
    }

    async fn dawdle(&self) {
        if self.config.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.config.latency_ms)).await;
        }
    }
}

fn pairs_of(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}
