//! The `tidegate` command line, as a library: the program is [`main_with`], and so is each process
//! that the end-to-end tests start and kill.

mod args;
mod commands;
mod connection;
mod deployed;
pub mod embedded;
mod failure;
mod progress;
mod runner;
mod stream;
mod summary;
mod telemetry;
mod text;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use crate::{args::Arguments, failure::Failure};

/// Runs one command line, the program's name first. Answers with its exit code: 0 for done, 1 for a
/// failure, 2 for a usage or flow error.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers; everything else is a usage error.
            let code = error.exit_code();
            let _ = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    telemetry::log_to_stderr(arguments.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("the operating system gives threads");
    match runtime.block_on(commands::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, report }) => {
            eprintln!("{report}");
            ExitCode::from(code)
        }
    }
}
