//! The `tidegate` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate::main_with(std::env::args_os())
}
