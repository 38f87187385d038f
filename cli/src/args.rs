//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cost::Architecture;

/// Moves records from one API to another, and loses none.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, about, max_term_width = 100)]
pub struct Arguments {
    /// Says why things happen, on standard error; twice says more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a shipped flow against example APIs in this process, to the end.
    Demo(Box<Demo>),
    /// Runs your own flow against real APIs; its state survives in a folder.
    Run(Run),
    /// Validates a flow file, runs its tests, and shows a record through its mapping.
    Check(Check),
    /// Says what a million records cost on AWS: requests, units and dollars, by operation.
    Cost(Box<Cost>),
    /// Shows how far a stream is.
    Status(Look),
    /// Lists the records that were put aside, with their reasons.
    Parked(Parked),
    /// Tries parked records again.
    Replay(Replay),
    /// Shows the errors that are new since the last digest, of all streams, in groups.
    Digest(Digest),
    /// Stops a stream's fetcher; what is under way is finished.
    Pause(Look),
    /// Starts a paused stream's fetcher again.
    Resume(Look),
    /// Moves a stream back, to read again from there.
    Rewind(Rewind),
    /// Calls one handler with one event file.
    Invoke(Invoke),
    /// Serves the example APIs until it is stopped.
    Examples(Examples),
}

/// How the host treats the functions.
#[derive(Debug, Clone, Args)]
pub struct HostOptions {
    /// The functions' timeout, in seconds.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=900))]
    pub invocation_seconds: u64,
    /// The most records that one scheduled run takes on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub records_per_run: Option<u64>,
    /// How many processors run at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub processors: u32,
    /// From the end of one scheduled run to the next, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub tick_ms: u64,
    /// Runs as if it were so many seconds later, as to see what a daily quota does tomorrow.
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    pub clock_ahead: u64,
    /// Prints one JSON object as the last line, and no table.
    #[arg(long)]
    pub json: bool,
}

/// Which stream: a flow (its file or its name), and a connection.
#[derive(Debug, Clone, Args)]
pub struct StreamOptions {
    /// A flow file, or the name of a flow.
    #[arg(value_name = "FLOW")]
    pub flow: String,
    /// The connection.
    #[arg(long, short, default_value = "default")]
    pub connection: String,
}

/// Where a stream's state is: a folder, or a deployed stack.
#[derive(Debug, Clone, Args)]
pub struct PlaceOptions {
    /// The folder that `run` keeps its state in.
    #[arg(long, value_name = "DIR", default_value = ".state")]
    pub state: PathBuf,
    /// The deployed stack's state, instead of a folder.
    #[arg(long)]
    pub aws: bool,
    /// The stack's name.
    #[arg(long, value_name = "NAME", default_value = "tidegate", requires = "aws")]
    pub stack: String,
    /// The AWS profile.
    #[arg(long, requires = "aws")]
    pub profile: Option<String>,
    /// The AWS region.
    #[arg(long, requires = "aws")]
    pub region: Option<String>,
}

