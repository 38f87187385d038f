//! A list of a shop: by the time of the change behind a token, or by the last id.

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const TOKEN: &str = "shop-1";

pub struct Shop {
    pub desk: Desk,
    /// The list's name: its address, and where it stands in the body.
    list: &'static str,
    items: Vec<Value>,
}

impl Shop {
    pub fn new(list: &'static str, desk: Desk, items: Vec<Value>) -> Self {
        Self { desk, list, items }
    }

    /// An item takes the place of the one with its id.
    pub fn change(&mut self, item: Value) {
        self.items.retain(|it| it["id"] != item["id"]);
        self.items.push(item);
    }

    /// The name of the list in the body, and the items that a request is for.
    fn asked_for(&self, request: &Request) -> (&'static str, Vec<&Value>) {
        if self.list == "usage" {
            let after = request.number("after").unwrap_or(0) as u64;
            let mut items: Vec<&Value> =
                self.items.iter().filter(|it| it["id"].as_u64() > Some(after)).collect();
            items.sort_by_key(|it| it["id"].as_u64());
            return ("usage", items);
        }
        // The token is the last item's time and id.
        let updated = |it: &Value| it["updated_at"].as_str().expect("a text").to_owned();
        let since = request.value("updated_since").unwrap_or_default();
        let (after, id) = request
            .value("page_token")
            .and_then(|token| token.split_once('~'))
            .map_or(("", 0), |(after, id)| (after, id.parse().unwrap_or(0)));
        let is_behind = |it: &&Value| (&*updated(it), it["id"].as_u64()) > (after, Some(id));
        let mut items: Vec<&Value> =
            self.items.iter().filter(|it| *updated(it) >= *since).filter(is_behind).collect();
        items.sort_by_key(|it| (updated(it), it["id"].as_u64()));
        ("items", items)
    }
}

impl Service for Shop {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let refused = |status, why: &str| Reply::json(status, &json!({ "error": why }));
        let known: &[&str] = match self.list {
            "usage" => &["after", "limit"],
            _ => &["updated_since", "limit", "page_token"],
        };
        if request.header("authorization") != Some(&*format!("Bearer {TOKEN}")) {
            return self.desk.violated("no token", refused(401, "no token"));
        }
        if request.line() != format!("GET /{}", self.list) {
            return self.desk.violated(request.line(), refused(404, "no such list"));
        }
        if let Some(name) = request.unknown_parameter(known) {
            return self.desk.violated(name, refused(400, "an unknown parameter"));
        }
        let limit = request.number("limit").unwrap_or(20).min(100);
        let (name, items) = self.asked_for(request);
        let (page, rest) = items.split_at(limit.min(items.len()));
        let last = page.last().filter(|_| !rest.is_empty());
        let next =
            last.map(|it| format!("{}~{}", it["updated_at"].as_str().unwrap_or(""), it["id"]));
        Reply::json(200, &json!({ name: page, "next_page_token": next }))
    }
}
