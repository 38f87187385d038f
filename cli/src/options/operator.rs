//! What an operator's command on one stream takes: the stream, where its state is, and `--json`.

use clap::Args;

use super::{state::StateOptions, stream::StreamOptions};

/// A stream and its state, and how the command answers.
#[derive(Debug, Clone, Args)]
pub struct OperatorOptions {
    #[command(flatten)]
    pub stream: StreamOptions,
    #[command(flatten)]
    pub state: StateOptions,
    /// Prints one JSON object as the last line.
    #[arg(long)]
    pub json: bool,
}
