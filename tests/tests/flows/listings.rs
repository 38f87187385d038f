//! `demo listings`, and the flow on the command line: offers of one file, each delivered by itself, while files change,
//! break off, come packed, and while the process is killed.

use std::{fs, thread, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_examples::listings::{Broken, Edit, Failing, Listings, ListingsConfig};
use tidegate_testkit::SplitMix;
use tokio::runtime::Runtime;

use super::process::{Ended, Tidegate, tidegate};

/// The example APIs in this process, a flow file and a folder for its state.
struct World {
    // Before its runtime: it stops on it.
    listings: Listings,
    _runtime: Runtime,
    folder: TempDir,
}

impl World {
    fn new(config: ListingsConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listings = runtime.block_on(Listings::start(config)).expect("the example APIs start");
        let world = Self { listings, _runtime: runtime, folder: tempfile::tempdir().expect("one") };
        world.says(shipped());
        world
    }

    fn of(offers: u64) -> Self {
        Self::new(ListingsConfig { offers, ..ListingsConfig::default() })
    }

    /// Writes the flow file.
    fn says(&self, flow: &str) {
        // What is retried is retried soon, and what a killed process has sent is not waited for.
        let flow = flow.replace("base: 1s", "base: 50ms") + "landing: 500ms\n";
        fs::write(self.path("flow.yaml"), flow).expect("it can be written");
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn command(&self, name: &str, more: &[&str]) -> Tidegate {
        let (flow, state) = (self.path("flow.yaml"), self.path("state"));
        let mut arguments: Vec<String> =
            [name, &flow, "--state", &state, "--json"].map(str::to_owned).into();
        if name == "run" {
            let Listings { source_url, destination_url, .. } = &self.listings;
            for (name, value) in [("erp_url", source_url), ("portal_url", destination_url)] {
                arguments.extend(["--param".to_owned(), format!("{name}={value}")]);
            }
        }
        arguments.extend(more.iter().map(ToString::to_string));
        tidegate(arguments)
            .secret("erp_key", &self.listings.source_key)
            .secret("portal_token", &self.listings.destination_token)
    }

    fn run_with(&self, more: &[&str]) -> Ended {
        let options = [&["--until-caught-up", "--give-up-after", "30s"], more].concat();
        self.command("run", &options).run()
    }

    fn run(&self) -> Value {
        self.run_with(&[]).fine()
    }

    /// Every valid offer is a listing, as it is, and nothing else is.
    fn assert_whole(&self) {
        let audit = self.listings.audit();
        let found = (audit.missing, audit.wrong, audit.surplus, audit.refused_422);
        assert_eq!(found, (0, 0, 0, 0), "{audit:?}");
    }

    /// Puts and deletions that the portal took since these.
    fn told(&self) -> (u64, u64) {
        let audit = self.listings.audit();
        (audit.puts, audit.deleted)
    }
}

fn shipped() -> &'static str {
    tidegate_flows::get("listings").expect("it is shipped")
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn the_demo_delivers_all_then_what_changed_and_deletes_nothing_by_a_broken_file() {
    let arguments = ["demo", "listings", "--json", "--records", "1500", "--refuse-every", "100"];
    let summary = tidegate(arguments).run().fine();
    let (files, audit) = (&summary["files"], &summary["audit"]);
    let told = |file: usize| &files[file]["told"];
    assert_eq!(told(0), &json!({ "puts": 1_485, "deleted": 0, "parked": 15 }), "{summary}");
    assert_eq!(told(1), &json!({ "puts": 55, "deleted": 10, "parked": 0 }), "{summary}");
    assert_eq!(told(2), &json!({ "puts": 0, "deleted": 0, "parked": 0 }), "{summary}");
    assert_eq!(told(3), &json!({ "puts": 15, "deleted": 0, "parked": 0 }), "{summary}");
    let failure = files[2]["failure"].as_str().expect("it failed");
    assert!(failure.contains("nothing is deleted"), "{failure}");
    for name in ["missing", "wrong", "surplus", "repeated", "refused_422", "unauthorized"] {
        assert_eq!(number(audit, name), 0, "{name} in {audit}");
    }
    // The one that failed was tried again, and nothing but that.
    assert_eq!((number(audit, "failed_503"), number(&summary, "retried")), (2, 2), "{summary}");
    assert_eq!(number(audit, "listings"), 1_495, "{audit}");
    // Each file was read once, and each category asked for once.
    let (bytes, read) = (number(&files[0], "bytes"), number(&files[0], "bytes_read"));
    assert_eq!(bytes, read, "{summary}");
    assert!(number(&audit["erp"], "category_ids") <= 40, "{audit}");
}

#[test]
fn an_unchanged_file_costs_one_request_and_a_new_one_of_the_same_offers_no_delivery() {
    let world = World::of(400);
    let summary = world.run();
    assert_eq!((number(&summary, "delivered"), number(&summary, "parked")), (400, 0), "{summary}");
    world.assert_whole();
    let before = world.listings.erp_traffic();
    let summary = world.run();
    assert_eq!((number(&summary, "delivered"), &summary["caught_up"]), (0, &json!(true)));
    let after = world.listings.erp_traffic();
    let asked = after.traffic.requests - before.traffic.requests;
    assert_eq!((asked, after.unchanged - before.unchanged), (1, 1), "{after:?}");
    assert_eq!(after.bytes, before.bytes);

    world.listings.edit(&Edit::default());
    assert_eq!(number(&world.run(), "delivered"), 0);
    assert_eq!(world.told(), (400, 0));
    assert_eq!(world.listings.erp_traffic().bytes, 2 * world.listings.file_bytes());
    assert_eq!(world.listings.erp_traffic().category_ids, after.category_ids);
}

#[test]
fn of_the_next_file_only_what_is_new_changed_or_gone_is_sent() {
    let world = World::of(600);
    world.run();
    let edited = world.listings.edit(&Edit { change: 20, remove: 7, add: 3, ..Edit::default() });
    assert_eq!(number(&world.run(), "delivered"), 30);
    world.assert_whole();
    assert_eq!(world.told(), (623, 7));
    for id in &edited.changed {
        assert_eq!(world.listings.times(id), (2, 0), "{id}");
    }
    for id in &edited.removed {
        assert_eq!(world.listings.times(id), (1, 1), "{id}");
    }
    for id in &edited.added {
        assert_eq!(world.listings.times(id), (1, 0), "{id}");
    }
}

#[test]
fn a_broken_file_deletes_nothing_and_the_next_whole_one_goes_on() {
    // What had changed before the damage is known in two states, and is sent once more; so is what was missing, which is
    // kept by its id alone.
    for (broken, said, puts_max) in [
        (Broken::Cut, "the file ends in the middle", 380),
        (Broken::Garbage, "damaged", 340),
        (Broken::Empty, "share_max", 600),
    ] {
        let world = World::of(300);
        world.run();
        let change = Edit { change: 40, broken: Some(broken), ..Edit::default() };
        world.listings.edit(&change);
        let ended = world.run_with(&[]);
        assert_ne!(ended.code, Some(0), "{broken:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{broken:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("nothing"), "{broken:?}: {}", ended.stderr);
        assert_eq!(world.told().1, 0, "{broken:?}");
        // The broken file that is still there costs a look, and changes nothing.
        let told = world.told();
        world.run_with(&[]);
        assert_eq!(world.told(), told, "{broken:?}");

        world.listings.edit(&Edit { remove: 4, ..Edit::default() });
        world.run();
        world.assert_whole();
        let (puts, deleted) = world.told();
        assert!((336..=puts_max).contains(&puts), "{broken:?}: {puts}");
        assert_eq!(deleted, 4, "{broken:?}");
    }
}

#[test]
fn invalid_offers_are_parked_with_everything_that_is_wrong_and_stop_nothing() {
    let config = ListingsConfig { offers: 200, invalid_every: Some(25), ..Default::default() };
    let world = World::new(config);
    let summary = world.run();
    assert_eq!((number(&summary, "delivered"), number(&summary, "parked")), (192, 8), "{summary}");
    let parked = world.command("parked", &[]).run().fine();
    let reason = |number: u64| {
        let id = Listings::id(number);
        let records = parked["records"].as_array().expect("a list");
        let record = records.iter().find(|record| record["id"] == id).expect("it is parked");
        record["reason"].as_str().expect("a text").to_owned()
    };
    let missing = "price.#text: is missing; price.@currency: is missing";
    let text = r#"price.#text: is "on request", not a number"#;
    let currency = r#"price.@currency: is "XXX", not one of EUR, CHF"#;
    let image = "images.image[0].@url: is a text that is not an http or https address";
    for turn in [0, 4] {
        assert_eq!(reason(25 * (turn + 1)), format!("invalid: {missing}"));
        assert_eq!(reason(25 * (turn + 2)), format!("invalid: {text}"));
        assert_eq!(reason(25 * (turn + 3)), format!("invalid: {currency}"));
        let said = reason(25 * (turn + 4));
        assert!([text, currency, image].iter().all(|fault| said.contains(fault)), "{said}");
    }
    assert_eq!(world.listings.audit().refused_422, 0, "none of them was sent");

    world.listings.edit(&Edit { mend: true, ..Edit::default() });
    assert_eq!(number(&world.run(), "delivered"), 8);
    world.assert_whole();
    assert_eq!(world.listings.audit().listings, 200);
}

#[test]
fn an_offer_that_fails_is_tried_again_alone() {
    let mut config = ListingsConfig { offers: 250, ..ListingsConfig::default() };
    config.portal.failing = Some(Failing { number: 10, times: 4 });
    let world = World::new(config);
    let summary = world.run();
    assert_eq!((number(&summary, "delivered"), number(&summary, "parked")), (250, 0), "{summary}");
    assert_eq!(number(&summary, "retried"), 4, "{summary}");
    assert_eq!(world.listings.audit().failed_503, 4);
    assert_eq!(world.told(), (250, 0), "no other was sent twice");
    assert_eq!(world.listings.erp_traffic().whole, 1, "and the file was read once");
    world.assert_whole();
}

/// Of less than 256 KiB an invocation nothing was read, again and again.
#[test]
fn repro_a_file_that_comes_slowly_is_read_by_short_invocations() {
    let mut config = ListingsConfig { offers: 1_500, ..ListingsConfig::default() };
    config.erp.pause_ms = 250;
    let world = World::new(config);
    let summary = world.run_with(&["--invocation-seconds", "2"]).fine();
    assert_eq!(number(&summary, "delivered"), 1_500, "{summary}");
    assert!(number(&summary, "runs") > 2, "{summary}");
    world.assert_whole();
    assert_eq!(world.told(), (1_500, 0));
}

/// Killed again and again, with invocations that end before the file does.
fn killed(flow: &str, change: impl FnOnce(&mut ListingsConfig)) -> World {
    let mut config = ListingsConfig { offers: 4_000, ..ListingsConfig::default() };
    config.erp.pause_ms = 150;
    change(&mut config);
    let world = World::new(config);
    world.says(flow);
    let options = ["--until-caught-up", "--invocation-seconds", "2", "--give-up-after", "20s"];
    let run = world.command("run", &options);
    let mut rng = SplitMix::new(2_026);
    let mut unfinished = 0;
    for _ in 0..6 {
        let mut child = run.start();
        thread::sleep(Duration::from_millis(300 + rng.below(1_200)));
        unfinished += u32::from(child.try_wait().expect("it can be looked at").is_none());
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
    }
    assert!(unfinished > 2, "{unfinished} of 6 were killed in the middle");
    let summary = run.run().fine();
    assert_eq!((&summary["caught_up"], number(&summary, "parked")), (&json!(true), 0), "{summary}");
    world.assert_whole();
    world
}

#[test]
fn killed_again_and_again_every_offer_arrives_and_the_file_is_not_begun_anew() {
    let world = killed(shipped(), |_| {});
    let traffic = world.listings.erp_traffic();
    assert!(traffic.partial >= 2, "{traffic:?}");
    // The parts that were asked for overlap by what was under way when it was killed.
    let (bytes, file) = (traffic.bytes, world.listings.file_bytes());
    assert!(bytes < 4 * file, "{bytes} of {file}");
}

#[test]
fn a_packed_file_is_read_though_it_breaks_off_and_the_process_is_killed() {
    let flow = shipped().replace("/export/offers.xml", "/export/offers.xml.gz");
    assert_ne!(flow, shipped());
    let world = killed(&flow, |config| {
        config.erp.cut_every_bytes = Some(100_000);
    });
    let edited = world.listings.edit(&Edit { change: 30, remove: 20, add: 10, ..Edit::default() });
    world.run();
    world.assert_whole();
    assert!(edited.removed.iter().all(|id| world.listings.times(id).1 == 1));
}

#[test]
fn a_server_that_breaks_off_and_heeds_no_range_loses_nothing() {
    for ignores_ranges in [false, true] {
        let mut config = ListingsConfig { offers: 1_500, ..ListingsConfig::default() };
        config.erp.ignores_ranges = ignores_ranges;
        // With ranges unheeded it never gets beyond the cut.
        config.erp.cut_every_bytes = Some(if ignores_ranges { 10_000_000 } else { 100_000 });
        config.erp.pause_ms = if ignores_ranges { 100 } else { 0 };
        let world = World::new(config);
        let summary = world.run_with(&["--invocation-seconds", "3"]).fine();
        assert_eq!(number(&summary, "delivered"), 1_500, "{summary}");
        world.assert_whole();
        assert_eq!(world.told(), (1_500, 0));
    }
}
