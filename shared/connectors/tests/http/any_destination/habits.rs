//! Destinations whose habits are drawn from a seed, and what a flow says of them.

use serde_json::{Value, json};

use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    None,
    Entity,
    Serial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Retry,
    Park,
    LookUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Json,
    Form,
    Ndjson,
    Xml,
}

/// How an answer to a bulk says what became of each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// Of all or none, by its status.
    Whole,
    Position,
    Index,
    Key,
    FailuresByIndex,
    FailuresByKey,
    /// Those that were taken in one list, by their keys, and those that failed in another.
    TwoLists,
}

impl Results {
    pub fn is_by_key(self) -> bool {
        matches!(self, Self::Key | Self::FailuresByKey | Self::TwoLists)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsert {
    CreateFirst,
    /// The update goes to the id that the conflict names.
    CreateFirstThenNamed,
    UpdateFirst,
}

impl Upsert {
    pub fn is_create_first(self) -> bool {
        self != Self::UpdateFirst
    }
}

/// Where a request carries its key; of a bulk, `Body` is a key for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    None,
    Header,
    Body,
}

/// By what the server knows that it has something already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knows {
    Nothing,
    /// The first answer to a key is its answer for ever; with `refusals`, also where that was a refusal.
    Keys {
        refusals: bool,
    },
    /// The same version of an entity is there: 409.
    Versions,
}

#[derive(Debug, Clone)]
pub struct Bulk {
    pub size: u64,
    /// The server takes no more.
    pub taken_max: u64,
    pub results: Results,
    /// The status of an answer by which some failed.
    pub status: u16,
    /// Results have words, and no codes.
    pub words: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub count: u64,
    pub per_ms: i64,
    /// The flow says so.
    pub stated: bool,
    pub says_when: bool,
}

#[derive(Debug, Clone)]
pub struct Habits {
    pub order: Order,
    pub unknown: Unknown,
    pub body: Body,
    pub bulk: Option<Bulk>,
    pub upsert: Option<Upsert>,
    pub removes: bool,
    pub envelope: bool,
    pub maps: bool,
    pub key: Key,
    pub key_format: &'static str,
    pub knows: Knows,
    /// Refusals and the like are a code in a 200.
    pub codes: bool,
    pub bytes_max: Option<usize>,
    pub rate: Option<Rate>,
    pub concurrency: u64,
    pub processors: usize,
    pub attempts: u64,
    /// Of a hundred requests so many fail.
    pub faults: u64,
    /// So many faults at the most.
    pub faults_max: u64,
    pub crashes: u64,
    pub latency_ms: u64,
    pub invocation_ms: i64,
    pub repeats_messages: bool,
    pub repeats_records: bool,
    pub one_version: bool,
    pub has_odd_records: bool,
    /// The flow says all that it must.
    pub stated: bool,
    /// A question names the record by its idempotency key.
    pub asks_by_key: bool,
}

