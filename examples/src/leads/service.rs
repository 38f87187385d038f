//! Starts the pair, tells where it is, and lets a test look and steer.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use hyper::Method;
use serde::Deserialize;

use super::archive::Archive;
use super::audit::Audit;
use super::config::LeadsConfig;
use super::customer::uuid;
use super::database::Database;
use super::identity::Identity;
use super::limits::Limits;
use super::livechat::LiveChat;
use super::marketo::Marketo;
use crate::faults::{Dice, Meter, Traffic, mix};
use crate::http::{Hangup, Reply, Request, Server, body_of};

/// The two running APIs. Dropping it closes their ports and connections.
#[derive(Debug)]
pub struct Leads {
    /// LiveChat: `http://127.0.0.1:PORT`, without a slash at the end.
    pub source_url: String,
    /// Marketo: likewise.
    pub destination_url: String,
    /// The audit's whole address.
    pub audit_url: String,
    /// LiveChat's account, the user name to `source_token`.
    pub source_account: String,
    /// LiveChat takes it as the account's password (`Authorization: Basic`) and as a bearer token.
    pub source_token: String,
    /// Marketo gives a token for this and the secret.
    pub client_id: String,
    /// See `client_id`.
    pub client_secret: String,
    desk: Desk,
    _servers: [Server; 2],
}

/// What both the library and the control addresses do.
#[derive(Debug, Clone)]
struct Desk {
    archive: Arc<Archive>,
    livechat: Arc<LiveChat>,
    marketo: Arc<Marketo>,
}

/// The body of `POST /control/end-chats`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndChats {
    count: u64,
}

impl Leads {
    /// Starts both on the current runtime, each on a free port unless `config` names one.
    pub async fn start(config: LeadsConfig) -> anyhow::Result<Self> {
        let seed = config.seed;
        let archive = Arc::new(Archive::new(&config));
        let livechat = Arc::new(LiveChat {
            archive: Arc::clone(&archive),
            account: uuid(mix(seed ^ 0xacc0), mix(seed ^ 0xacc1)),
            token: format!("dal:{:016x}", mix(seed ^ 0x70)),
            seed: mix(seed ^ 0x9a6e),
            meter: Meter::new(),
        });
        let marketo = Arc::new(Marketo {
            database: Database::new(Arc::clone(&archive), &config.marketo),
            identity: Identity::new(seed, config.marketo.token_expires_in_s),
            limits: Limits::new(&config.marketo),
            meter: Meter::new(),
            dice: Dice::new(mix(seed ^ 0xde57)),
            requests: AtomicU64::new(0),
            config: config.marketo,
        });
        let desk = Desk { archive, livechat, marketo };

        let listener = Arc::clone(&desk.livechat);
        let source = Server::start(config.livechat.port, move |request| {
            Arc::clone(&listener).handle(request)
        })
        .await?;
        let listener = desk.clone();
        let port = desk.marketo.config.port;
        let destination = Server::start(port, move |request| listener.handle(request)).await?;
        Ok(Self {
            source_url: source.url(),
            destination_url: destination.url(),
            audit_url: format!("{}/audit", destination.url()),
            source_account: desk.livechat.account.clone(),
            source_token: desk.livechat.token.clone(),
            client_id: desk.marketo.identity.client_id.clone(),
            client_secret: desk.marketo.identity.client_secret.clone(),
            desk,
            _servers: [source, destination],
        })
    }

    /// Everything that happened so far.
    pub fn audit(&self) -> Audit {
        self.desk.audit()
    }

    /// LiveChat's traffic alone; cheap.
    pub fn source_traffic(&self) -> Traffic {
        self.desk.livechat.meter.read()
    }

    /// Marketo's traffic alone; cheap.
    pub fn destination_traffic(&self) -> Traffic {
        self.desk.marketo.meter.read()
    }

    /// Chats that have ended; cheap.
    pub fn chats(&self) -> u64 {
        self.desk.archive.ended().len() as u64
    }

    /// Records that created or updated a lead so far, repeats included; cheap.
    pub fn applied(&self) -> u64 {
        self.desk.marketo.database.applied()
    }

    /// So many more chats end, as far as [`LeadsConfig::chats_later`] goes.
    pub fn end_chats(&self, count: u64) {
        self.desk.archive.end(count);
    }

    /// From now on no e-mail is refused.
    pub fn accept_all(&self) {
        self.desk.marketo.database.accept_all();
    }

    /// A new day begins: the whole quota is there again.
    pub fn reset_quota(&self) {
        self.desk.marketo.limits.reset_quota();
    }

    /// What another process needs to know: the public fields as one JSON object.
    pub fn port_file(&self) -> serde_json::Value {
        serde_json::json!({
            "source_url": self.source_url,
            "destination_url": self.destination_url,
            "audit_url": self.audit_url,
            "source_account": self.source_account,
            "source_token": self.source_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        })
    }
}

impl Desk {
    /// Marketo's server: what is for tests stands here, the rest is the API itself.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Reply, Hangup>> + use<> {
        let desk = self.clone();
        async move {
            match (request.method(), request.uri().path()) {
                (&Method::GET, "/healthz") => {}
                (&Method::GET, "/audit") => return Ok(Reply::of(200, &desk.audit())),
                (&Method::POST, "/control/accept-all") => desk.marketo.database.accept_all(),
                (&Method::POST, "/control/reset-quota") => desk.marketo.limits.reset_quota(),
                (&Method::POST, "/control/end-chats") => {
                    let body = body_of(request.into_body()).await?;
                    let Ok(EndChats { count }) = serde_json::from_slice(&body) else {
                        return Ok(Reply::error(400, "bad_request", r#"it takes {"count": 7}"#));
                    };
                    desk.archive.end(count);
                }
                _ => return desk.marketo.handle(request).await,
            }
            Ok(Reply::json(200, r#"{"ok":true}"#))
        }
    }

    fn audit(&self) -> Audit {
        let source = self.livechat.meter.read();
        let audit = self.marketo.audit();
        let unauthorized = source.unauthorized + audit.destination.unauthorized;
        Audit { source, unauthorized, ..audit }
    }
}
