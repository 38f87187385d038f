//! The ERP: its export of offers, and its categories.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG, LAST_MODIFIED};

use super::audit::ErpTraffic;
use super::catalogue::{Catalogue, Edit, Edited};
use super::categories;
use super::config::ErpConfig;
use super::edition::{Edition, Packing};
use super::wanted::{Validators, Wanted};
use crate::faults::Meter;
use crate::http::{Hangup, Pieces, Reply, Request};
use crate::lock;

/// The ERP's server.
#[derive(Debug)]
pub(crate) struct Erp {
    pub(crate) config: ErpConfig,
    pub(crate) key: String,
    pub(crate) meter: Meter,
    /// The file that is there now. Who is reading one goes on with that.
    edition: Mutex<Arc<Edition>>,
    counts: Mutex<ErpTraffic>,
    bytes: Arc<AtomicU64>,
}

impl Erp {
    /// With its first file.
    pub(crate) fn new(config: ErpConfig, key: String, catalogue: Catalogue) -> Self {
        let edition = Mutex::new(Arc::new(Edition::new(catalogue, 1, None)));
        let (counts, bytes) = Default::default();
        Self { config, key, meter: Meter::new(), edition, counts, bytes }
    }

    /// The file that is there now.
    pub(crate) fn edition(&self) -> Arc<Edition> {
        Arc::clone(&lock(&self.edition))
    }

    /// Puts the next file there.
    pub(crate) fn edit(&self, edit: &Edit) -> Edited {
        let mut edition = lock(&self.edition);
        let (number, mut catalogue) = (edition.number + 1, edition.catalogue.clone());
        let edited = catalogue.edit(edit, number);
        *edition = Arc::new(Edition::new(catalogue, number, edit.broken));
        edited
    }

    /// What was asked of it, and how much it wrote.
    pub(crate) fn traffic(&self) -> ErpTraffic {
        let bytes = self.bytes.load(Ordering::Relaxed);
        ErpTraffic { bytes, traffic: self.meter.read(), ..lock(&self.counts).clone() }
    }

    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request) -> Result<Reply, Hangup> {
        self.meter.came();
        let key = request.headers().get("x-api-key").and_then(|value| value.to_str().ok());
        if key != Some(&self.key) {
            self.meter.count(|traffic| traffic.unauthorized += 1);
            return Ok(Reply::error(401, "unauthorized", "an API key is required"));
        }
        if self.config.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.config.latency_ms)).await;
        }
        if request.method() != Method::GET {
            return Ok(self.malformed(405, "everything here is read by GET"));
        }
        Ok(match request.uri().path() {
            "/export/offers.xml" => self.export(&request, Packing::Plain),
            "/export/offers.xml.gz" => self.export(&request, Packing::Gzip),
            "/api/categories" => self.categories(request.uri().query()),
            path => self.malformed(404, &format!("there is nothing at {path}")),
        })
    }

    fn export(&self, request: &Request, packing: Packing) -> Reply {
        let edition = self.edition();
        let (etag, length) = (edition.etag(packing), edition.length(packing));
        let file = Validators { etag: &etag, modified: edition.modified, length };
        let wanted = match file.wanted(request.headers()) {
            Wanted::Part(_) | Wanted::Beyond if self.config.ignores_ranges => Wanted::Whole,
            wanted => wanted,
        };
        let reply = match wanted {
            Wanted::Nothing => {
                self.count(|counts| counts.unchanged += 1);
                Reply::empty(304)
            }
            Wanted::Beyond => {
                self.count(|counts| counts.beyond += 1);
                Reply::empty(416).with(CONTENT_RANGE, &format!("bytes */{length}"))
            }
            Wanted::Whole => {
                self.count(|counts| counts.whole += 1);
                self.file(200, &edition, packing, 0..length)
            }
            Wanted::Part(part) => {
                self.count(|counts| counts.partial += 1);
                let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                self.file(206, &edition, packing, part).with(CONTENT_RANGE, &range)
            }
        };
        let modified = httpdate::fmt_http_date(edition.modified);
        reply.with(ETAG, &etag).with(LAST_MODIFIED, &modified).with(ACCEPT_RANGES, "bytes")
    }

    fn file(
        &self,
        status: u16,
        edition: &Arc<Edition>,
        packing: Packing,
        part: std::ops::Range<u64>,
    ) -> Reply {
        let (length, written) = (part.end - part.start, Arc::clone(&self.bytes));
        let mut next = edition.pieces(packing, part);
        let cut = self.config.cut_every_bytes.filter(|cut| *cut < length);
        let mut until_cut = cut.unwrap_or(u64::MAX);
        let counted = move || {
            let piece = next()?;
            let sent = (piece.len() as u64).min(until_cut);
            until_cut -= sent;
            written.fetch_add(sent, Ordering::Relaxed);
            Some(piece)
        };
        let pause = Duration::from_millis(self.config.pause_ms);
        let pieces = Pieces::new(length, counted).cut_after(cut).with_pauses(pause);
        let kind = match packing {
            Packing::Plain => "application/xml",
            Packing::Gzip => "application/gzip",
        };
        Reply::file(status, kind, pieces)
    }

    fn categories(&self, query: Option<&str>) -> Reply {
        match categories::ids(query) {
            Ok(ids) => {
                self.count(|counts| {
                    counts.category_requests += 1;
                    counts.category_ids += ids.len() as u64;
                });
                Reply::of(200, &categories::answer(&ids))
            }
            Err(reason) => self.malformed(400, reason),
        }
    }

    fn count(&self, add: impl FnOnce(&mut ErpTraffic)) {
        add(&mut lock(&self.counts));
    }

    fn malformed(&self, status: u16, reason: &str) -> Reply {
        self.meter.count(|traffic| traffic.malformed += 1);
        Reply::error(status, "bad_request", reason)
    }
}