impl Habits {
    pub fn draw(random: &mut Random) -> Self {
        let order = random.pick(&[Order::None, Order::Entity, Order::Entity, Order::Serial]);
        let unknown = match order {
            Order::None => Unknown::Retry,
            _ => random.pick(&[Unknown::Retry, Unknown::Retry, Unknown::Park, Unknown::LookUp]),
        };
        let bulk = (random.below(2) == 0).then(|| Bulk::draw(random));
        let body = match &bulk {
            Some(_) => random.pick(&[Body::Json, Body::Json, Body::Ndjson, Body::Xml]),
            None => random.pick(&[Body::Json, Body::Json, Body::Form, Body::Xml]),
        };
        let upsert = (bulk.is_none() && random.below(3) == 0).then(|| {
            random.pick(&[Upsert::CreateFirst, Upsert::CreateFirstThenNamed, Upsert::UpdateFirst])
        });
        let key = random.pick(&[Key::None, Key::Header, Key::Header, Key::Body]);
        let knows = match (key, &upsert, random.below(3)) {
            (Key::None, None, 0) | (_, None, 1) => Knows::Versions,
            (Key::None, ..) | (.., 1) => Knows::Nothing,
            _ => Knows::Keys { refusals: upsert.is_none() && random.below(2) == 0 },
        };
        let rate = (random.below(4) == 0).then(|| Rate {
            count: 1 + random.below(5),
            per_ms: random.pick(&[1_000, 5_000, 20_000]),
            stated: random.below(3) > 0,
            says_when: random.below(2) == 0,
        });
        let processors = random.pick(&[1, 2, 2]);
        let is_keyed_each = key != Key::None && (bulk.is_none() || key == Key::Body);
        let removes = random.below(2) == 0 && (bulk.is_none() || body == Body::Ndjson);
        Self {
            order,
            unknown,
            removes,
            envelope: body == Body::Xml || matches!(body, Body::Json) && random.below(3) == 0,
            maps: random.below(2) == 0,
            key,
            key_format: random.pick(&["text", "uuid", "hash"]),
            knows,
            codes: bulk.as_ref().is_none_or(|bulk| bulk.results == Results::Whole)
                && random.below(4) == 0,
            bytes_max: (random.below(4) == 0).then_some(4_000),
            rate,
            concurrency: 2 + random.below(9),
            processors,
            attempts: random.pick(&[3, 20, 20]),
            faults: random.pick(&[0, 10, 25, 50]),
            faults_max: random.below(13),
            crashes: random.pick(&[0, 0, 0, 1, 2]),
            latency_ms: random.pick(&[0, 20, 300, 1_500]),
            // What takes several requests is not begun anew by the next invocation where the rate is slow.
            invocation_ms: match rate {
                Some(Rate { per_ms: 20_000, .. }) => 900_000,
                _ => random.pick(&[20_000, 60_000, 900_000]),
            },
            repeats_messages: order == Order::Entity && random.below(6) == 0,
            repeats_records: random.below(4) == 0,
            one_version: order == Order::None && random.below(2) == 0 || random.below(4) == 0,
            has_odd_records: random.below(3) == 0,
            stated: random.below(25) > 0,
            asks_by_key: is_keyed_each
                && upsert.is_none()
                && matches!(knows, Knows::Keys { .. })
                && random.below(2) == 0,
            body,
            bulk,
            upsert,
        }
    }

    pub fn by_entity(&self) -> bool {
        self.order != Order::None
    }

    pub fn asks(&self) -> bool {
        self.unknown == Unknown::LookUp
    }

    /// Whether every request for one record carries a key of its own.
    pub fn keys_each(&self) -> bool {
        match (&self.bulk, self.key) {
            (_, Key::None) => false,
            (None, _) => true,
            (Some(_), key) => key == Key::Body,
        }
    }

    /// The flow file for such a destination at `url`.
    pub fn flow(&self, url: &str) -> Value {
        let mut to = json!({ "url": format!("{url}/orders"), "timeout": "10s" });
        let body = match self.body {
            Body::Json => "json",
            Body::Form => "form",
            Body::Ndjson => "ndjson",
            Body::Xml => "xml",
        };
        to["body"] = body.into();
        match &self.bulk {
            Some(bulk) => to["batch"] = self.batch(bulk),
            None if self.body == Body::Xml => to["envelope"] = json!({ "order": "${body}" }),
            None if self.envelope => {
                to["envelope"] = json!({ "kind": "order", "data": "${body}" });
            }
            None => {}
        }
        self.say_keys(&mut to);
        if let Some(upsert) = self.upsert {
            let by_id = format!("{url}/orders/${{record.id}}");
            to["upsert"] = match upsert {
                Upsert::CreateFirst => json!({ "update": { "url": by_id } }),
                Upsert::CreateFirstThenNamed => json!({ "update": {
                    "url": format!("{url}/orders/${{answer.conflict.existing}}") } }),
                Upsert::UpdateFirst => {
                    json!({ "first": "update", "update": { "url": by_id } })
                }
            };
        }
        if self.removes {
            to["delete"] = match &self.bulk {
                None => json!({ "when": "gone",
                    "url": format!("{url}/orders/${{record.id}}?v=${{record.v}}") }),
                Some(_) => json!({ "when": "gone" }),
            };
        }
        if self.knows == Knows::Versions {
            to["duplicate"] = json!([409]);
        }
        if self.stated {
            to["answers"] = json!({ "code": "error", "reason": "message", "rules": [
                { "code": "busy", "means": "retry" },
                { "code": "ratelimited", "means": "limit" },
                { "code": "bad", "means": "refused" },
            ] });
        }
        self.say_unknown(url, &mut to);
        let mut limits = json!({ "concurrency": self.concurrency });
        if let Some(Rate { count, per_ms, stated: true, .. }) = self.rate {
            limits["rate"] = format!("{count}/{}s", per_ms / 1_000).into();
        }
        let order = match self.order {
            Order::None => "none",
            Order::Entity => "entity",
            Order::Serial => "serial",
        };
        let mut flow = json!({
            "flow": "orders",
            "source": { "http": { "url": "http://127.0.0.1:9/orders", "cursor": { "by": "id" },
                "pagination": "none" } },
            "destination": { "http": to },
            "limits": limits,
            "ordering": order,
            "retry": { "attempts": self.attempts, "base": "1s", "cap": "1m" },
        });
        if self.maps {
            flow["transform"] = json!({ "map": {
                "id": "id", "v": "v", "text": "text", "gone": "gone" } });
        }
        flow
    }

