//! `tidegate status`: how far a stream is.

use std::path::Path;

use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use tidegate_core::{
    app::{self, status},
    model::{FlowSettings, StreamId},
};

use crate::{
    connection,
    failure::Failure,
    operator_ports::with_ports,
    options::{OperatorOptions, StreamOptions},
    output::print_json,
    stream::stream,
    summary::shown,
    text::{count, moment, span},
};

/// Shows how far a stream is.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pub operator: OperatorOptions,
}

/// Shows the stream's cursor and what is open.
pub async fn run(Status { operator }: Status) -> Result<(), Failure> {
    let stream = stream(&operator.stream)?;
    let settings = settings_of(&operator.stream, &stream);
    let status = with_ports!(&operator.state, ports => status(&ports, &stream, &settings).await)?;
    let Some(status) = status else {
        return Err(Failure::run(format!(
            "{stream} was never fetched here; check --state or --stack"
        )));
    };
    if operator.json {
        print_json(&status);
    } else {
        println!("{}", table(&status));
    }
    Ok(())
}

/// What a stream goes by, as its file or the shipped flows tell; otherwise what flows go by as a rule.
fn settings_of(options: &StreamOptions, stream: &StreamId) -> FlowSettings {
    let file = connection::read(Path::new(&options.flow)).ok().map(|file| file.spec);
    let shipped = || {
        let text = tidegate_flows::get(stream.flow())?;
        tidegate_flow::parse(stream.flow(), text).ok()
    };
    file.or_else(shipped).map(|spec| spec.settings).unwrap_or_default()
}

fn table(status: &app::Status) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("stream", status.stream.to_string());
    row("fetched up to", status.head.to_string());
    row("settled up to", status.watermark.to_string());
    row("pages committed", count(status.pages_committed));
    row("pages open", count(status.pages_open));
    if let Some(oldest_ms) = status.oldest_open_ms {
        let attempts = status.oldest_open_attempts.unwrap_or(0);
        let since = span(u64::try_from(oldest_ms).unwrap_or(0));
        row(
            "oldest open page",
            format!("last held {since} ago, {attempts} tries without progress"),
        );
    }
    row("parked records", count(status.parked));
    row("paused", if status.paused { "yes" } else { "no" }.into());
    if let Some(until_ms) = status.settled_until_ms {
        row("settled is what the source had at", moment(until_ms));
    }
    for stall in &status.waiting {
        row("waits for", shown(stall));
    }
    table
}
