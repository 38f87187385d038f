//! The commands: one file each, with its arguments, its help, what it does and its tests.
//!
//! A command's struct, by its name in capitals, holds the arguments; the struct's doc comment is the help. Its
//! `run` does the work. A new command is a file, its `mod` line and its line in the registry below.

mod check;
mod cost;
mod demo;
mod digest;
mod examples;
mod invoke;
mod parked;
mod pause;
mod replay;
mod resume;
mod rewind;
mod run;
mod status;
mod try_out;

use clap::Subcommand;

use crate::failure::Failure;

/// Makes the command line's subcommands of the files that are listed, in the order of the help.
macro_rules! commands {
    ($($file:ident::$Command:ident,)*) => {
        /// The command that was asked for, with its arguments.
        #[derive(Debug, Subcommand)]
        pub enum Command {
            $($Command(Box<$file::$Command>),)*
        }

        impl Command {
            /// Runs it.
            pub async fn run(self) -> Result<(), Failure> {
                match self {
                    $(Self::$Command(asked) => $file::run(*asked).await,)*
                }
            }
        }
    };
}

commands! {
    demo::Demo,
    run::Run,
    check::Check,
    try_out::Try,
    cost::Cost,
    status::Status,
    parked::Parked,
    replay::Replay,
    digest::Digest,
    pause::Pause,
    resume::Resume,
    rewind::Rewind,
    invoke::Invoke,
    examples::Examples,
}
