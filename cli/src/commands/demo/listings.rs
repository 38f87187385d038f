//! The `listings` flow against an ERP and a portal: four files in a row, one of them broken.

use std::{collections::BTreeMap, sync::Arc};

use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;
use tidegate_core::{app::list_parked, model::Parked};
use tidegate_examples::{
    faults::Rate,
    listings::{
        Audit, Broken, Edit, Edited, ErpConfig, Failing, Listings, ListingsConfig, PortalConfig,
    },
};
use tidegate_flow::Connection;

use crate::{
    connection,
    embedded::State,
    failure::Failure,
    options::{HostOptions, WorldOptions},
    output::print_json,
    runner::{RunEnd, Runner, clock},
    stream,
    summary::Summary,
    text::{count, megabytes, span},
};

/// Every so many-th offer is invalid, so that there is something to tell.
const INVALID_EVERY: u64 = 500;
/// The portal fails the first offer so often.
const FAILING_TIMES: u32 = 2;
/// So many categories there are: each is looked up once.
const CATEGORIES: u64 = 40;

#[derive(Serialize)]
struct DemoSummary<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    files: &'a [FileRun],
    audit: &'a Audit,
}

/// What came of one file.
#[derive(Debug, Serialize)]
struct FileRun {
    file: &'static str,
    /// What the portal had to be told, by what was done to the offers.
    expected: Told,
    told: Told,
    /// Bytes of the file, and how many the ERP wrote of it.
    bytes: u64,
    bytes_read: u64,
    elapsed_ms: u64,
    /// Why the source could not be read to its end.
    failure: Option<String>,
    summary: Summary,
}

/// What the portal was told, and what it was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Told {
    puts: u64,
    deleted: u64,
    parked: u64,
}

/// Runs the flow on all files, and shows the portal's audit.
pub(super) async fn show(
    world: &WorldOptions,
    host: &HostOptions,
    state: &State,
) -> Result<(), Failure> {
    let played = play(world, host, state, host.json).await?;
    if host.json {
        let Played { files, audit, .. } = &played;
        print_json(&DemoSummary { summary: &files[0].summary, files, audit });
    } else {
        println!("{}", played.files[0].summary.table());
        println!("{}", files_table(&played.files));
        for FileRun { file, failure, .. } in &played.files {
            if let Some(failure) = failure {
                println!("{file}: {failure}");
            }
        }
        println!("{}", audit_table(&played.audit));
    }
    played.complete()
}

/// The flow, run on all files.
pub(super) struct Played {
    files: Vec<FileRun>,
    /// What is wrong with what was parked.
    unexplained: Vec<String>,
    audit: Audit,
    /// Nothing but the one listing fails on purpose.
    is_calm: bool,
}

impl Played {
    /// What the first file took.
    pub(super) fn into_summary(self) -> Summary {
        self.files.into_iter().next().map(|file| file.summary).unwrap_or_default()
    }

    /// Whether the portal has all that it should have, was told no more than that, and lost nothing by a broken file.
    pub(super) fn complete(&self) -> Result<(), Failure> {
        let faults = self.faults();
        if faults.is_empty() { Ok(()) } else { Err(Failure::run(faults.join("; "))) }
    }

