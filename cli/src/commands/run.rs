//! `tidegate run`: a user's own flow against real APIs.

use std::path::PathBuf;

use clap::Args;

use crate::{
    connection::{self, FlowFile},
    embedded,
    failure::Failure,
    options::{HostOptions, ParamOptions},
    output::print_json,
    runner::{Every, RunEnd, Runner, Until, clock},
    stream,
};

/// Runs your own flow against real APIs; its state survives in a folder.
#[derive(Debug, Args)]
pub struct Run {
    /// The flow file.
    #[arg(value_name = "FILE")]
    pub flow: PathBuf,
    /// The connection.
    #[arg(long, short, default_value = "default")]
    pub connection: String,
    #[command(flatten)]
    pub params: ParamOptions,
    /// Ends when everything at the source is settled; otherwise goes on until ctrl-C.
    #[arg(long)]
    pub until_caught_up: bool,
    /// Ends after so long without getting any further, with exit code 3 and what it waits for. Goes with
    /// `--until-caught-up`.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration_ms)]
    pub give_up_after: u64,
    /// How often the source is read once it was read to its end; otherwise the flow's `schedule` says so,
    /// or it is every minute.
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    pub every: Option<u64>,
    /// The folder that holds the state.
    #[arg(long, value_name = "DIR", default_value = ".state")]
    pub state: PathBuf,
    /// Counts DynamoDB's read and write units too, for `cost --from`.
    #[arg(long)]
    pub count_units: bool,
    #[command(flatten)]
    pub host: HostOptions,
}

/// Runs the flow until it is caught up, or until it is stopped.
pub async fn run(asked: Run) -> Result<(), Failure> {
    let file = connection::read(&asked.flow)?;
    let stream = stream::id(&file.spec.name, &asked.connection)?;
    let given = connection::given(&file, &asked.params.params);
    // Before a folder is made for it.
    connection::complete(&file, &given)?;

    let open = if asked.count_units { embedded::open_counting } else { embedded::open };
    let state = open(Some(&asked.state))?;
    let every = every(asked.every, &file);
    let flow = connection::flow(file, stream.clone(), &given, &state.table, clock(&asked.host))?;
    let host = &asked.host;
    let until = if asked.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let give_up_ms = asked.give_up_after;
    let runner = Runner { until, every, give_up_ms, ..Runner::of(flow, &state, host) };
    let RunEnd { summary, failure } = runner.run_on(|_| true).await?;
    if host.json {
        print_json(&summary);
    } else {
        println!("{}", summary.table());
        if let Some(at) = &summary.goes_on_at {
            println!("The same command goes on from here after {at}.");
        }
        if summary.parked > 0 {
            println!(
                "{} records are parked: `tidegate parked {} --connection {} --state {}` lists them",
                summary.parked,
                asked.flow.display(),
                asked.connection,
                asked.state.display()
            );
        }
    }
    match failure {
        Some(reason) => Err(Failure::run(reason)),
        None if summary.caught_up => Ok(()),
        None if summary.gave_up => Err(Failure::gave_up(&stream, &summary.waiting)),
        None => {
            Err(Failure::run(format!("{stream} is not caught up; the next run goes on from here")))
        }
    }
}

fn every(asked_ms: Option<u64>, file: &FlowFile) -> Every {
    match (asked_ms, file.spec.schedule()) {
        (Some(ms), _) => Every::Ms(ms),
        (None, Some(schedule)) => Every::Schedule(schedule.to_owned()),
        (None, None) => Every::Ms(EVERY_MS),
    }
}

/// Where neither the command line nor the flow says how often the source is read. In ms.
const EVERY_MS: u64 = 60_000;
/// The longest wait that can be asked for: a year, in seconds.
const DURATION_S_MAX: i64 = 31_536_000;

/// A span like `90s`, `5m` or `2h`, in ms; at least one second.
fn duration_ms(text: &str) -> Result<u64, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write it as 90s, 5m or 2h".to_owned())?;
    let is_sound = (1..=DURATION_S_MAX).contains(&span.as_secs());
    let ms = u64::try_from(span.as_millis()).ok().filter(|_| is_sound);
    ms.ok_or_else(|| "it is from 1s to 365 days".to_owned())
}

#[cfg(test)]
mod tests {
    use super::duration_ms;

    #[test]
    fn spans_are_written_with_their_unit() {
        let spans = ["90s", "5m", "2h", "1m 30s"].map(|text| duration_ms(text).unwrap() / 1_000);
        assert_eq!(spans, [90, 300, 7_200, 90]);
        for text in ["", "5", "0s", "-5m", "400ms", "9000h", "soon"] {
            assert!(duration_ms(text).is_err(), "{text}");
        }
    }
}
