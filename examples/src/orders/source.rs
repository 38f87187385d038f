//! OrderPlacementPavillion: lists orders, shows one, and marks one as processed.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use hyper::Method;
use hyper::header::AUTHORIZATION;
use serde::Deserialize;

use super::book::Book;
use super::config::SourceConfig;
use super::ledger::Ledger;
use super::list;
use super::query::{self, Query, Sort, Style};
use crate::faults::{Dice, Fate, Gate, Meter};
use crate::http::{Hangup, Reply, Request, body_of};

/// The source's server.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) config: SourceConfig,
    pub(crate) book: Arc<Book>,
    /// What the destination has, to tell a mark that came too early.
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) token: String,
    pub(crate) gate: Gate,
    pub(crate) meter: Meter,
    pub(crate) dice: Dice,
}

/// What a path stands for.
#[derive(Debug, Clone, Copy)]
enum Route {
    List(Style, Sort),
    Moved,
    Bomb,
    Order(u64),
}

/// The body of a mark.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    processed: bool,
}

impl Source {
    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request) -> Result<Reply, Hangup> {
        if request.uri().path() == "/healthz" {
            return Ok(Reply::json(200, r#"{"ok":true}"#));
        }
        self.meter.came();
        if !self.is_authorized(&request) {
            self.meter.count(|traffic| traffic.unauthorized += 1);
            return Ok(Reply::error(401, "unauthorized", "a bearer token is required"));
        }
        let _ticket = match self.gate.enter() {
            Ok(ticket) => ticket,
            Err(wait) => {
                self.meter.count(|traffic| traffic.throttled_429 += 1);
                let reply = Reply::error(429, "too_many_requests", "slow down");
                return Ok(reply.retry_after(wait, self.config.retry_after));
            }
        };
        self.meter.inside(self.gate.inside());
        if self.config.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.config.latency_ms)).await;
        }

        match Fate::decide(self.dice.roll(), self.config.fail, 0.0, self.config.drop) {
            Fate::FailBefore | Fate::FailAfter => {
                self.meter.count(|traffic| traffic.failed_500 += 1);
                Ok(Reply::error(500, "internal", "failed on purpose"))
            }
            Fate::DropBefore => Err(self.hang_up()),
            Fate::DropAfter => {
                self.answer(request).await?;
                Err(self.hang_up())
            }
            Fate::Serve => self.answer(request).await,
        }
    }

    async fn answer(&self, request: Request) -> Result<Reply, Hangup> {
        let (method, path) = (request.method(), request.uri().path());
        Ok(match (method, route(path)) {
            (&Method::GET, Some(Route::List(style, sort))) => self.list(&request, style, sort),
            (&Method::GET, Some(Route::Moved)) => {
                let query = request.uri().query().unwrap_or_default();
                self.redirect(&format!("{}?{query}", path.trim_start_matches("/moved")))
            }
            (&Method::GET, Some(Route::Bomb)) => Reply::json(200, bomb()).gzipped(),
            (&Method::GET, Some(Route::Order(id))) if self.book.has(id) => self.show(id),
            (&Method::PATCH, Some(Route::Order(id))) if self.book.has(id) => {
                let body = body_of(request.into_body()).await?;
                self.mark(id, &body)
            }
            (_, Some(Route::Order(id))) if !self.book.has(id) => {
                self.malformed(404, &format!("there is no order {id}"))
            }
            (_, Some(_)) => self.malformed(405, "lists take GET, an order takes GET or PATCH"),
            (_, None) => self.malformed(404, &format!("there is nothing at {path}")),
        })
    }

    fn list(&self, request: &Request, style: Style, sort: Sort) -> Reply {
        let uri = request.uri();
        if let Some(elsewhere) = &self.config.redirect_to {
            return self.redirect(&format!("{elsewhere}{uri}"));
        }
        let query = match Query::parse(uri, style, sort) {
            Ok(query) => query,
            Err(reason) => return self.malformed(400, &reason),
        };
        self.book.line.arrivals.start();
        let page = list::page(&self.book, &query, self.config.page_max.max(1));

        // Room for the longest order, so that a page is written without moving.
        let mut body = Vec::with_capacity(64 + 700 * page.ids.len());
        body.extend_from_slice(br#"{"orders":["#);
        for (n, id) in page.ids.iter().enumerate() {
            if n > 0 {
                body.push(b',');
            }
            self.book.render(*id, &mut body);
        }
        let next_url = |name, value| {
            let base = self.config.foreign_next.clone().unwrap_or_else(|| own_address(request));
            query.url_with(&base, uri.path(), name, value)
        };
        let (tail, link) = match style {
            Style::PageNumber | Style::Offset => (String::new(), None),
            Style::SinceId | Style::LastId => {
                (format!(r#","has_more":{}"#, page.next_place.is_some()), None)
            }
            Style::Token => {
                let token = page.next_place.map(query::token);
                (format!(r#","next_page_token":{}"#, serde_json::json!(token)), None)
            }
            Style::NextUrl => {
                let next = page.next_place.map(|place| next_url("from", place));
                (format!(r#","next":{}"#, serde_json::json!(next)), None)
            }
            Style::Link => {
                let first = format!(r#"<{}>; rel="first""#, next_url("page", 1));
                let next = page.next_place.map(|_| {
                    let number = query.page_number() + 1;
                    format!(r#", <{}>; title="a, b"; rel="next""#, next_url("page", number))
                });
                (String::new(), Some(first + &next.unwrap_or_default()))
            }
        };
        write!(body, r#"],"total":{}{tail}}}"#, page.total).expect("memory takes all");
        let reply = Reply::json(200, body);
        match link {
            Some(link) => reply.link(&link),
            None => reply,
        }
    }

    fn show(&self, id: u64) -> Reply {
        let mut body = Vec::new();
        self.book.render(id, &mut body);
        Reply::json(200, body)
    }

    fn mark(&self, id: u64, body: &[u8]) -> Reply {
        let Ok(Mark { processed }) = serde_json::from_slice(body) else {
            return self.malformed(400, r#"a mark is {"processed": true}"#);
        };
        if self.book.set_processed(id, processed) && processed {
            self.ledger.marked(id);
        }
        self.show(id)
    }

    fn is_authorized(&self, request: &Request) -> bool {
        let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        given.and_then(|value| value.strip_prefix("Bearer ")) == Some(&self.token)
    }

    fn redirect(&self, location: &str) -> Reply {
        self.meter.count(|traffic| traffic.redirected += 1);
        Reply::redirect(location)
    }

    fn malformed(&self, status: u16, reason: &str) -> Reply {
        self.meter.count(|traffic| traffic.malformed += 1);
        Reply::error(status, "bad_request", reason)
    }

    fn hang_up(&self) -> Hangup {
        self.meter.count(|traffic| traffic.dropped += 1);
        Hangup
    }
}

fn route(path: &str) -> Option<Route> {
    Some(match path {
        "/orders" => Route::List(Style::SinceId, Sort::Id),
        "/page-number/orders" => Route::List(Style::PageNumber, Sort::Id),
        "/offset/orders" => Route::List(Style::Offset, Sort::Id),
        "/token/orders" => Route::List(Style::Token, Sort::Id),
        "/link/orders" => Route::List(Style::Link, Sort::Id),
        "/next-url/orders" => Route::List(Style::NextUrl, Sort::Id),
        "/last-id/orders" => Route::List(Style::LastId, Sort::Id),
        "/updated-since/orders" => Route::List(Style::PageNumber, Sort::UpdatedAt),
        "/moved/orders" => Route::Moved,
        "/bomb/orders" => Route::Bomb,
        _ => Route::Order(path.strip_prefix("/orders/")?.parse().ok()?),
    })
}

/// Our address as the client wrote it, so that `localhost` stays `localhost`.
fn own_address(request: &Request) -> String {
    let host = request.headers().get(hyper::header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1"))
}

/// An empty page with a gigabyte of blanks in it, as a megabyte of gzip: one compressed megabyte,
/// flushed to a byte's edge, repeats a thousand times. It has no end: no reader should get there.
fn bomb() -> Vec<u8> {
    const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    const REPEATS: usize = 1_024;
    let mut deflate = Compress::new(Compression::best(), false);
    let mut chunk = |data: &[u8]| {
        let mut out = Vec::with_capacity(16 << 10);
        deflate.compress_vec(data, &mut out, FlushCompress::Full).expect("memory takes all");
        out
    };
    let mut body = GZIP_HEADER.to_vec();
    body.extend(chunk(br#"{"orders":["#));
    body.extend(chunk(&vec![b' '; 1 << 20]).repeat(REPEATS));
    body
}