    fn faults(&self) -> Vec<String> {
        let Audit { missing, wrong, surplus, repeated, refused_422, failed_503, .. } = self.audit;
        let categories = self.audit.erp.category_ids.saturating_sub(CATEGORIES);
        let (repeated, failed) = match self.is_calm {
            true => (repeated, failed_503.abs_diff(u64::from(FAILING_TIMES))),
            false => (0, 0),
        };
        let zero = [
            ("offers are in no listing", missing),
            ("listings are not as their offers", wrong),
            ("listings are of no offer", surplus),
            ("listings were put once more as they were", repeated),
            ("listings were refused", refused_422),
            ("answers of the failing listing are too many or too few", failed),
            ("categories were looked up again", categories),
        ];
        let found = zero.into_iter().filter(|(_, found)| *found > 0);
        let mut faults: Vec<String> =
            found.map(|(what, found)| format!("{} {what}", count(found))).collect();
        faults.extend(self.unexplained.iter().cloned());
        for FileRun { file, expected, told, failure, summary, .. } in &self.files {
            if expected != told {
                faults.push(format!("{file}: {told:?}, and {expected:?} ought to be"));
            }
            let is_broken = *file == BROKEN;
            if failure.is_some() != is_broken || summary.caught_up == is_broken {
                let failure = failure.as_deref().unwrap_or("it was read without a failure");
                faults.push(format!("{file}: {failure}"));
            }
        }
        faults
    }
}

const FIRST: &str = "all offers";
const NEXT: &str = "some changed, some gone, some new";
const BROKEN: &str = "cut off in the middle";
const MENDED: &str = "whole again, no offer invalid";

/// Runs the flow against example APIs, on a state that nothing was run on before.
pub(super) async fn play(
    world: &WorldOptions,
    host: &HostOptions,
    state: &State,
    quiet: bool,
) -> Result<Played, Failure> {
    let stage = Stage {
        listings: Listings::start(listings_config(world)).await?.into(),
        host,
        state,
        quiet,
    };
    let listings = &stage.listings;
    let invalid: BTreeMap<String, usize> = listings.invalid().into_iter().collect();
    let parked = invalid.len() as u64;
    if !quiet {
        let (offers, bytes) = (count(world.records), megabytes(listings.file_bytes()));
        println!("listings: {offers} offers, {bytes}, at {}", listings.source_url);
    }
    let all = Told { puts: world.records - parked, deleted: 0, parked };
    let (first, reasons) = stage.read(FIRST, all).await?;
    let unexplained = unexplained(&invalid, &reasons);

    let (change, remove) = ((world.records / 10).min(50), (world.records / 50).min(10));
    let Edited { changed, removed, added } =
        listings.edit(&Edit { change, remove, add: 5, ..Edit::default() });
    let puts = (changed.len() + added.len()) as u64;
    let told = Told { puts, deleted: removed.len() as u64, parked: 0 };
    let (next, _) = stage.read(NEXT, told).await?;

    listings.edit(&Edit { broken: Some(Broken::Cut), ..Edit::default() });
    let (broken, _) = stage.read(BROKEN, Told::default()).await?;

    listings.edit(&Edit { mend: true, ..Edit::default() });
    let (mended, _) = stage.read(MENDED, Told { puts: parked, ..Told::default() }).await?;
    let is_calm = world.fail_before + world.fail_after + world.drop == 0.0;
    let files = vec![first, next, broken, mended];
    Ok(Played { files, unexplained, audit: listings.audit(), is_calm })
}

/// Where the flow is run.
struct Stage<'a> {
    listings: Arc<Listings>,
    host: &'a HostOptions,
    state: &'a State,
    quiet: bool,
}

impl Stage<'_> {
    /// Runs the flow on the file that is there, and says what is parked then.
    async fn read(
        &self,
        file: &'static str,
        expected: Told,
    ) -> Result<(FileRun, Vec<Parked>), Failure> {
        let Self { listings, host, state, quiet } = self;
        let shipped = connection::shipped("listings")?;
        let stream = stream::id(&shipped.spec.name, "default")?;
        let (given, clock) = (connection_to(listings), clock(host));
        let flow = connection::flow(shipped, stream.clone(), &given, &state.table, clock)?;
        if !quiet {
            println!("a file: {file}");
        }
        let (before, bytes) = (listings.audit(), listings.file_bytes());
        let (read, from) = (Arc::clone(listings), before.erp.bytes);
        let beside = move || {
            let bytes_read = read.erp_traffic().bytes - from;
            format!("{} of {} read", megabytes(bytes_read), megabytes(bytes))
        };
        let runner = Runner {
            total: Some(expected.puts + expected.deleted + expected.parked),
            beside: Some(Box::new(beside)),
            ..Runner::of(flow, state, host)
        };
        let app = runner.app.clone();
        let RunEnd { summary, failure } = runner.run_on(|_| true).await?;
        let after = listings.audit();
        let told = Told {
            puts: after.puts - before.puts,
            deleted: after.deleted - before.deleted,
            parked: summary.parked,
        };
        let bytes_read = after.erp.bytes - before.erp.bytes;
        let elapsed_ms = summary.elapsed_ms;
        let parked = list_parked(&app.ports, &stream, |_| true).await?;
        let run = FileRun { file, expected, told, bytes, bytes_read, elapsed_ms, failure, summary };
        Ok((run, parked))
    }
}

