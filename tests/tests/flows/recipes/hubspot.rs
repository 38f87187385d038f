//! HubSpot's batch upsert of deals: 100 at most, 207 with a list of results and one of errors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const TOKEN: &str = "pat-1";
const PATH: &str = "/crm/v3/objects/deals/batch/upsert";
/// The property that the recipe has made at HubSpot, with unique values.
const UNIQUE: &str = "shopify_order_id";
const PROPERTIES: [&str; 6] =
    ["dealname", "amount", "deal_currency_code", "closedate", "pipeline", "dealstage"];
const STAGES: [&str; 3] = ["contractsent", "closedwon", "closedlost"];

pub struct HubSpot {
    pub desk: Desk,
    /// Each deal's properties, by its unique property.
    pub deals: BTreeMap<String, Value>,
    /// How often each was written.
    pub writes: BTreeMap<String, usize>,
    /// How many batches were answered with both lists.
    pub mixed: usize,
}

fn refused(status: u16, category: &str, message: &str) -> Reply {
    let body = json!({
        "status": "error",
        "message": message,
        "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
        "category": category,
        // A list of errors that names no input.
        "errors": [{ "message": message, "code": "INVALID", "context": { "propertyName": ["x"] } }],
    });
    Reply::json(status, &body)
}

impl HubSpot {
    /// Why the batch as a whole is none that the API takes.
    fn fault(request: &Request, inputs: &[Value]) -> Option<(u16, &'static str, String)> {
        let id = |input: &Value| input["id"].as_str().map(str::to_owned);
        let ids: BTreeSet<_> = inputs.iter().map(id).collect();
        let trace = |input: &Value| input["objectWriteTraceId"].as_str().map(str::to_owned);
        let traces: BTreeSet<_> = inputs.iter().map(trace).collect();
        if request.header("authorization") != Some(&*format!("Bearer {TOKEN}")) {
            Some((401, "INVALID_AUTHENTICATION", "Authentication credentials not found".into()))
        } else if request.line() != format!("POST {PATH}") {
            Some((404, "OBJECT_NOT_FOUND", request.line()))
        } else if request.header("content-type") != Some("application/json") {
            Some((415, "VALIDATION_ERROR", "Unsupported media type".into()))
        } else if !(1..=100).contains(&inputs.len()) {
            Some((400, "VALIDATION_ERROR", format!("{} inputs", inputs.len())))
        } else if inputs.iter().any(|it| it["idProperty"] != UNIQUE) || ids.contains(&None) {
            Some((400, "VALIDATION_ERROR", "no property with unique values".into()))
        } else if ids.len() < inputs.len() || traces.len() < inputs.len() {
            Some((400, "VALIDATION_ERROR", "Duplicate IDs found in batch input".into()))
        } else {
            let keys = |input: &Value| {
                input["properties"]
                    .as_object()
                    .into_iter()
                    .flat_map(|it| it.keys().cloned())
                    .collect::<Vec<_>>()
            };
            let unknown = inputs.iter().flat_map(keys).find(|key| !PROPERTIES.contains(&&**key));
            unknown
                .map(|key| (400, "VALIDATION_ERROR", format!("Property \"{key}\" does not exist")))
        }
    }

    /// Why one deal is refused.
    fn invalid(properties: &Value) -> Option<String> {
        let text = |name: &str| properties[name].as_str().unwrap_or_default();
        if !STAGES.contains(&text("dealstage")) {
            return Some(format!("{} was not one of the allowed options", text("dealstage")));
        }
        let amount = text("amount");
        amount.parse::<f64>().is_err().then(|| format!("{amount} was not a valid number"))
    }

    fn upsert(&mut self, inputs: &[Value]) -> Reply {
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in inputs {
            let (id, trace) = (input["id"].as_str().expect("a text"), &input["objectWriteTraceId"]);
            if let Some(message) = Self::invalid(&input["properties"]) {
                errors.push(json!({
                    "status": "error",
                    "category": "VALIDATION_ERROR",
                    "message": format!("Property values were not valid: {message}"),
                    "context": { "objectWriteTraceId": [trace] },
                }));
                continue;
            }
            let is_new = self.deals.insert(id.to_owned(), input["properties"].clone()).is_none();
            *self.writes.entry(id.to_owned()).or_default() += 1;
            results.push(json!({ "id": id.len(), "new": is_new, "objectWriteTraceId": trace }));
        }
        // In an order of its own.
        results.reverse();
        if errors.is_empty() {
            return Reply::json(200, &json!({ "status": "COMPLETE", "results": results }));
        }
        self.mixed += usize::from(!results.is_empty());
        let body = json!({ "status": "COMPLETE", "results": results, "numErrors": errors.len(), "errors": errors });
        Reply::json(207, &body)
    }
}

impl Service for HubSpot {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn limited(&self) -> Reply {
        let body = json!({
            "status": "error",
            "message": "You have reached your ten_secondly_rolling limit.",
            "errorType": "RATE_LIMIT",
            "policyName": "TEN_SECONDLY_ROLLING",
        });
        Reply::json(429, &body).with("x-hubspot-ratelimit-interval-milliseconds", 500)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let inputs = request.json()["inputs"].as_array().cloned().unwrap_or_default();
        if let Some((status, category, message)) = Self::fault(request, &inputs) {
            let reply = refused(status, category, &message);
            return self.desk.violated(message, reply);
        }
        // One value that it cannot read at all, and nothing of the batch is taken.
        if inputs.iter().any(|input| input["properties"]["amount"].is_null()) {
            return refused(400, "VALIDATION_ERROR", "Invalid input JSON: amount");
        }
        self.upsert(&inputs)
    }
}
