//! `--state DIR`, or `--aws` with a stack: where the streams' state is.

use std::path::PathBuf;

use clap::Args;

/// Where a stream's state is: a folder, or a deployed stack.
#[derive(Debug, Clone, Args)]
pub struct StateOptions {
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
