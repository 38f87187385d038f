//! Starts the pair, tells where it is, and lets a test look and steer.

use std::future::Future;
use std::sync::Arc;

use hyper::Method;

use super::audit::{Audit, ErpTraffic};
use super::catalogue::{Catalogue, Edit, Edited};
use super::config::ListingsConfig;
use super::edition::Packing;
use super::erp::Erp;
use super::listing::Listing;
use super::offer;
use super::portal::Portal;
use super::shelf::Shelf;
use crate::faults::{Dice, Gate, Meter, Traffic, mix};
use crate::http::{Hangup, Reply, Request, Server, body_of};

/// The two running APIs. Dropping it closes their ports and connections.
#[derive(Debug)]
pub struct Listings {
    /// The ERP: `http://127.0.0.1:PORT`, without a slash at the end.
    pub source_url: String,
    /// The portal: likewise.
    pub destination_url: String,
    /// The audit's whole address.
    pub audit_url: String,
    /// The ERP takes `X-Api-Key:` and this.
    pub source_key: String,
    /// The portal takes `Authorization: Bearer` and this.
    pub destination_token: String,
    desk: Desk,
    _servers: [Server; 2],
}

/// What both the library and the control addresses do.
#[derive(Debug, Clone)]
struct Desk {
    erp: Arc<Erp>,
    portal: Arc<Portal>,
}

impl Listings {
    /// Starts both on the current runtime, each on a free port unless `config` names one.
    pub async fn start(config: ListingsConfig) -> anyhow::Result<Self> {
        let source_key = format!("erp-{:016x}", mix(config.seed ^ 0xe7));
        let destination_token = format!("portal-{:016x}", mix(config.seed ^ 0xb0));
        let catalogue = Catalogue::new(&config);
        let erp = Arc::new(Erp::new(config.erp, source_key.clone(), catalogue));
        let portal = Arc::new(Portal {
            shelf: Shelf::new(&config.portal),
            token: destination_token.clone(),
            gate: Gate::new(config.portal.rate, config.portal.concurrency_max),
            meter: Meter::new(),
            dice: Dice::new(mix(config.seed ^ 0xde57)),
            config: config.portal,
        });
        let desk = Desk { erp, portal };

        let listener = Arc::clone(&desk.erp);
        let source = Server::start(desk.erp.config.port, move |request| {
            Arc::clone(&listener).handle(request)
        })
        .await?;
        let listener = desk.clone();
        let port = desk.portal.config.port;
        let destination = Server::start(port, move |request| listener.handle(request)).await?;
        Ok(Self {
            source_url: source.url(),
            destination_url: destination.url(),
            audit_url: format!("{}/audit", destination.url()),
            source_key,
            destination_token,
            desk,
            _servers: [source, destination],
        })
    }

    /// Puts the next file there: the same offers but for what the edit does to them.
    pub fn edit(&self, edit: &Edit) -> Edited {
        self.desk.erp.edit(edit)
    }

    /// Everything that happened so far.
    pub fn audit(&self) -> Audit {
        self.desk.audit()
    }

    /// What was asked of the ERP; cheap.
    pub fn erp_traffic(&self) -> ErpTraffic {
        self.desk.erp.traffic()
    }

    /// The portal's traffic alone; cheap.
    pub fn portal_traffic(&self) -> Traffic {
        self.desk.portal.meter.read()
    }

    /// Puts that the portal took so far; cheap.
    pub fn puts(&self) -> u64 {
        self.desk.portal.shelf.puts()
    }

    /// The last content of a listing, by an id like `A-1017`; none where there is none, or contents are not kept.
    pub fn listing(&self, id: &str) -> Option<Listing> {
        self.desk.portal.shelf.content(offer::number(id)?)
    }

    /// How often a listing was put, and how often deleted.
    pub fn times(&self, id: &str) -> (u32, u32) {
        offer::number(id).map_or((0, 0), |number| self.desk.portal.shelf.times(number))
    }

    /// The ids of the invalid offers that the ERP has now, each with how much is wrong with it.
    pub fn invalid(&self) -> Vec<(String, usize)> {
        let edition = self.desk.erp.edition();
        let offers = edition.catalogue.offers();
        let fault = |one: offer::Offer| Some((offer::id(one.number), one.fault?.count()));
        offers.filter_map(fault).collect()
    }

    /// The id of the offer of a number, from 1.
    pub fn id(number: u64) -> String {
        offer::id(number)
    }

    /// The offer of a number, as the ERP has it now.
    #[cfg(test)]
    pub(crate) fn offer(&self, number: u64) -> Option<offer::Offer> {
        self.desk.erp.edition().catalogue.offer(number)
    }

    /// How many bytes the file has now, as plain XML.
    pub fn file_bytes(&self) -> u64 {
        self.desk.erp.edition().length(Packing::Plain)
    }

    /// From now on the portal fails and refuses nothing on purpose.
    pub fn accept_all(&self) {
        self.desk.portal.shelf.accept_all();
    }

    /// What another process needs to know: the public fields as one JSON object.
    pub fn port_file(&self) -> serde_json::Value {
        serde_json::json!({
            "source_url": self.source_url,
            "destination_url": self.destination_url,
            "audit_url": self.audit_url,
            "source_key": self.source_key,
            "destination_token": self.destination_token,
        })
    }
}

impl Desk {
    /// The portal's server: what is for tests stands here, the rest is the API itself.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Reply, Hangup>> + use<> {
        let desk = self.clone();
        async move {
            match (request.method(), request.uri().path()) {
                (&Method::GET, "/healthz") => Ok(Reply::json(200, r#"{"ok":true}"#)),
                (&Method::GET, "/audit") => Ok(Reply::of(200, &desk.audit())),
                (&Method::POST, "/control/accept-all") => {
                    desk.portal.shelf.accept_all();
                    Ok(Reply::json(200, r#"{"ok":true}"#))
                }
                (&Method::POST, "/control/edit") => {
                    let body = body_of(request.into_body()).await?;
                    Ok(match serde_json::from_slice::<Edit>(&body) {
                        Ok(edit) => Reply::of(200, &desk.erp.edit(&edit)),
                        Err(error) => Reply::error(400, "bad_request", &error.to_string()),
                    })
                }
                _ => desk.portal.handle(request).await,
            }
        }
    }

    fn audit(&self) -> Audit {
        let audit = self.portal.shelf.audit(&self.erp.edition().catalogue);
        Audit { traffic: self.portal.meter.read(), erp: self.erp.traffic(), ..audit }
    }
}
