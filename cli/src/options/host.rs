//! How the embedded host runs the functions: `demo`, `run` and `cost` take these.

use clap::Args;

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
    /// Runs as if it were S seconds later: shows what a daily quota does tomorrow.
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    pub clock_ahead: u64,
    /// Prints one JSON object as the last line, and no table.
    #[arg(long)]
    pub json: bool,
}
