//! Records to several addresses, by the whole program: bulks of each, the order of an entity across them, none parked in
//! silence.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use serde_json::{Value, json};

use super::{
    api::{Answer, Api, Request},
    process::{Ended, tidegate},
};

const FINE: &str = "200 OK";

struct World {
    folder: tempfile::TempDir,
    _source: Api,
    to: Api,
}

impl World {
    fn new(
        records: &[Value],
        routes: &str,
        more: &str,
        answer: impl Fn(&Request) -> Answer + Send + 'static,
    ) -> Self {
        let source = Api::saying(FINE, &json!({ "records": records }).to_string());
        let to = Api::of_requests(answer);
        let folder = tempfile::tempdir().expect("a folder");
        let flow = format!(
            "flow: records
source:
  http:
    url: {}/records
    records: records
    cursor: {{ by: timestamp, field: at, since: since }}
    pagination: whole
destination:
  http:
    url: {}/single/${{record.id}}
{routes}
landing: 100ms
retry: {{ base: 10ms, cap: 50ms, attempts: 50 }}
{more}",
            source.url,
            to.url,
            routes = routes.replace("TO", &to.url),
        );
        fs::write(folder.path().join("flow.yaml"), flow).expect("it can be written");
        Self { folder, _source: source, to }
    }

    fn command(&self, name: &str, more: &[&str]) -> Ended {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (flow, state) = (path("flow.yaml"), path("state"));
        tidegate([&[name, &flow, "--state", &state, "--json"], more].concat()).run()
    }

    fn run(&self) -> Value {
        self.command("run", &["--until-caught-up", "--give-up-after", "20s"]).fine()
    }
}

fn record(id: u32, at: u32, kind: &str) -> Value {
    json!({ "id": id, "at": format!("2026-01-01T00:{:02}:{:02}Z", at / 60, at % 60), "kind": kind })
}

fn fine() -> Answer {
    Answer::At(FINE, "{}".into())
}

const BULK_AND_SINGLE: &str = "    routes:
      - { when: '.kind == \"many\"', url: 'TO/bulk', batch: { size: 20 } }
      - { when: '.kind == \"one\"', method: PUT }";

/// The records of a bulk.
fn bulk(request: &Request) -> Vec<Value> {
    serde_json::from_str(&request.body).expect("a bulk")
}

#[test]
fn each_route_has_bulks_of_its_own_and_all_of_it_arrives_once_where_answers_are_lost() {
    for ordering in ["none", "entity", "serial"] {
        let records: Vec<Value> =
            (1..=120).map(|id| record(id, id, if id % 3 == 0 { "one" } else { "many" })).collect();
        let asked = AtomicU32::new(0);
        let arrived = Arc::<Mutex<BTreeMap<String, BTreeMap<u64, u32>>>>::default();
        let seen = Arc::clone(&arrived);
        let world = World::new(
            &records,
            BULK_AND_SINGLE,
            &format!("ordering: {ordering}\n"),
            move |request| {
                let mut seen = seen.lock().expect("no panic");
                // A repeat is known by its key: that of the whole bulk.
                let ids: Vec<u64> = match request.line.as_str() {
                    "POST /bulk" => {
                        bulk(request).iter().map(|it| it["id"].as_u64().expect("an id")).collect()
                    }
                    line => vec![line.trim_start_matches("PUT /single/").parse().expect("an id")],
                };
                let of_key = seen.entry(request.key.clone()).or_default();
                ids.iter().for_each(|id| _ = of_key.insert(*id, 1));
                if asked.fetch_add(1, SeqCst) % 9 == 4 { Answer::Lost } else { fine() }
            },
        );
        let summary = world.run();
        assert_eq!(
            (&summary["delivered"], &summary["parked"]),
            (&120.into(), &0.into()),
            "{ordering}: {summary}"
        );
        let mut times = BTreeMap::<u64, u32>::new();
        for ids in arrived.lock().expect("no panic").values() {
            ids.keys().for_each(|id| *times.entry(*id).or_default() += 1);
        }
        assert_eq!(
            times,
            (1..=120).map(|id| (id, 1)).collect(),
            "{ordering}: no record under two keys"
        );
        if ordering != "serial" {
            let bulks = world.to.requests().iter().filter(|it| it.line == "POST /bulk").count();
            assert!(
                bulks <= 14,
                "80 records in bulks of 20 at most, by blocks of their page: {bulks}"
            );
        }
    }
}

