//! Split records against a destination that fails at random: whatever it answers and wherever the process crashes, each
//! item is applied once, or its record is parked with the items that were refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tidegate_connectors::Connected;
use tidegate_core::{
    model::Outcome,
    ports::{Delivery, Outgoing},
};
use tidegate_testkit::SplitMix;

use crate::sent::{Taker, flow, outgoing};

/// More requests than any of these records needs.
const REQUESTS_MAX: u32 = 400;

struct Server {
    rng: SplitMix,
    /// Answers that fail, until there are none left.
    troubles: u32,
    bad: BTreeSet<String>,
    keys: BTreeSet<String>,
    applied: BTreeMap<String, u32>,
    /// Items that were taken, and answered for.
    told: BTreeSet<String>,
    /// Whether an item was sent again that this process knew to be taken.
    wasted: bool,
}

impl Server {
    /// Takes an item, once for each key; answers with its status.
    fn take(&mut self, item: &Value, key: &str, whole: &mut Vec<String>) -> u16 {
        let name = item["name"].as_str().expect("a name").to_owned();
        if self.bad.contains(&name) {
            return 422;
        }
        self.wasted |= self.told.contains(&name);
        if self.keys.insert(key.to_owned()) {
            *self.applied.entry(name.clone()).or_default() += 1;
        }
        whole.push(name);
        200
    }

    /// Whether this answer is one of those that fail, and by which status: before anything is applied, or after.
    fn trouble(&mut self) -> Option<(bool, u16)> {
        if self.troubles == 0 || !self.rng.chance(0.4) {
            return None;
        }
        self.troubles -= 1;
        let status = [429, 500, 503, 502][self.rng.below(4) as usize];
        Some((self.rng.chance(0.5), status))
    }
}

fn answer(server: &mut Server, body: &Value, key: &str) -> (u16, Value) {
    let trouble = server.trouble();
    if let Some((false, status)) = trouble {
        return (status, json!({}));
    }
    let mut taken = Vec::new();
    let answer = match body.as_array() {
        None => (server.take(body, key, &mut taken), json!({})),
        Some(items) => {
            let status = |item: &Value| {
                let key = item["key"].as_str().expect("a key").to_owned();
                json!({ "status": server.take(item, &key, &mut taken) })
            };
            (207, items.iter().map(status).collect())
        }
    };
    if let Some((true, status)) = trouble {
        return (status, json!({}));
    }
    server.told.extend(taken);
    answer
}

async fn deliver(flow: &Connected, record: &Outgoing) -> Delivery {
    flow.destination.deliver(std::slice::from_ref(record), 5_000).await
}

#[tokio::test]
async fn whatever_fails_each_item_is_applied_once_or_said_to_be_refused() {
    for seed in 0..120u64 {
        let mut rng = SplitMix::new(seed);
        let items: Vec<String> = (0..=rng.below(12)).map(|at| format!("item-{at}")).collect();
        let bad: BTreeSet<String> = items.iter().filter(|_| rng.chance(0.15)).cloned().collect();
        let size = 1 + rng.below(4);
        let server = Arc::new(Mutex::new(Server {
            rng: SplitMix::new(seed + 1_000),
            troubles: 6,
            bad: bad.clone(),
            keys: BTreeSet::new(),
            applied: BTreeMap::new(),
            told: BTreeSet::new(),
            wasted: false,
        }));
        let serves = Arc::clone(&server);
        let api = Taker::start(move |it| {
            let key = it.header("idempotency-key").unwrap_or_default();
            answer(&mut serves.lock().unwrap(), &it.json(), key)
        })
        .await;
        let mut to = json!({ "url": api.url, "split": { "items": "items", "id": "name" } });
        if rng.chance(0.5) {
            to["batch"] =
                json!({ "size": size, "key_field": "key", "results": { "status": "status" } });
        }
        let record = json!({ "id": 7, "items":
            items.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() });
        let mut process = flow(&json!({}), &to);
        let outgoing = outgoing(&process, &record, false);
        let mut requests = 0;
        let outcome = loop {
            requests += 1;
            assert!(requests < REQUESTS_MAX, "{seed}: it goes on for ever");
            let delivery = deliver(&process, &outgoing).await;
            if rng.chance(0.05) {
                // A crash: what was known of its items is gone.
                process = flow(&json!({}), &to);
                server.lock().unwrap().told.clear();
                continue;
            }
            match delivery.outcomes.into_iter().next().expect("one record") {
                _ if delivery.again => {}
                Outcome::Later(_) => {}
                settled => break settled,
            }
        };
        let server = server.lock().unwrap();
        assert!(!server.wasted, "{seed}: an item went out again that was known to be taken");
        let good = items.iter().filter(|name| !bad.contains(*name));
        let once: BTreeMap<String, u32> = good.map(|name| (name.clone(), 1)).collect();
        assert_eq!(server.applied, once, "{seed}");
        match outcome {
            Outcome::Delivered => assert!(bad.is_empty(), "{seed}"),
            Outcome::Refused { reason, .. } => {
                assert!(
                    !bad.is_empty() && reason.contains(&format!("{} taken", once.len())),
                    "{seed}: {reason}"
                );
            }
            other => panic!("{seed}: {other:?}"),
        }
    }
}