/// What is parked without reason, or not with every fault it has: `invalid` says how many faults each has.
fn unexplained(invalid: &BTreeMap<String, usize>, parked: &[Parked]) -> Vec<String> {
    let is_right = |parked: &&Parked| {
        let faults = Parked::faults(&parked.reason).map_or(0, Iterator::count);
        invalid.get(&parked.key.id.to_string()) == Some(&faults)
    };
    let wrong = parked.iter().filter(|parked| !is_right(parked));
    wrong.map(|parked| format!("{} is parked: {}", parked.key.id, parked.reason)).collect()
}

fn files_table(files: &[FileRun]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["file", "put", "deleted", "parked", "read", "in"]);
    for FileRun { file, told, bytes, bytes_read, elapsed_ms, .. } in files {
        let Told { puts, deleted, parked } = *told;
        let [puts, deleted, parked] = [puts, deleted, parked].map(count);
        let read = format!("{} of {}", megabytes(*bytes_read), megabytes(*bytes));
        table.add_row([(*file).to_owned(), puts, deleted, parked, read, span(*elapsed_ms)]);
    }
    table
}

fn audit_table(audit: &Audit) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    let erp = &audit.erp;
    row("The portal's audit", String::new());
    row("offers / listings", format!("{} / {}", count(audit.offers), count(audit.listings)));
    row("offers in no listing", count(audit.missing));
    row("listings unlike their offer, or of none", count(audit.wrong + audit.surplus));
    row(
        "put / of these, as they were",
        format!("{} / {}", count(audit.puts), count(audit.repeated)),
    );
    row("deleted", count(audit.deleted));
    row("answers of the one that failed", count(audit.failed_503));
    row("requests for categories", format!("{} for {}", erp.category_requests, erp.category_ids));
    row(
        "requests for the file: whole / part / unchanged",
        format!("{} / {} / {}", count(erp.whole), count(erp.partial), count(erp.unchanged)),
    );
    table
}

/// The parameters and secrets of a connection to these APIs.
fn connection_to(listings: &Listings) -> Connection {
    connection::of(
        &[("erp_url", &listings.source_url), ("portal_url", &listings.destination_url)],
        &[("erp_key", &listings.source_key), ("portal_token", &listings.destination_token)],
    )
}

/// The example APIs as the command line wants them.
pub fn listings_config(world: &WorldOptions) -> ListingsConfig {
    ListingsConfig {
        offers: world.records,
        seed: world.seed,
        invalid_every: Some(world.refuse_every.unwrap_or(INVALID_EVERY)),
        erp: ErpConfig { latency_ms: world.source_latency_ms, ..ErpConfig::default() },
        portal: PortalConfig {
            latency_ms: world.latency_ms,
            rate: world.rate.map(|requests| Rate { requests, per_ms: 1_000 }),
            concurrency_max: world.concurrency,
            fail_before: world.fail_before,
            fail_after: world.fail_after,
            drop: world.drop,
            failing: Some(Failing { number: 1, times: FAILING_TIMES }),
            ..PortalConfig::default()
        },
    }
}
