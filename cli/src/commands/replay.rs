//! `tidegate replay`: parked records are tried again.

use std::{path::Path, sync::Arc};

use clap::Args;
use serde_json::json;
use tidegate_core::{
    app::{list_parked, replay},
    model::{EpochMs, Parked as ParkedRecord, ShownStall, StreamId},
    ports::Clock,
};
use tidegate_local::{Host, HostSettings};
use tidegate_runtime::WallClock;

use super::parked;
use crate::{
    account::Account,
    connection, deployed,
    embedded::{self, Fixed, Handlers},
    failure::Failure,
    options::{OperatorOptions, ParamOptions, ParkedOptions},
    output::print_json,
    runner::{GiveUp, noting, watched},
    stream::stream,
    summary::shown,
    text::count,
};

/// The longest that a replay on a laptop goes on without settling anything, in ms.
const PATIENCE_MS: u64 = 600_000;

/// Tries parked records again.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    pub operator: OperatorOptions,
    #[command(flatten)]
    pub parked: ParkedOptions,
    #[command(flatten)]
    pub params: ParamOptions,
    /// Only says which ones it would try.
    #[arg(long)]
    pub dry_run: bool,
}

/// Tries parked records again, or only says which.
pub async fn run(asked: Replay) -> Result<(), Failure> {
    let stream = stream(&asked.operator.stream)?;
    let wanted = asked.parked.request()?;
    let asked_ms = WallClock::default().now_ms();
    if asked.operator.state.aws {
        let ports = deployed::ports(&asked.operator.state).await?;
        let listed = list_parked(&ports, &stream, |parked| wanted.wants(parked)).await?;
        if asked.dry_run {
            return dry(&asked, &stream, &listed);
        }
        replay(&ports, &stream, &listed, asked_ms).await?;
        let tried = listed.len() as u64;
        if asked.operator.json {
            print_json(&json!({ "stream": stream, "sent": tried }));
        } else {
            println!("{} parked records were sent to the processors again", count(tried));
        }
        return Ok(());
    }

    let state = embedded::open(Some(&asked.operator.state.state))?;
    let bare =
        embedded::app(state.table.clone(), Fixed::default(), 1, 1, None, WallClock::default())
            .ports;
    let listed = list_parked(&bare, &stream, |parked| wanted.wants(parked)).await?;
    if asked.dry_run || listed.is_empty() {
        return dry(&asked, &stream, &listed);
    }
    let path = Path::new(&asked.operator.stream.flow);
    let file =
        if path.exists() { connection::read(path)? } else { connection::shipped(stream.flow())? };
    let given = connection::given(&file, &asked.params.params);
    let flow = connection::flow(file, stream.clone(), &given, &state.table, WallClock::default())?;
    let flow = noting(flow, &state, WallClock::default());
    on_laptop(&asked, &state, flow, &stream, (&listed, asked_ms)).await
}

async fn on_laptop(
    asked: &Replay,
    state: &embedded::State,
    flow: tidegate_core::app::Flow,
    stream: &StreamId,
    (listed, asked_ms): (&[ParkedRecord], EpochMs),
) -> Result<(), Failure> {
    let settings = HostSettings { invocation_ms: 60_000, processors: 2, tick_ms: 50 };
    let (flow, steps) = watched(flow);
    let fixed = Fixed::one(flow);
    let (timeout_ms, processors) = (settings.invocation_ms, settings.processors);
    let app = embedded::app(
        state.table.clone(),
        fixed,
        timeout_ms,
        processors,
        None,
        WallClock::default(),
    );
    let app = Arc::new(app);
    replay(&app.ports, stream, listed, asked_ms).await?;
    let queue = app.ports.queue.clone();
    let host =
        Host::new(WallClock::default(), queue.clone(), Arc::new(Handlers(app.clone())), settings);
    let stop = host.stopper();
    let account = Arc::new(Account::new(app.clone(), stream.clone()));
    let watch = GiveUp::start(account.clone(), steps, PATIENCE_MS, true, host.stopper());
    let watcher = tokio::spawn(async move {
        loop {
            let counts = queue.counts();
            if counts.waiting + counts.in_flight == 0 {
                return stop();
            }
            WallClock::default().sleep_until(WallClock::default().now_ms() + 20).await;
        }
    });
    // Only the processors run: a replay fetches nothing.
    host.serve_queue().await;
    watcher.abort();
    let gave_up = watch.gave_up();
    let waiting: Vec<ShownStall> = watch.stalls().iter().map(ShownStall::from).collect();
    let tally = app.meter.totals().tally;
    let left = u64::try_from(listed.len()).unwrap_or(u64::MAX) - tally.delivered - tally.skipped;
    if asked.operator.json {
        print_json(&json!({
            "stream": stream, "tried": listed.len(), "delivered": tally.delivered,
            "skipped": tally.skipped, "parked": left, "gave_up": gave_up, "waiting": waiting,
        }));
    } else {
        println!(
            "{} tried again: {} delivered, {} skipped, {} parked still",
            count(listed.len() as u64),
            count(tally.delivered),
            count(tally.skipped),
            count(left)
        );
    }
    if left == 0 {
        return Ok(());
    }
    let mut report = format!("{left} records are parked still; `tidegate parked` shows why");
    for stall in waiting.iter().filter(|_| gave_up) {
        report.push_str("\n   = waits for ");
        report.push_str(&shown(stall));
    }
    Err(Failure::run(report))
}

fn dry(asked: &Replay, stream: &StreamId, listed: &[ParkedRecord]) -> Result<(), Failure> {
    parked::show(stream, listed, asked.operator.json);
    if !asked.operator.json && !listed.is_empty() {
        println!("these records would be tried again: run the command without --dry-run to do so");
    }
    Ok(())
}
