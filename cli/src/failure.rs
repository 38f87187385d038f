//! How a command fails: what is said, and the exit code that scripts go by.

use std::fmt::Display;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// 1 for a failure, 2 for a usage or flow error.
    pub code: u8,
    /// What went wrong and what to do next, for standard error.
    pub report: String,
}

impl Failure {
    /// The command line or a flow file is wrong.
    pub fn usage(report: impl Display) -> Self {
        Self { code: 2, report: report.to_string() }
    }

    /// It was tried, and did not come to its end.
    pub fn run(report: impl Display) -> Self {
        Self { code: 1, report: format!("error: {report}") }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::run(format!("{error:#}"))
    }
}

impl From<tidegate_core::ports::Unavailable> for Failure {
    fn from(error: tidegate_core::ports::Unavailable) -> Self {
        Self::run(format!("the state table or the queue gave {error}; try again"))
    }
}
