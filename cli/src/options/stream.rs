//! `FLOW --connection NAME`: the stream that an operator's command is about.

use clap::Args;

/// A stream: a flow, by its file or its name, and a connection.
#[derive(Debug, Clone, Args)]
pub struct StreamOptions {
    /// A flow file, or the name of a flow.
    #[arg(value_name = "FLOW")]
    pub flow: String,
    /// The connection.
    #[arg(long, short, default_value = "default")]
    pub connection: String,
}
