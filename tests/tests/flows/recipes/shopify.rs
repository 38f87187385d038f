//! Shopify's list of orders by REST: pages by `page_info` in a Link header, a bucket that leaks.

use std::time::Instant;

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const TOKEN: &str = "shpat_1";
const PATH: &str = "/admin/api/2026-07/orders.json";
/// So many requests fit into the bucket.
const BUCKET: f64 = 40.0;

pub struct Shopify {
    pub desk: Desk,
    pub orders: Vec<Value>,
    /// What is to change with which request.
    pub changes: Vec<(usize, Value)>,
    /// Where it listens.
    pub url: String,
    /// How many leak out of the bucket every second.
    pub leak: f64,
    filled: f64,
    filled_at: Instant,
}

impl Shopify {
    pub fn new(desk: Desk, orders: Vec<Value>, changes: Vec<(usize, Value)>, leak: f64) -> Self {
        let (url, filled, filled_at) = (String::new(), 0.0, Instant::now());
        Self { desk, orders, changes, url, leak, filled, filled_at }
    }

    /// An order takes the place of the one with its id.
    pub fn change(&mut self, order: Value) {
        self.orders.retain(|it| it["id"] != order["id"]);
        self.orders.push(order);
    }

    /// Puts a request into the bucket, if it fits.
    fn fits(&mut self) -> bool {
        let now = Instant::now();
        let leaked = now.duration_since(self.filled_at).as_secs_f64() * self.leak;
        (self.filled, self.filled_at) = ((self.filled - leaked).max(0.0), now);
        let fits = self.filled + 1.0 <= BUCKET;
        self.filled += if fits { 1.0 } else { 0.0 };
        fits
    }

    /// The whole list that a first request asks for, oldest change first: a page is a part of it.
    fn list(&self, since: &str, status: &str) -> Vec<&Value> {
        let updated = |order: &Value| order["updated_at"].as_str().expect("a text").to_owned();
        let open = |order: &Value| status == "any" || order["closed_at"].is_null();
        let mut list: Vec<&Value> =
            self.orders.iter().filter(|it| *updated(it) >= *since && open(it)).collect();
        list.sort_by_key(|it| (updated(it), it["id"].as_u64()));
        list
    }

    fn page(&mut self, request: &Request) -> Reply {
        let limit = request.number("limit").unwrap_or(50);
        // SINCE~STATUS~LAST UPDATED~LAST ID, which only this API reads.
        let info = request.value("page_info").map(str::to_owned).unwrap_or_else(|| {
            let since = request.value("updated_at_min").unwrap_or_default();
            format!("{since}~{}~~0", request.value("status").unwrap_or("open"))
        });
        let parts: Vec<&str> = info.split('~').collect();
        let [since, status, updated, id] = parts[..] else {
            let reply = Reply::json(400, &json!({ "errors": { "page_info": "Invalid value." } }));
            return self.desk.violated(format!("page_info={info}"), reply);
        };
        let id: u64 = id.parse().unwrap_or(0);
        let behind = |order: &&Value| {
            (order["updated_at"].as_str(), order["id"].as_u64()) > (Some(updated), Some(id))
        };
        let mut list: Vec<&Value> = self.list(since, status).into_iter().filter(behind).collect();
        let has_more = list.len() > limit;
        list.truncate(limit);
        let reply = Reply::json(200, &json!({ "orders": list }));
        let address = format!("<{}{PATH}?limit={limit}&page_info=", self.url);
        let mut links = vec![format!("{address}{info}>; rel=\"previous\"")];
        if let Some(last) = list.last().filter(|_| has_more) {
            let next =
                format!("{since}~{status}~{}~{}", last["updated_at"].as_str().unwrap(), last["id"]);
            links.push(format!("{address}{}>; rel=\"next\"", next.replace('+', "%2B")));
        }
        reply.with("link", links.join(", "))
    }

    /// Why a request is none that the API takes.
    fn fault(request: &Request) -> Option<(u16, Value)> {
        let with_info: &[&str] = &["page_info", "limit", "fields"];
        let known: &[&str] = match request.value("page_info") {
            Some(_) => with_info,
            None => &["limit", "fields", "status", "order", "updated_at_min", "updated_at_max"],
        };
        if request.header("x-shopify-access-token") != Some(TOKEN) {
            Some((401, json!("[API] Invalid API key or access token")))
        } else if request.line() != format!("GET {PATH}") {
            Some((404, json!("Not Found")))
        } else if let Some(name) = request.unknown_parameter(known) {
            Some((400, json!({ name: "cannot be passed" })))
        } else if !(1..=250).contains(&request.number("limit").unwrap_or(50)) {
            Some((400, json!({ "limit": "must be 250 at most" })))
        } else if request.value("page_info").is_none()
            && request.value("order") != Some("updated_at asc")
        {
            // Its own order is another one: no client that reads by the change's time means it.
            Some((400, json!({ "order": "the recipe asks for another" })))
        } else {
            None
        }
    }
}

impl Service for Shopify {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn limited(&self) -> Reply {
        let errors = "Exceeded 2 calls per second for api client.";
        Reply::json(429, &json!({ "errors": errors }))
            .with("retry-after", "1.0")
            .with("x-shopify-shop-api-call-limit", "40/40")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let number = self.desk.requests;
        for (_, order) in self.changes.extract_if(.., |(at, _)| *at <= number).collect::<Vec<_>>() {
            self.change(order);
        }
        if !self.fits() {
            let reply = self.limited();
            return self.desk.violated("the bucket is full", reply);
        }
        if let Some((status, errors)) = Self::fault(request) {
            let reply = Reply::json(status, &json!({ "errors": errors }));
            return self.desk.violated(format!("{status}: {errors}"), reply);
        }
        let used = format!("{}/{BUCKET}", self.filled.ceil());
        self.page(request)
            .with("x-shopify-shop-api-call-limit", used)
            .with("x-shopify-api-version", "2026-07")
    }
}
