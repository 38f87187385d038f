//! Logs for a person at a terminal.

use std::io::IsTerminal;

use tidegate_core::app::WAITING_LOG;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Writes to standard error, so that standard output stays a command's answer. Quiet by default:
/// the summary says what happened; `RUST_LOG` or `-v` shows why.
pub fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::WARN,
        2 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let asked = std::env::var("RUST_LOG").ok().and_then(|asked| asked.parse::<Targets>().ok());
    let is_terminal = std::io::stderr().is_terminal();
    let filter = asked.unwrap_or_else(|| {
        let filter = Targets::new().with_default(level);
        // Where no live display shows what is waited for, the log does.
        let shows = verbose == 0 && !is_terminal;
        if shows { filter.with_target(WAITING_LOG, LevelFilter::WARN) } else { filter }
    });
    let colours = is_terminal;
    let log = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    tracing_subscriber::registry().with(filter).with(log).init();
}
