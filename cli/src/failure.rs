//! How a command fails: what is said, and the exit code that scripts go by.

use std::fmt::Display;

use tidegate_core::model::{ShownStall, StreamId};

use crate::summary::shown;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// 1 for a failure, 2 for a usage or flow error, 3 for a run that was given up.
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

impl Failure {
    /// The run got no further for too long.
    pub fn gave_up(stream: &StreamId, waiting: &[ShownStall]) -> Self {
        let mut report = format!("error: {stream} got no further and was given up");
        if waiting.is_empty() {
            report.push_str("; nothing says what it waits for: run it with -v");
        }
        for stall in waiting {
            report.push_str(&format!("\n   = waits for {}", shown(stall)));
        }
        report.push_str("\n   = help: nothing is lost, and the same command goes on from here; --give-up-after waits longer");
        Self { code: 3, report }
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