/// A connection's parameters. Secrets come from the environment: `TIDEGATE_SECRET_NAME`.
#[derive(Debug, Clone, Default, Args)]
pub struct ParamOptions {
    /// A parameter of the connection; may be repeated.
    #[arg(long = "param", short, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub params: Vec<(String, String)>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
pub struct Demo {
    /// The flow: `orders`, `orders-marked` or `leads`.
    pub name: String,
    #[command(flatten)]
    pub host: HostOptions,
    #[command(flatten)]
    pub world: WorldOptions,
}

/// How the example APIs behave.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the example APIs behave")]
pub struct WorldOptions {
    /// Records at the source.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub records: u64,
    /// Seed of everything that is drawn.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// The source grows while it runs, by this many records a second for ten seconds.
    #[arg(long, value_name = "N")]
    pub growth: Option<f64>,
    /// The source takes so long for a page, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub source_latency_ms: u64,
    /// The destination takes so long for a request, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_ms: u64,
    /// The destination permits so many requests a second, and answers 429 above.
    #[arg(long, value_name = "N")]
    pub rate: Option<u32>,
    /// The destination permits so many requests at once, and answers 429 above.
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// This share of requests fails with 500 and is not applied.
    #[arg(long, value_name = "0..1", default_value_t = 0.0)]
    pub fail_before: f64,
    /// This share of requests fails with 500 although it was applied.
    #[arg(long, value_name = "0..1", default_value_t = 0.0)]
    pub fail_after: f64,
    /// This share of connections is dropped without an answer.
    #[arg(long, value_name = "0..1", default_value_t = 0.0)]
    pub drop: f64,
    /// Every so many-th order is refused with 422.
    #[arg(long, value_name = "N")]
    pub refuse_every: Option<u64>,
    /// After a tenth of the records, the destination answers 503 for so many seconds.
    #[arg(long, value_name = "S")]
    pub outage_seconds: Option<u64>,
}

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

#[derive(Debug, Args)]
pub struct Cost {
    /// The shipped flow that is run for it against example APIs, as `demo` does, but with scheduled
    /// runs at least 5 s apart.
    #[arg(value_name = "NAME", required_unless_present = "from", conflicts_with = "from")]
    pub name: Option<String>,
    /// A run of your own instead: a file with what `run --json` printed; `-` for standard input.
    #[arg(long, value_name = "SUMMARY.json", conflicts_with = "WorldOptions")]
    pub from: Option<PathBuf>,
    /// Other prices: a file like cli/src/cost/prices.json.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// The fetcher's memory, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub fetcher_memory: u32,
    /// A processor's memory, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub processor_memory: u32,
    /// What the functions run on.
    #[arg(long, default_value = "arm64")]
    pub architecture: Architecture,
    #[command(flatten)]
    pub host: HostOptions,
    #[command(flatten)]
    pub world: WorldOptions,
}

#[derive(Debug, Args)]
pub struct Check {
    /// The flow file.
    #[arg(value_name = "FILE")]
    pub flow: PathBuf,
    /// A record (JSON) to be shown through the mapping; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// What the flow's look-up is to have found for the record (JSON); left out: nothing.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub lookup: Option<PathBuf>,
    /// Checks too that this connection's parameters and secrets are all given.
    #[arg(long, short)]
    pub connection: Option<String>,
    #[command(flatten)]
    pub params: ParamOptions,
}

#[derive(Debug, Args)]
pub struct Look {
    #[command(flatten)]
    pub stream: StreamOptions,
    #[command(flatten)]
    pub place: PlaceOptions,
    /// Prints one JSON object as the last line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Parked {
    #[command(flatten)]
    pub look: Look,
    #[command(flatten)]
    pub wanted: WantedOptions,
}

/// Which parked records.
#[derive(Debug, Clone, Args)]
pub struct WantedOptions {
    /// Those whose reason contains this text.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Those parked at or after this moment: `2026-11-27T08:00:00Z`, or how long ago: `2h`.
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
}

#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    pub look: Look,
    #[command(flatten)]
    pub wanted: WantedOptions,
    #[command(flatten)]
    pub params: ParamOptions,
    /// Only says which ones it would try.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Digest {
    #[command(flatten)]
    pub place: PlaceOptions,
    /// Only shows it: the next digest shows it again.
    #[arg(long)]
    pub dry_run: bool,
    /// Prints each digest as one JSON object, as the last lines.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Rewind {
    #[command(flatten)]
    pub look: Look,
    /// `start`, or a position as `status --json` shows it.
    #[arg(long, value_name = "POSITION", default_value = "start")]
    pub to: String,
}

#[derive(Debug, Args)]
pub struct Invoke {
    /// Which handler.
    pub handler: Handler,
    /// The event, as JSON.
    pub event: PathBuf,
    /// The flow file; without it, the shipped flow that the event names.
    #[arg(long, value_name = "FILE")]
    pub flow: Option<PathBuf>,
    #[command(flatten)]
    pub params: ParamOptions,
    /// The folder that holds the state.
    #[arg(long, value_name = "DIR", default_value = ".state")]
    pub state: PathBuf,
    /// Writes the messages that the handler sent as an event for the processor.
    #[arg(long, value_name = "FILE")]
    pub sent: Option<PathBuf>,
    /// The function's timeout, in seconds.
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub invocation_seconds: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Handler {
    /// Takes the schedule's input: `{"flow": …, "connection": …}`.
    Fetcher,
    /// Takes an event of the page queue.
    Processor,
    /// Takes an event of the dead-letter queue.
    DeadLetters,
}

#[derive(Debug, Args)]
pub struct Examples {
    /// Which: `orders`.
    pub name: String,
    #[command(flatten)]
    pub world: WorldOptions,
    /// Writes the addresses and keys there, as JSON, once it serves.
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,
}
