//! `tidegate try`: a few records all the way, each request and each answer shown.
//!
//! What is tried counts: it is a short run on the state that `run` keeps, under the same protocol. A try beside that state
//! would leave the run after it knowing nothing of what was sent, and a destination that knows no repeats would have
//! those records twice. So the next try takes the records after these, what is refused is parked and can be
//! replayed, and `run` goes on behind.

mod dry;
mod seen;

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
};

use clap::Args;
use tidegate_core::{app::list_parked, model::StreamId, ports::Clock};
use tidegate_flow::Connection;

use crate::{
    connection::{self, FlowFile},
    embedded::{self, State},
    failure::Failure,
    options::{HostOptions, ParamOptions},
    runner::{RunEnd, Runner, Until},
    stream,
    summary::{Summary, shown},
    text::lined,
};
use seen::{Printer, Told};

/// Without a step for so long a try is over, in ms: what it could not deliver is left to a run.
const GIVE_UP_MS: u64 = 10_000;

/// Sends a few records to the destination, and shows each request as sent, each answer as it came, and what became
/// of the records.
#[derive(Debug, Args)]
pub struct Try {
    /// The flow file.
    #[arg(value_name = "FILE")]
    pub flow: PathBuf,
    /// How many records.
    #[arg(short = 'n', long = "records", value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    pub records: u64,
    /// Sends nothing and touches no state: shows the requests for the first records of the list as they would go out.
    #[arg(long)]
    pub dry_run: bool,
    /// Sends without a question.
    #[arg(long, short, conflicts_with = "dry_run")]
    pub yes: bool,
    /// The connection.
    #[arg(long, short, default_value = "default")]
    pub connection: String,
    #[command(flatten)]
    pub params: ParamOptions,
    /// The folder that holds the state, the same as a run's: what is tried counts as delivered.
    #[arg(long, value_name = "DIR", default_value = ".state")]
    pub state: PathBuf,
}

/// Tries the flow on its next records.
pub async fn run(asked: Try) -> Result<(), Failure> {
    let file = connection::read(&asked.flow)?;
    let stream = stream::id(&file.spec.name, &asked.connection)?;
    let given = connection::given(&file, &asked.params.params);
    // Before a folder is made for it, and before a question is asked.
    connection::complete(&file, &given)?;
    if asked.dry_run {
        return dry::run(&file, stream, &given, asked.records).await;
    }
    confirm(&asked)?;
    let state = embedded::open(Some(&asked.state))?;
    deliver(&asked, &file, stream, &given, &state).await
}

/// Asks whether records are to be sent, where nothing says so yet.
fn confirm(asked: &Try) -> Result<(), Failure> {
    if asked.yes {
        return Ok(());
    }
    const INSTEAD: &str =
        "--yes sends without a question, and --dry-run shows the requests and sends nothing";
    if !io::stdin().is_terminal() {
        let message =
            "error: `try` sends records to the destination, and there is no terminal to ask at";
        return Err(Failure::usage(format!("{message}\n   = help: {INSTEAD}")));
    }
    let what = if asked.records == 1 {
        "a record".into()
    } else {
        format!("up to {} records", asked.records)
    };
    eprint!("This sends {what} to the destination, and they count as delivered. Go on? [y/N] ");
    let mut line = String::new();
    io::stderr()
        .flush()
        .and_then(|()| io::stdin().lock().read_line(&mut line))
        .map_err(Failure::run)?;
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::usage(format!("nothing was sent\n   = help: {INSTEAD}"))),
    }
}

async fn deliver(
    asked: &Try,
    file: &FlowFile,
    stream: StreamId,
    given: &Connection,
    state: &State,
) -> Result<(), Failure> {
    let printer = Arc::new(Printer);
    let mut flow = connection::flow_seen_by(printer, file, stream.clone(), given, &state.table)?;
    // One request after the other: each answer stands below its request.
    flow.settings.concurrency_max = 1;
    flow.destination = Box::new(Told(flow.destination));
    let host = HostOptions {
        invocation_seconds: 60,
        records_per_run: Some(asked.records),
        processors: 1,
        tick_ms: 200,
        clock_ahead: 0,
        json: false,
    };
    let runner =
        Runner { until: Until::Once, give_up_ms: GIVE_UP_MS, ..Runner::of(flow, state, &host) };
    let app = runner.app.clone();
    let began_ms = app.ports.clock.now_ms();
    let mut read = 0;
    let ended = runner
        .run_on(|report| {
            read = report.records + report.parked;
            true
        })
        .await?;
    let parked = list_parked(&app.ports, &stream, |parked| parked.parked_at_ms >= began_ms).await?;
    for parked in &parked {
        println!("parked: record {}: {}", parked.key.id, lined(&parked.reason));
    }
    conclude(asked, read, &ended)
}

/// Says what became of the records; a failure where not all of them arrived.
fn conclude(asked: &Try, read: u64, ended: &RunEnd) -> Result<(), Failure> {
    let RunEnd { summary, failure } = ended;
    let Summary { delivered, skipped, parked, .. } = *summary;
    let left = read.saturating_sub(delivered + skipped + parked);
    println!("\n{delivered} delivered, {skipped} skipped, {parked} parked, {left} left for later");
    if let Some(reason) = failure {
        return Err(Failure::run(reason));
    }
    let (flow, state) = (asked.flow.display(), asked.state.display());
    if read == 0 {
        println!(
            "The source has no record after those that were read before, or none that is old enough yet."
        );
    } else {
        println!(
            "They count: `tidegate run {flow} --state {state}` goes on behind them, and the next try takes the records after them."
        );
    }
    if parked == 0 && left == 0 {
        return Ok(());
    }
    let mut report = "not all of them arrived".to_owned();
    if parked > 0 {
        report += &format!(
            "\n   = help: once the flow is mended, `tidegate replay {flow} --state {state}` sends what is parked"
        );
    }
    if left > 0 {
        report += "\n   = help: what is left is sent by the next try or run";
        summary
            .waiting
            .iter()
            .for_each(|stall| report += &format!("\n   = waits for {}", shown(stall)));
    }
    Err(Failure::run(report))
}