/// An entity that changes its kind takes another route with its next version: the newest lands last.
#[test]
fn the_order_of_an_entity_holds_across_routes() {
    let mut records = Vec::new();
    for version in 0..6 {
        for id in 1..=4 {
            let kind = if (version + id) % 2 == 0 { "one" } else { "many" };
            let mut record = record(id, version * 4 + id, kind);
            record["version"] = version.into();
            records.push(record);
        }
    }
    let newest = Arc::<Mutex<BTreeMap<u64, Vec<u64>>>>::default();
    let seen = Arc::clone(&newest);
    let asked = AtomicU32::new(0);
    let world = World::new(&records, BULK_AND_SINGLE, "ordering: entity\n", move |request| {
        let mut seen = seen.lock().expect("no panic");
        let taken = if request.line == "POST /bulk" {
            bulk(request)
        } else {
            vec![serde_json::from_str(&request.body).expect("a record")]
        };
        for record in taken {
            let number = |field: &str| record[field].as_u64().expect("a number");
            seen.entry(number("id")).or_default().push(number("version"));
        }
        match asked.fetch_add(1, SeqCst) % 4 {
            1 => Answer::Lost,
            2 => Answer::At("503 Service Unavailable", "{}".into()),
            _ => fine(),
        }
    });
    let summary = world.run();
    assert_eq!((&summary["caught_up"], &summary["parked"]), (&true.into(), &0.into()), "{summary}");
    for (id, versions) in newest.lock().expect("no panic").iter() {
        assert_eq!(versions.last(), Some(&5), "{id}: {versions:?}");
        assert!(versions.is_sorted(), "no older version after a newer one: {id}: {versions:?}");
    }
}

#[test]
fn what_no_route_takes_is_parked_with_the_reason_or_skipped_as_the_flow_says() {
    let records: Vec<Value> =
        (1..=10).map(|id| record(id, id, if id % 5 == 0 { "odd" } else { "one" })).collect();
    let world = World::new(&records, BULK_AND_SINGLE, "ordering: none\n", |_| fine());
    let summary = world.run();
    assert_eq!((&summary["delivered"], &summary["parked"]), (&8.into(), &2.into()), "{summary}");
    assert_eq!(world.to.asked(), 8);
    let parked = world.command("parked", &[]).fine();
    let reason = parked["records"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("no route takes it"), "{reason}");
    // What the filter leaves out is not asked for a route.
    let filter = "ordering: none\ntransform: { filter: '.kind != \"odd\"' }\n";
    let world = World::new(&records, BULK_AND_SINGLE, filter, |_| fine());
    let summary = world.run();
    let counts = ["delivered", "skipped", "parked"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [Some(8), Some(2), Some(0)], "{summary}");
    let skips = format!("{BULK_AND_SINGLE}\n    otherwise: skip");
    let world = World::new(&records, &skips, "ordering: entity\n", |_| fine());
    let summary = world.run();
    let counts = ["delivered", "skipped", "parked"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [Some(8), Some(2), Some(0)], "{summary}");
    assert_eq!(world.to.asked(), 8, "what is skipped makes no request");
}

#[test]
fn a_deletion_takes_the_route_of_its_record_and_a_split_another() {
    let routes = "    delete: { when: gone, url: 'TO/gone/${record.id}' }
    routes:
      - { when: '.kind == \"lines\"', url: 'TO/lines', split: { items: lines } }
      - { when: '.kind == \"one\"', url: 'TO/one/${record.id}', method: PUT }";
    let mut records = vec![
        record(1, 1, "lines"),
        record(2, 2, "one"),
        record(3, 3, "one"),
        record(4, 4, "lines"),
    ];
    records[0]["lines"] = json!(["a", "b"]);
    records[2]["gone"] = true.into();
    records[3]["gone"] = true.into();
    let world = World::new(&records, routes, "ordering: serial\n", |_| fine());
    assert_eq!(world.run()["delivered"], 4);
    let requests = world.to.requests();
    let lines: Vec<&str> = requests.iter().map(|it| it.line.as_str()).collect();
    assert_eq!(
        lines,
        ["POST /lines", "POST /lines", "PUT /one/2", "DELETE /gone/3", "DELETE /gone/4"]
    );
}
