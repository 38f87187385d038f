//! A CRM that creates, updates and deletes contacts, each by a request of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const KEY: &str = "crm-1";

pub struct Crm {
    pub desk: Desk,
    /// The contacts, by the shop's reference.
    pub contacts: BTreeMap<String, Value>,
    /// What was sent by each key.
    keys: BTreeMap<String, String>,
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "message": message } }))
}

impl Crm {
    pub fn new(desk: Desk) -> Self {
        Self { desk, contacts: BTreeMap::new(), keys: BTreeMap::new() }
    }

    /// Each contact's name, by the shop's id.
    pub fn names(&self) -> BTreeMap<u64, String> {
        let name = |(reference, contact): (&String, &Value)| {
            (reference.parse().expect("a number"), contact["name"].as_str().unwrap().to_owned())
        };
        self.contacts.iter().map(name).collect()
    }

    /// Why a request is none that the API takes.
    fn fault(&mut self, request: &Request) -> Option<(u16, String)> {
        if request.header("x-api-key") != Some(KEY) {
            return Some((401, "no key".into()));
        }
        let Some(key) = request.header("idempotency-key") else {
            return Some((400, "no Idempotency-Key".into()));
        };
        let sent = format!("{} {}", request.line(), request.body);
        let first = self.keys.entry(key.to_owned()).or_insert_with(|| sent.clone());
        if *first != sent {
            return Some((422, "the key went out with another request".into()));
        }
        if request.method == "DELETE" {
            return (!request.body.is_empty()).then(|| (400, "a body".to_owned()));
        }
        if request.header("content-type") != Some("application/json") {
            return Some((415, "no JSON".into()));
        }
        let body = request.json();
        let unknown = body
            .as_object()?
            .keys()
            .find(|it| !["reference", "email", "name"].contains(&it.as_str()))?;
        Some((400, format!("unknown field {unknown}")))
    }

    fn handle(&mut self, request: &Request) -> Option<Reply> {
        let body = request.json();
        let done = |status| Some(Reply::json(status, &json!({})));
        let missing = || Some(refused(404, "no such contact"));
        if body["email"] == "no address" {
            return Some(refused(422, "this is no address"));
        }
        let by_reference = request.path.strip_prefix("/contacts/by-reference/").map(str::to_owned);
        let by_id = request.path.strip_prefix("/contacts/c").map(str::to_owned);
        match (request.method.as_str(), by_reference, by_id) {
            ("POST", None, None) if request.path == "/contacts" => {
                let reference = body["reference"].as_str()?.to_owned();
                if self.contacts.contains_key(&reference) {
                    let error =
                        json!({ "message": "it is there", "existing_id": format!("c{reference}") });
                    return Some(Reply::json(409, &json!({ "error": error })));
                }
                self.contacts.insert(reference, body);
                done(201)
            }
            ("PUT", Some(reference), _) | ("PATCH", None, Some(reference)) => {
                if !self.contacts.contains_key(&reference) {
                    return missing();
                }
                self.contacts.insert(reference, body);
                done(200)
            }
            ("DELETE", Some(reference), _) => match self.contacts.remove(&reference) {
                Some(_) => done(200),
                None => missing(),
            },
            _ => None,
        }
    }
}

impl Service for Crm {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if let Some((status, message)) = self.fault(request) {
            return self.desk.violated(message.clone(), refused(status, &message));
        }
        self.handle(request)
            .unwrap_or_else(|| self.desk.violated(request.line(), refused(405, "not allowed")))
    }
}
