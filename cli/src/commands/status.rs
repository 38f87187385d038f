//! `tidegate status`: how far a stream is.

use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use tidegate_core::{
    app::{self, status},
    model::{BudgetId, StreamId},
};

use crate::{
    failure::Failure,
    operator_ports::with_ports,
    options::OperatorOptions,
    output::print_json,
    stream::stream,
    text::{count, span},
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
    let budget = budget_of(&stream);
    let status = with_ports!(&operator.state, ports => status(&ports, &stream, &budget).await)?;
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

/// The budget that a stream sends under, as far as the shipped flows tell; otherwise its own.
fn budget_of(stream: &StreamId) -> BudgetId {
    let text = tidegate_flows::get(stream.flow());
    let spec = text.and_then(|text| tidegate_flow::parse(stream.flow(), text).ok());
    match spec {
        Some(spec) => spec.settings.budget_of(stream),
        None => BudgetId::of_stream(stream),
    }
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
    if status.gate_shut_until_ms.is_some() {
        row("destination", "failing, or asked to wait".into());
    }
    table
}
