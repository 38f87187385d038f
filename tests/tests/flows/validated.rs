//! Records that are not as the flow says, by the whole program: parked with all their faults, in the way of no other,
//! and looked at anew by a replay.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use super::{
    api::{Answer, Api},
    process::{Tidegate, tidegate},
};

const FINE: &str = "200 OK";

const RULES: &str = "  price: { required: true, type: number, min: 0 }
  currency: { enum: [EUR, CHF] }
  \"images[].url\": { required: true, pattern: '^https://' }
";

/// Offers, the shop that takes them, and one flow between.
struct World {
    folder: tempfile::TempDir,
    source: Api,
    shop: Api,
    /// What the flow has beside its rules.
    more: String,
}

fn offer(id: u32) -> Value {
    json!({
        "id": id,
        "updated_at": format!("2026-01-01T00:{:02}:{:02}Z", id / 60, id % 60),
        "price": "12.50",
        "currency": "EUR",
        "images": [{ "url": "https://a.example/1" }],
    })
}

/// An offer with something else at its keys; what is null is not there.
fn with(id: u32, keys: Value) -> Value {
    let mut offer = offer(id);
    for (key, value) in keys.as_object().expect("an object") {
        offer[key] = value.clone();
    }
    offer
}

impl World {
    fn new(offers: &[Value], more: &str) -> Self {
        let source = Api::saying(FINE, &json!({ "offers": offers }).to_string());
        let shop = Api::saying(FINE, "{}");
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { folder, source, shop, more: more.to_owned() };
        world.says(RULES);
        world
    }

    /// Writes the flow with these rules.
    fn says(&self, rules: &str) {
        let Self { source, shop, more, .. } = self;
        let flow = format!(
            "flow: offers
source:
  http:
    url: {}/offers
    records: offers
    cursor: {{ by: timestamp, field: updated_at, since: since, settle_lag: 0s }}
    pagination: whole
validate:
{rules}destination:
  http: {{ url: '{}/offers', delete: {{ when: gone }} }}
landing: 100ms
retry: {{ base: 20ms, cap: 100ms }}
{more}",
            source.url, shop.url
        );
        fs::write(self.path("flow.yaml"), flow).expect("it can be written");
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn command(&self, name: &str, more: &[&str]) -> Tidegate {
        let (flow, state) = (self.path("flow.yaml"), self.path("state"));
        tidegate([&[name, &flow, "--state", &state], more].concat())
    }

    fn run(&self) -> Value {
        self.command("run", &["--json", "--until-caught-up", "--give-up-after", "20s"]).run().fine()
    }

    /// Parked records: their ids and reasons, by id.
    fn parked(&self) -> Vec<(u64, String)> {
        let parked = self.command("parked", &["--json"]).run().fine();
        let of = |record: &Value| {
            (
                record["id"].as_u64().expect("an id"),
                record["reason"].as_str().expect("one").to_owned(),
            )
        };
        let mut parked: Vec<_> =
            parked["records"].as_array().expect("a list").iter().map(of).collect();
        parked.sort();
        parked
    }

    /// The ids of the offers that the shop was sent.
    fn sent(&self) -> BTreeSet<u64> {
        let id = |body: &str| {
            let body: Value = serde_json::from_str(body).expect("JSON");
            body["id"].as_u64().expect("an id")
        };
        self.shop
            .requests()
            .iter()
            .filter(|it| it.line.starts_with("POST"))
            .map(|it| id(&it.body))
            .collect()
    }
}

#[test]
fn each_bad_record_is_parked_with_all_its_faults_and_a_replay_looks_anew() {
    let bad = [
        (7, json!({ "price": "12,50" }), r#"price: is "12,50", not a number"#),
        (20, json!({ "price": null }), "price: is missing"),
        (21, json!({ "price": "" }), "price: is missing"),
        (
            40,
            json!({ "price": -1, "currency": "USD" }),
            "price: is -1, less than 0; currency: is \"USD\", not one of EUR, CHF",
        ),
        (
            77,
            json!({ "images": [{ "url": "https://b" }, {}, { "url": "ftp://c" }] }),
            "images[1].url: is missing; images[2].url: does not match `^https://`",
        ),
        (90, json!({ "images": {} }), "images: is an object, not an array"),
        (101, json!({ "currency": "USD" }), "currency: is \"USD\", not one of EUR, CHF"),
        (102, json!({ "currency": "usd" }), "currency: is \"usd\", not one of EUR, CHF"),
        (103, json!({ "currency": 7 }), "currency: is 7, not one of EUR, CHF"),
        (
            150,
            json!({ "price": true, "currency": ["EUR"], "images": [{}] }),
            "price: is true, not a number; currency: is an array, not a single value; images[0].url: is missing",
        ),
        (199, json!({ "price": {} }), "price: is an object, not a number"),
        (
            200,
            json!({ "price": "free", "images": 5 }),
            "price: is \"free\", not a number; images: is 5, not an array",
        ),
    ];
    let offers = (1..=200).map(|id| match bad.iter().find(|(bad, ..)| *bad == id) {
        Some((_, keys, _)) => with(id, keys.clone()),
        None => offer(id),
    });
    let offers: Vec<Value> = offers.collect();
    let world = World::new(&offers, "ordering: entity\n");
    let summary = world.run();
    assert_eq!((&summary["delivered"], &summary["parked"]), (&188.into(), &12.into()), "{summary}");
    let ids = |ids: &[u64]| ids.iter().copied().collect::<BTreeSet<u64>>();
    let bad_ids: Vec<u64> = bad.iter().map(|(id, ..)| u64::from(*id)).collect();
    assert_eq!(world.sent(), &ids(&(1..=200).collect::<Vec<_>>()) - &ids(&bad_ids));
    let said: Vec<(u64, String)> =
        bad.iter().map(|(id, _, said)| (u64::from(*id), format!("invalid: {said}"))).collect();
    assert_eq!(world.parked(), said);

    // For people, each fault has a line of its own, and each kind of fault its number of records.
    let shown = world.command("parked", &[]).run();
    for line in ["price: is true, not a number", "currency: is an array, not a single value"] {
        assert!(shown.stdout.lines().any(|it| it.trim() == line), "{}", shown.stdout);
    }
    let reasons = world.command("parked", &["--by-reason", "--json"]).run().fine();
    let counts: Vec<(&str, u64)> = reasons["reasons"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["reason"].as_str().expect("one"), it["records"].as_u64().expect("a number")))
        .collect();
    assert!(counts.contains(&("images[…].url: is missing", 2)), "{reasons}");
    assert!(counts.contains(&("price: is missing", 2)), "{reasons}");
    assert!(counts.contains(&("currency: is \"…\", not one of EUR, CHF", 3)), "{reasons}");
    assert_eq!(reasons["parked"], 12);

    // A replay of what is as bad as before parks it again, by the rules as they are now.
    world.says(&RULES.replace("[EUR, CHF]", "[EUR, CHF, USD]").replace("min: 0", "max: 100"));
    let replayed = world.command("replay", &["--json"]).run();
    assert_eq!(replayed.code, Some(1), "{replayed:?}");
    assert!(replayed.stderr.contains("10 records are parked still"), "{}", replayed.stderr);
    let left: Vec<u64> = world.parked().into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [7, 20, 21, 77, 90, 102, 103, 150, 199, 200]);
    assert!(world.sent().is_superset(&ids(&[40, 101])));
    let reason = &world.parked()[0].1;
    assert_eq!(reason, "invalid: price: is \"12,50\", not a number", "it is its newest one");
    world.says("  id: { required: true, type: integer }\n");
    world.command("replay", &["--json"]).run().fine();
    assert_eq!((world.sent().len(), world.shop.asked()), (200, 200), "each once");
}

