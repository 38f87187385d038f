//! One file a command.

mod check;
mod cost;
mod demo;
mod digest;
mod examples;
mod invoke;
mod operate;
mod parked;
mod replay;
mod run;
mod status;

use serde::Serialize;

use crate::{
    args::{Arguments, Command},
    failure::Failure,
};

/// Runs the command that was asked for.
pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Demo(asked) => demo::demo(*asked).await,
        Command::Run(asked) => run::run(asked).await,
        Command::Check(asked) => check::check(asked),
        Command::Cost(asked) => cost::cost(*asked).await,
        Command::Status(asked) => status::status(asked).await,
        Command::Parked(asked) => parked::parked(asked).await,
        Command::Replay(asked) => replay::replay(asked).await,
        Command::Digest(asked) => digest::digest(asked).await,
        Command::Pause(asked) => operate::set_paused(asked, true).await,
        Command::Resume(asked) => operate::set_paused(asked, false).await,
        Command::Rewind(asked) => operate::rewind(asked).await,
        Command::Invoke(asked) => invoke::invoke(asked).await,
        Command::Examples(asked) => examples::examples(asked).await,
    }
}

/// Prints one JSON object as a line.
fn print_json(value: &impl Serialize) {
    println!("{}", serde_json::to_string(value).expect("a summary is plain data"));
}
