//! Deletions reach the destination, by the whole program: after the writes of what they delete, with every order and
//! after a replay.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    api::{Answer, Api, Request},
    process::{Ended, tidegate},
};

const FINE: &str = "200 OK";

/// What the destination has, and which of its orders it refuses to delete.
#[derive(Default)]
struct Stored {
    ids: BTreeSet<String>,
    locked: BTreeSet<String>,
    /// So many answers to come are lost, after the request was applied.
    lost: u32,
}

/// A source that is told what it lists, and a destination that keeps orders by their address.
struct World {
    folder: tempfile::TempDir,
    source: Api,
    destination: Api,
    stored: Arc<Mutex<Stored>>,
}

fn apply(stored: &mut Stored, request: &Request) -> Answer {
    let (method, path) = request.line.split_once(' ').expect("a request");
    let id = path.trim_start_matches("/orders/").to_owned();
    let done = match method {
        "DELETE" if stored.locked.contains(&id) => {
            return Answer::At("422 Unprocessable Entity", r#"{"error":"it is locked"}"#.into());
        }
        "DELETE" => stored.ids.remove(&id),
        _ => {
            stored.ids.insert(id);
            true
        }
    };
    if stored.lost > 0 {
        stored.lost -= 1;
        return Answer::Lost;
    }
    Answer::At(if done { FINE } else { "404 Not Found" }, "{}".into())
}

/// An order at a second, alive.
fn order(id: u32, second: u32) -> Value {
    json!({ "id": id, "updated_at": format!("2026-01-01T00:00:{second:02}Z"), "name": "an order" })
}

/// What is left of one that was deleted then: nothing to map.
fn gone(id: u32, second: u32) -> Value {
    let at = format!("2026-01-01T00:00:{second:02}Z");
    json!({ "id": id, "updated_at": at, "deleted_at": at })
}

fn listing(orders: &[Value]) -> String {
    json!({ "orders": orders }).to_string()
}

impl World {
    fn new(ordering: &str, orders: &[Value]) -> Self {
        let source = Api::saying(FINE, &listing(orders));
        let stored = Arc::<Mutex<Stored>>::default();
        let kept = Arc::clone(&stored);
        let destination =
            Api::of_requests(move |request| apply(&mut kept.lock().expect("no panic"), request));
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { folder, source, destination, stored };
        let (source, destination) = (&world.source.url, &world.destination.url);
        let flow = format!(
            "flow: orders
source:
  http:
    url: {source}/orders
    records: orders
    cursor: {{ by: timestamp, field: updated_at, since: since, settle_lag: 0s }}
    pagination: whole
transform: {{ jq: 'if .name then {{name}} else error(\"nothing is made of a deletion\") end' }}
destination:
  http:
    url: {destination}/orders/${{record.id}}
    method: PUT
    delete: {{ when: deleted_at }}
ordering: {ordering}
landing: 200ms
retry: {{ base: 20ms, cap: 100ms }}
"
        );
        fs::write(world.path("flow.yaml"), flow).expect("it can be written");
        world
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn command(&self, name: &str, more: &[&str]) -> Ended {
        let (flow, state) = (self.path("flow.yaml"), self.path("state"));
        tidegate([&[name, &flow, "--state", &state, "--json"], more].concat()).run()
    }

    fn run(&self) -> Value {
        self.command("run", &["--until-caught-up", "--give-up-after", "20s"]).fine()
    }

    fn has(&self) -> Vec<String> {
        self.stored.lock().expect("no panic").ids.iter().cloned().collect()
    }

    /// How often it was asked this.
    fn asked(&self, line: &str) -> usize {
        self.destination.requests().iter().filter(|request| request.line == line).count()
    }

    fn now_lists(&self, orders: &[Value]) {
        let listing = listing(orders);
        self.source.now_says(move |_| Answer::At(FINE, listing.clone()));
    }
}

/// D13. On the laptop, what counts the steps and notes the sending did not say that a deletion is not to be mapped.
#[test]
fn repro_deletions_reach_the_destination_as_deletions_in_every_order() {
    for ordering in ["none", "entity", "serial"] {
        let world = World::new(ordering, &[order(1, 1), order(2, 2), order(3, 3)]);
        let summary = world.run();
        assert_eq!(
            (&summary["delivered"], &summary["parked"]),
            (&3.into(), &0.into()),
            "{summary}"
        );
        assert_eq!(world.has(), ["1", "2", "3"]);
        world.now_lists(&[order(1, 1), gone(2, 20), order(3, 3)]);
        let summary = world.run();
        assert_eq!(
            (&summary["delivered"], &summary["parked"]),
            (&1.into(), &0.into()),
            "{summary}"
        );
        assert_eq!(
            (world.has(), world.asked("DELETE /orders/2")),
            (vec!["1".into(), "3".into()], 1)
        );
    }
}

#[test]
fn an_order_that_is_written_and_deleted_in_one_list_stays_deleted_also_when_answers_are_lost() {
    for lost in 0..4 {
        // The source is a log: it lists both.
        let listed = [order(5, 1), order(6, 2), gone(5, 3), order(7, 4), gone(8, 5)];
        let world = World::new("entity", &listed);
        world.stored.lock().expect("no panic").lost = lost;
        let summary = world.run();
        assert_eq!(
            (&summary["caught_up"], &summary["parked"]),
            (&true.into(), &0.into()),
            "{summary}"
        );
        assert_eq!(
            world.has(),
            ["6", "7"],
            "{lost} answers lost: {:?}",
            world.destination.requests()
        );
        // What was never there is deleted as well: 404 is what was asked for.
        assert!(world.asked("DELETE /orders/8") >= 1);
    }
}

#[test]
fn a_deletion_that_was_parked_is_a_deletion_when_it_is_replayed() {
    let world = World::new("entity", &[order(1, 1), order(2, 2), gone(2, 3)]);
    world.stored.lock().expect("no panic").locked.insert("2".into());
    world.stored.lock().expect("no panic").ids.insert("2".into());
    let summary = world.run();
    assert_eq!(summary["parked"], 1, "{summary}");
    let parked = world.command("parked", &[]).fine();
    assert!(parked["records"][0]["reason"].as_str().unwrap().contains("it is locked"), "{parked}");
    assert_eq!(world.has(), ["1", "2"]);
    world.stored.lock().expect("no panic").locked.clear();
    let before = world.asked("PUT /orders/2");
    world.command("replay", &[]).fine();
    assert_eq!(world.has(), ["1"]);
    assert_eq!(world.asked("PUT /orders/2"), before, "a replay deletes, and writes nothing");
    assert_eq!(world.command("parked", &[]).fine()["records"], json!([]));
}
