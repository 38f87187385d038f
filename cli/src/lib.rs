//! The `tidegate` command line, as a library: the program is [`main_with`], and so is each process
//! that the end-to-end tests start and kill.

mod account;
mod commands;
mod connection;
mod cost;
mod deployed;
pub mod embedded;
mod failure;
mod input;
mod mapped;
mod noted;
mod operator_ports;
mod options;
mod output;
mod progress;
mod runner;
mod shown;
mod stream;
mod summary;
mod telemetry;
mod text;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;
use tokio::runtime::Builder;

use crate::{commands::Command, failure::Failure};

/// Moves records from one API to another, and loses none.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, about, max_term_width = 100)]
struct Arguments {
    /// Says why things happen, on standard error; twice says more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

/// Runs one command line, the program's name first. Answers with its exit code: 0 for done, 1 for a
/// failure, 2 for a usage or flow error, 3 for a run that was given up.
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
    let mut runtime = match &arguments.command {
        // These serve many requests at once.
        Command::Examples(_) | Command::Demo(_) => Builder::new_multi_thread(),
        // One thread, as in the functions: a stream waits for the network most of the time, and threads that wake each
        // other for every answer take a quarter more CPU.
        _ => Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().expect("the operating system gives threads");
    match runtime.block_on(arguments.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, report }) => {
            eprintln!("{report}");
            ExitCode::from(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn every_command_and_option_says_what_it_is_for() {
        let program = Arguments::command();
        program.clone().debug_assert();
        for command in program.get_subcommands() {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for option in command.get_arguments() {
                let name = (command.get_name(), option.get_id());
                assert!(option.get_help().is_some(), "{name:?} has no help");
            }
        }
    }
}
