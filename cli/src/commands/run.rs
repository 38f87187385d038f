//! `tidegate run`: a user's own flow against real APIs.

use std::path::PathBuf;

use clap::Args;

use crate::{
    connection, embedded,
    failure::Failure,
    options::{HostOptions, ParamOptions},
    output::print_json,
    runner::{Runner, Until, clock},
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
    let flow = connection::flow(file, stream.clone(), &given, &state.table, clock(&asked.host))?;
    let host = &asked.host;
    let until = if asked.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let runner = Runner { until, ..Runner::of(flow, &state, host) };
    let summary = runner.run(|_| true).await?;
    if host.json {
        print_json(&summary);
    } else {
        println!("{}", summary.table());
        if let Some(at) = &summary.goes_on_at {
            println!("A quota is used up: the same command goes on from here after {at}.");
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
    // A limit of the destination is no failure: the next run goes on after its reset.
    if summary.caught_up || summary.goes_on_at.is_some() {
        Ok(())
    } else {
        Err(Failure::run(format!("{stream} is not caught up; the next run goes on from here")))
    }
}