#[test]
fn records_that_are_bad_in_a_row_stop_nothing() {
    for ordering in ["none", "entity", "serial"] {
        // More than may be refused in a row.
        let bad = |id| with(id, json!({ "price": "x" }));
        let offers: Vec<Value> = (1..=150).map(bad).chain((151..=160).map(offer)).collect();
        let world =
            World::new(&offers, &format!("ordering: {ordering}\npage: {{ records_max: 40 }}\n"));
        let summary = world.run();
        assert_eq!(
            (&summary["delivered"], &summary["parked"]),
            (&10.into(), &150.into()),
            "{summary}"
        );
        assert_eq!(world.sent(), (151..=160).collect());
    }
}

#[test]
fn a_deletion_and_what_the_filter_leaves_out_may_be_as_they_like() {
    let gone = json!({ "id": 2, "updated_at": "2026-01-01T00:00:02Z", "gone": true });
    let offers = [
        offer(1),
        gone,
        with(3, json!({ "price": "x", "currency": "draft" })),
        with(4, json!({ "price": "x" })),
    ];
    let world = World::new(&offers, "transform: { filter: '.currency != \"draft\"' }\n");
    let summary = world.run();
    let counts = ["delivered", "skipped", "parked"].map(|of| summary[of].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(1)], "{summary}");
    assert!(world.shop.requests().iter().any(|it| it.line.starts_with("DELETE")));
}

#[test]
fn what_is_looked_up_is_looked_at_before() {
    let known = Api::new(|_| Answer::At(FINE, r#"[{"id":1,"name":"x"}]"#.into()));
    let lookup = format!(
        "lookup: {{ by: id, http: {{ url: '{}/known', query: {{ ids: '${{lookup.keys}}' }}, key: id }} }}
transform: {{ map: {{ id: id, name: {{ lookup: name }} }} }}
",
        known.url
    );
    let offers = [offer(1), with(2, json!({ "price": "x" })), with(3, json!({ "price": null }))];
    let world = World::new(&offers, &lookup);
    let summary = world.run();
    assert_eq!((&summary["delivered"], &summary["parked"]), (&1.into(), &2.into()), "{summary}");
    assert!(
        known.requests().iter().all(|it| !it.line.contains(['2', '3'])),
        "{:?}",
        known.requests()
    );
}

#[test]
fn check_and_try_show_the_faults_and_tests_expect_them() {
    let world = World::new(&[with(1, json!({ "price": "x", "currency": "USD" }))], "");
    let record = world.path("record.json");
    fs::write(&record, r#"{"id":1,"price":"x","images":[{}]}"#).expect("it can be written");
    let case = "cases:\n  - name: a bad price\n    record: { id: 1, price: x }\n    refused: 'price: is \"x\", not a number'\n";
    fs::write(world.path("flow.test.yaml"), case).expect("it can be written");
    let flow = world.path("flow.yaml");
    let checked = tidegate(["check", &flow, "--record", &record]).run();
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("1 tests pass"), "{}", checked.stdout);
    let said =
        "would be parked: invalid\n  price: is \"x\", not a number\n  images[0].url: is missing";
    assert!(checked.stderr.contains(said), "{}", checked.stderr);
    let tried = world.command("try", &["--yes"]).run();
    let said = "parked: record 1: invalid\n  price: is \"x\", not a number\n  currency: is \"USD\", not one of EUR, CHF";
    assert!(tried.stdout.contains(said), "{}", tried.stdout);
    assert_eq!(world.shop.asked(), 0);
}
