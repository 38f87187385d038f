//! An ERP that takes the lines of an order one by one, and returns at an address of their own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const TOKEN: &str = "erp-1";

pub struct Erp {
    pub desk: Desk,
    /// The quantity of each line, by its order and its SKU.
    pub lines: BTreeMap<(u64, String), u64>,
    /// The order that each return is of, with its reason.
    pub returns: Vec<(u64, String)>,
    /// What was sent by each key.
    keys: BTreeMap<String, String>,
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "message": message } }))
}

/// The order and the SKU that an address names.
fn line_of(path: &str) -> Option<(u64, String)> {
    let (order, sku) = path.strip_prefix("/orders/")?.split_once("/lines/")?;
    Some((order.parse().ok()?, sku.replace("%2F", "/")))
}

impl Erp {
    pub fn new(desk: Desk) -> Self {
        Self { desk, lines: BTreeMap::new(), returns: Vec::new(), keys: BTreeMap::new() }
    }

    /// Why a request is none that the API takes, and whether its key was there before.
    fn admitted(&mut self, request: &Request, body: &Value) -> Result<bool, (u16, String)> {
        if request.header("authorization") != Some(&*format!("Bearer {TOKEN}")) {
            return Err((401, "no token".into()));
        }
        if request.header("content-type") != Some("application/json") {
            return Err((415, "no JSON".into()));
        }
        let known = ["order", "quantity", "reason"];
        let unknown =
            body.as_object().and_then(|all| all.keys().find(|it| !known.contains(&it.as_str())));
        if let Some(name) = unknown {
            return Err((400, format!("unknown field {name}")));
        }
        let key = request.header("idempotency-key").ok_or((400, "no key".to_owned()))?.to_owned();
        let sent = format!("{} {}", request.line(), request.body);
        match self.keys.insert(key, sent.clone()) {
            Some(first) if first != sent => {
                Err((422, "the key went out with another request".into()))
            }
            first => Ok(first.is_some()),
        }
    }

    fn handle(&mut self, request: &Request, body: &Value, is_repeat: bool) -> Option<Reply> {
        let order = body["order"].as_u64()?;
        match (request.method.as_str(), line_of(&request.path)) {
            ("PUT", Some((of, _))) if of != order => return None,
            ("PUT", Some(line)) => {
                let quantity = body["quantity"].as_u64()?;
                if quantity == 0 {
                    return Some(refused(422, "a line has one piece at least"));
                }
                self.lines.insert(line, quantity);
            }
            ("POST", None) if request.path == "/returns" => {
                let reason = body["reason"].as_str()?.to_owned();
                self.returns.extend(Some((order, reason)).filter(|_| !is_repeat));
            }
            _ => return None,
        }
        Some(Reply::json(200, &json!({})))
    }
}

impl Service for Erp {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let handled = match self.admitted(request, &body) {
            Err((status, message)) => {
                return self.desk.violated(message.clone(), refused(status, &message));
            }
            Ok(is_repeat) => self.handle(request, &body, is_repeat),
        };
        handled.unwrap_or_else(|| self.desk.violated(request.line(), refused(400, "what is this?")))
    }
}
