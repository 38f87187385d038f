//! Logs for a person at a terminal.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

/// Writes to standard error, so that standard output stays a command's answer. Quiet by default:
/// the summary says what happened; `RUST_LOG` or `-v` shows why.
pub fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "off",
        1 => "warn",
        2 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let colours = std::io::stderr().is_terminal();
    fmt().with_writer(std::io::stderr).with_ansi(colours).with_env_filter(filter).init();
}
