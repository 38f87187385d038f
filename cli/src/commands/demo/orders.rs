//! The `orders` flows against OrderPlacementPavillion and FulfillmentsRUs.

use std::cell::RefCell;

use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;
use tidegate_core::model::RecordId;
use tidegate_examples::{
    faults::{Outage, Rate},
    orders::{Audit, DestinationConfig, Growth, Orders, OrdersConfig, SourceConfig},
};
use tidegate_flow::Connection;

use crate::{
    connection,
    embedded::State,
    failure::Failure,
    options::{HostOptions, WorldOptions},
    output::print_json,
    runner::{Runner, clock},
    stream,
    summary::Summary,
    text::{count, span},
};

/// How long a growing source grows.
const GROWTH_SECONDS: f64 = 10.0;

#[derive(Serialize)]
struct DemoSummary {
    #[serde(flatten)]
    summary: Summary,
    missing: u64,
    duplicates: u64,
    backlog: Vec<Run>,
    audit: Audit,
}

/// One scheduled run that found work.
#[derive(Debug, Clone, Copy, Serialize)]
struct Run {
    took: u64,
    backlog: u64,
}

/// Runs the flow to its end, and shows what the destination says of it.
pub(super) async fn show(
    name: &str,
    world: &WorldOptions,
    host: &HostOptions,
    state: &State,
) -> Result<(), Failure> {
    let played = play(name, world, host, state, host.json).await?;
    let complete = played.complete(name);
    let Played { summary, audit, runs } = played;
    if host.json {
        let (missing, duplicates) = (audit.missing, audit.duplicates);
        print_json(&DemoSummary { summary, missing, duplicates, backlog: runs, audit });
    } else {
        show_backlog(&runs);
        println!("{}", summary.table());
        show_audit(&audit, &summary);
    }
    complete
}

/// A flow that was run to its end.
pub(super) struct Played {
    /// What it took.
    pub(super) summary: Summary,
    audit: Audit,
    runs: Vec<Run>,
}

impl Played {
    /// Whether all that was at the source arrived, once.
    pub(super) fn complete(&self, name: &str) -> Result<(), Failure> {
        let Audit { missing, duplicates, .. } = self.audit;
        if self.summary.caught_up && missing == self.summary.parked && duplicates == 0 {
            return Ok(());
        }
        Err(Failure::run(format!(
            "{name} did not come to its end: {missing} missing, {duplicates} applied twice"
        )))
    }
}

/// Runs a shipped flow against example APIs, on a state that nothing was run on before.
pub(super) async fn play(
    name: &str,
    world: &WorldOptions,
    host: &HostOptions,
    state: &State,
    quiet: bool,
) -> Result<Played, Failure> {
    let file = connection::shipped(name)?;
    let orders = Orders::start(orders_config(world)).await?;
    let given = connection_to(&orders);
    let stream = stream::id(&file.spec.name, "default")?;
    let flow = connection::flow(file, stream, &given, &state.table, clock(host))?;
    if !quiet {
        println!("{name}: {} records at {}", count(world.records), orders.source_url);
    }
    let runs = RefCell::new(Vec::new());
    let total = world.growth.is_none().then_some(world.records);
    let runner = Runner { total, ..Runner::of(flow, state, host) };
    let summary = runner
        .run(|report| {
            if report.pages > 0 {
                let head = report.head.mark().map(|mark| &mark.id);
                let id = if let Some(RecordId::Number(id)) = head { *id } else { 0 };
                let backlog = orders.backlog_after(u64::try_from(id).unwrap_or(0));
                runs.borrow_mut().push(Run { took: report.records, backlog });
            }
            orders.grown()
        })
        .await?;
    Ok(Played { summary, audit: orders.audit(), runs: runs.into_inner() })
}

fn show_backlog(runs: &[Run]) {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["scheduled run", "records taken on", "backlog after it"]);
    for (number, run) in (1..).zip(runs) {
        table.add_row([number.to_string(), count(run.took), count(run.backlog)]);
    }
    println!("{table}");
}

fn show_audit(audit: &Audit, summary: &Summary) {
    println!(
        "The destination's audit: {} of {} orders arrived, {} missing ({} parked), {} applied twice, in {}.",
        count(audit.delivered),
        count(audit.records),
        count(audit.missing),
        count(summary.parked),
        count(audit.duplicates),
        span(summary.elapsed_ms),
    );
}

/// The parameters and secrets of a connection to these APIs.
fn connection_to(orders: &Orders) -> Connection {
    connection::of(
        &[("source_url", &orders.source_url), ("destination_url", &orders.destination_url)],
        &[("source_token", &orders.source_token), ("destination_key", &orders.destination_key)],
    )
}

/// The example APIs as the command line wants them.
pub fn orders_config(world: &WorldOptions) -> OrdersConfig {
    OrdersConfig {
        records: world.records,
        seed: world.seed,
        source: SourceConfig {
            latency_ms: world.source_latency_ms,
            growth: world.growth.map(|per_second| Growth {
                per_second,
                total: (per_second * GROWTH_SECONDS) as u64,
            }),
            ..SourceConfig::default()
        },
        destination: DestinationConfig {
            latency_ms: world.latency_ms,
            latency_max_ms: world.latency_max_ms,
            rate: world.rate.map(|requests| Rate { requests, per_ms: 1_000 }),
            concurrency_max: world.concurrency,
            fail_before: world.fail_before,
            fail_after: world.fail_after,
            drop: world.drop,
            refuse_every: world.refuse_every,
            outage: world.outage_seconds.map(|seconds| Outage {
                after_records: world.records / 10,
                duration_ms: seconds * 1_000,
            }),
            ..DestinationConfig::default()
        },
    }
}
