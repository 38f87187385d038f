//! Stripe's events of a meter: a form, whose key knows a repeat.

use std::collections::BTreeMap;

use serde_json::json;

use super::server::{Desk, Reply, Request, Service};

pub const KEY: &str = "rk_test_2";
const FIELDS: [&str; 5] =
    ["event_name", "identifier", "timestamp", "payload[stripe_customer_id]", "payload[value]"];

pub struct Meter {
    pub desk: Desk,
    /// The quantity of each event, by its identifier.
    pub events: BTreeMap<String, u64>,
    /// What was sent by each key.
    keys: BTreeMap<String, String>,
    /// How many answers were given a second time.
    pub replayed: usize,
}

impl Meter {
    pub fn new(desk: Desk) -> Self {
        Self { desk, events: BTreeMap::new(), keys: BTreeMap::new(), replayed: 0 }
    }

    /// Why a request is none that the API takes, whatever the event is.
    fn fault(&self, request: &Request, form: &BTreeMap<String, String>) -> Option<String> {
        if request.header("authorization") != Some(&*format!("Bearer {KEY}")) {
            return Some("Invalid API Key provided".into());
        }
        if request.line() != "POST /v1/billing/meter_events" {
            return Some(format!("Unrecognized request URL ({})", request.line()));
        }
        if request.header("content-type") != Some("application/x-www-form-urlencoded") {
            return Some("a request has a form for its body".into());
        }
        if request.header("stripe-version") != Some("2025-09-30.clover") {
            return Some("Invalid Stripe API version".into());
        }
        if let Some(name) = form.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Some(format!("Received unknown parameter: {name}"));
        }
        let missing = FIELDS.iter().find(|name| !form.contains_key(**name));
        if let Some(name) = missing {
            return Some(format!("Missing required param: {name}"));
        }
        match request.header("idempotency-key") {
            None => Some("the recipe sends keys".into()),
            Some(key) if key.len() > 255 => Some("a key has at most 255 characters".into()),
            Some(key) => {
                let first = self.keys.get(key);
                let other = first.is_some_and(|first| *first != request.body);
                other.then(|| "Keys can only be used with the same parameters".to_owned())
            }
        }
    }
}

impl Service for Meter {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        let refused = |message: &str| Reply::json(400, &json!({ "error": { "message": message } }));
        if let Some(message) = self.fault(request, &form) {
            return self.desk.violated(message.clone(), refused(&message));
        }
        if !form["payload[stripe_customer_id]"].starts_with("cus_") {
            return refused("No such customer");
        }
        let Ok(value) = form["payload[value]"].parse() else {
            return refused("The value is no whole number");
        };
        let key = request.header("idempotency-key").expect("it was looked at").to_owned();
        if self.keys.insert(key, request.body.clone()).is_some() {
            self.replayed += 1;
        } else if self.events.insert(form["identifier"].clone(), value).is_some() {
            let reply = refused("An event already exists with this identifier");
            return self.desk.violated("an event twice, under two keys", reply);
        }
        Reply::json(200, &json!({ "object": "billing.meter_event" }))
    }
}
