//! Stripe's list of charges: the newest first, behind the last id, 100 at most a page.

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const KEY: &str = "rk_test_1";
const VERSION: &str = "2025-09-30.clover";

pub struct Stripe {
    pub desk: Desk,
    /// The oldest first.
    pub charges: Vec<Value>,
    /// Added one at a time, with each page that is asked for.
    pub to_come: Vec<Value>,
}

/// A charge so many seconds after the first moment of 2025, of which several share one.
pub fn charge(number: u64, second: u64) -> Value {
    json!({
        // Its order says nothing of time.
        "id": format!("ch_{:08x}", number.wrapping_mul(2_654_435_761) as u32),
        "object": "charge",
        "created": 1_735_689_600 + second,
        "status": if number.is_multiple_of(10) { "failed" } else { "succeeded" },
        "amount": number * 100,
        "currency": "eur",
        "description": format!("charge {number}"),
        "billing_details": { "email": format!("person-{number}@example.com") },
    })
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "error": { "type": "invalid_request_error", "message": message } }),
    )
}

impl Stripe {
    fn page(&mut self, request: &Request) -> Reply {
        let created = |charge: &Value| charge["created"].as_u64().expect("a number");
        let since = request.number("created[gte]").unwrap_or(0) as u64;
        let mut newest: Vec<&Value> =
            self.charges.iter().rev().filter(|charge| created(charge) >= since).collect();
        if let Some(last) = request.value("starting_after") {
            let Some(at) = newest.iter().position(|charge| charge["id"] == last) else {
                let reply = refused(400, &format!("No such charge: '{last}'"));
                return self.desk.violated(format!("starting_after={last}"), reply);
            };
            newest.drain(..=at);
        }
        let limit = request.number("limit").unwrap_or(10);
        let has_more = newest.len() > limit;
        newest.truncate(limit);
        let page =
            json!({ "object": "list", "url": "/v1/charges", "has_more": has_more, "data": newest });
        if !self.to_come.is_empty() {
            let next = self.to_come.remove(0);
            self.charges.push(next);
        }
        Reply::json(200, &page)
    }
}

impl Service for Stripe {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn limited(&self) -> Reply {
        let error = json!({ "type": "invalid_request_error", "code": "rate_limit" });
        Reply::json(429, &json!({ "error": error }))
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let known = ["limit", "starting_after", "created[gte]"];
        let fault = if request.header("authorization") != Some(&*format!("Bearer {KEY}")) {
            Some((401, "Invalid API Key provided".to_owned()))
        } else if request.line() != "GET /v1/charges" {
            Some((404, format!("Unrecognized request URL ({})", request.line())))
        } else if request.header("stripe-version") != Some(VERSION) {
            Some((400, "Invalid Stripe API version".to_owned()))
        } else if !(1..=100).contains(&request.number("limit").unwrap_or(10)) {
            Some((400, "Invalid integer: limit".to_owned()))
        } else {
            let unknown = request.unknown_parameter(&known);
            unknown.map(|name| (400, format!("Received unknown parameter: {name}")))
        };
        match fault {
            Some((status, why)) => self.desk.violated(why.clone(), refused(status, &why)),
            None => self.page(request),
        }
    }
}