    fn say_unknown(&self, url: &str, to: &mut Value) {
        match self.unknown {
            Unknown::Retry => {}
            Unknown::Park => to["on_unknown"] = "park".into(),
            Unknown::LookUp => {
                let by = match self.asks_by_key {
                    true => "key=${idempotency_key}",
                    false => "id=${record.id}&v=${record.v}",
                };
                to["on_unknown"] = json!({ "lookup": { "url": format!("{url}/has?{by}") } });
            }
        }
    }

    fn say_keys(&self, to: &mut Value) {
        match (self.key, self.bulk.is_some()) {
            (Key::None, _) => to["idempotency_key"] = false.into(),
            (Key::Header, _) => to["idempotency"] = json!({ "format": self.key_format }),
            (Key::Body, true) => {
                to["idempotency"] = json!({ "format": self.key_format });
                to["batch"]["key_field"] = "key".into();
            }
            (Key::Body, false) => {
                let place = if self.body == Body::Xml { "order.key" } else { "key" };
                to["idempotency"] = json!({ "format": self.key_format, "in": place });
            }
        }
    }

    fn batch(&self, bulk: &Bulk) -> Value {
        let mut batch = json!({ "size": bulk.size });
        if let Some(bytes_max) = self.bytes_max {
            batch["bytes_max"] = (bytes_max - 500).into();
        }
        match self.body {
            Body::Ndjson => {
                batch["action"] = json!({ "index": { "id": "${record.id}" } });
                if self.removes {
                    batch["delete_action"] =
                        json!({ "delete": { "id": "${record.id}", "v": "${record.v}" } });
                }
            }
            Body::Xml => batch["envelope"] = json!({ "orders": { "order": "${records}" } }),
            _ if self.envelope => {
                batch["envelope"] = json!({ "kind": "order", "data": "${records}" });
            }
            _ => {}
        }
        if let Some(results) = self.results(bulk).filter(|_| self.stated) {
            batch["results"] = results;
        }
        batch
    }

    fn results(&self, bulk: &Bulk) -> Option<Value> {
        let mut results = match bulk.results {
            Results::Whole => return None,
            Results::Position => json!({ "path": "results" }),
            Results::Index => json!({ "path": "results", "index": "index" }),
            Results::Key => json!({ "path": "results", "key": "id", "record_key": "id" }),
            Results::FailuresByIndex => json!({ "failures": "errors", "index": "index" }),
            Results::FailuresByKey => {
                json!({ "failures": "errors", "key": "id", "record_key": "id" })
            }
            Results::TwoLists => json!({ "path": "results", "failures": "errors", "key": "id",
                "record_key": "id" }),
        };
        results["status"] = "status".into();
        results["reason"] = "message".into();
        if bulk.words {
            results["ok"] = json!(["created"]);
            results["retry"] = json!(["busy"]);
        }
        if self.knows == Knows::Versions {
            results["duplicate"] = json!([409, "exists"]);
        }
        Some(results)
    }
}

impl Bulk {
    fn draw(random: &mut Random) -> Self {
        let size = 1 + random.below(6);
        Self {
            size,
            taken_max: if random.below(5) == 0 { 1 + random.below(size) } else { size },
            results: random.pick(&[
                Results::Whole,
                Results::Whole,
                Results::Position,
                Results::Index,
                Results::Key,
                Results::FailuresByIndex,
                Results::FailuresByKey,
                Results::TwoLists,
            ]),
            status: random.pick(&[200, 207, 400]),
            words: random.below(3) == 0,
        }
    }
}
