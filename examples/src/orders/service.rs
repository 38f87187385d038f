//! Starts the pair, tells where it is, and lets a test look and steer.

use std::future::Future;
use std::sync::Arc;

use hyper::Method;
use serde::Deserialize;

use super::audit::Audit;
use super::book::Book;
use super::config::OrdersConfig;
use super::destination::Destination;
use super::ledger::Ledger;
use super::source::Source;
use crate::faults::{Dice, Gate, Meter, OutageSwitch, Traffic, mix};
use crate::http::{Hangup, Reply, Request, Server, body_of};

/// The two running APIs. Dropping it closes their ports and connections.
#[derive(Debug)]
pub struct Orders {
    /// OrderPlacementPavillion: `http://127.0.0.1:PORT`, without a slash at the end.
    pub source_url: String,
    /// FulfillmentsRUs: likewise.
    pub destination_url: String,
    /// The audit's whole address.
    pub audit_url: String,
    /// The source takes `Authorization: Bearer` and this.
    pub source_token: String,
    /// The destination takes `X-Api-Key:` and this.
    pub destination_key: String,
    desk: Desk,
    _servers: [Server; 2],
}

/// What both the library and the control addresses do.
#[derive(Debug, Clone)]
struct Desk {
    book: Arc<Book>,
    source: Arc<Source>,
    destination: Arc<Destination>,
}

/// The body of `POST /control/outage`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutageOrder {
    on: bool,
}

impl Orders {
    /// Starts both on the current runtime, each on a free port unless `config` names one.
    pub async fn start(config: OrdersConfig) -> anyhow::Result<Self> {
        let source_token = format!("source-{:016x}", mix(config.seed ^ 0x50));
        let destination_key = format!("destination-{:016x}", mix(config.seed ^ 0xd5));
        let book = Arc::new(Book::new(&config));
        let ledger = Arc::new(Ledger::new(
            Arc::clone(&book),
            config.destination.refuse_every,
            config.destination.ignore_idempotency,
        ));
        let source = Arc::new(Source {
            book: Arc::clone(&book),
            ledger: Arc::clone(&ledger),
            token: source_token.clone(),
            gate: Gate::new(config.source.rate, config.source.concurrency_max),
            meter: Meter::new(),
            dice: Dice::new(mix(config.seed ^ 0x50ce)),
            config: config.source,
        });
        let destination = Arc::new(Destination {
            ledger,
            key: destination_key.clone(),
            gate: Gate::new(config.destination.rate, config.destination.concurrency_max),
            meter: Meter::new(),
            dice: Dice::new(mix(config.seed ^ 0xde57)),
            outage: OutageSwitch::new(config.destination.outage),
            config: config.destination,
        });
        let desk = Desk { book, source, destination };

        let port = desk.source.config.port;
        let listener = Arc::clone(&desk.source);
        let source_server =
            Server::start(port, move |request| Arc::clone(&listener).handle(request)).await?;
        let port = desk.destination.config.port;
        let listener = desk.clone();
        let destination_server =
            Server::start(port, move |request| listener.handle(request)).await?;
        Ok(Self {
            source_url: source_server.url(),
            destination_url: destination_server.url(),
            audit_url: format!("{}/audit", destination_server.url()),
            source_token,
            destination_key,
            desk,
            _servers: [source_server, destination_server],
        })
    }

    /// Everything that happened so far.
    pub fn audit(&self) -> Audit {
        self.desk.audit()
    }

    /// The source's traffic alone; cheap.
    pub fn source_traffic(&self) -> Traffic {
        self.desk.source.meter.read()
    }

    /// The destination's traffic alone; cheap.
    pub fn destination_traffic(&self) -> Traffic {
        self.desk.destination.meter.read()
    }

    /// Distinct orders applied so far; cheap.
    pub fn delivered(&self) -> u64 {
        self.desk.destination.ledger.delivered()
    }

    /// Orders at the source now.
    pub fn records(&self) -> u64 {
        self.desk.book.count()
    }

    /// Orders at the source with a higher id.
    pub fn backlog_after(&self, id: u64) -> u64 {
        self.records().saturating_sub(id)
    }

    /// Whether everything that is to arrive has arrived at the source.
    pub fn grown(&self) -> bool {
        self.records() == self.desk.book.line.arrivals.count_max()
    }

    /// From now on nothing is refused.
    pub fn accept_all(&self) {
        self.desk.destination.ledger.accept_all();
    }

    /// Begins or ends an outage of the destination.
    pub fn set_outage(&self, on: bool) {
        self.desk.destination.outage.switch(on);
    }

    /// What another process needs to know: the public fields as one JSON object.
    pub fn port_file(&self) -> serde_json::Value {
        serde_json::json!({
            "source_url": self.source_url,
            "destination_url": self.destination_url,
            "audit_url": self.audit_url,
            "source_token": self.source_token,
            "destination_key": self.destination_key,
        })
    }
}

impl Desk {
    /// The destination's server: what is for tests stands here, the rest is the API itself.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Reply, Hangup>> + use<> {
        let desk = self.clone();
        async move {
            match (request.method(), request.uri().path()) {
                (&Method::GET, "/healthz") => Ok(Reply::json(200, r#"{"ok":true}"#)),
                (&Method::GET, "/audit") => Ok(Reply::of(200, &desk.audit())),
                (&Method::GET, "/arrivals") => {
                    Ok(Reply::of(200, &desk.destination.meter.arrivals_us()))
                }
                (&Method::POST, "/control/accept-all") => {
                    desk.destination.ledger.accept_all();
                    Ok(Reply::json(200, r#"{"ok":true}"#))
                }
                (&Method::POST, "/control/outage") => {
                    let body = body_of(request.into_body()).await?;
                    let Ok(OutageOrder { on }) = serde_json::from_slice(&body) else {
                        return Ok(Reply::error(400, "bad_request", r#"it takes {"on": true}"#));
                    };
                    desk.destination.outage.switch(on);
                    Ok(Reply::json(200, r#"{"ok":true}"#))
                }
                _ => desk.destination.handle(request).await,
            }
        }
    }

    fn audit(&self) -> Audit {
        Audit { source: self.source.meter.read(), ..self.destination.audit() }
    }
}
