//! `tidegate parked`: the records that were put aside.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use jiff::Timestamp;
use serde_json::json;
use tidegate_core::{
    app::list_parked,
    model::{Parked as ParkedRecord, StreamId},
};

use crate::{
    failure::Failure,
    operator_ports::with_ports,
    options::{OperatorOptions, ParkedOptions},
    output::print_json,
    stream::stream,
    text::count,
};

/// Lists the records that were put aside, with their reasons.
#[derive(Debug, Args)]
pub struct Parked {
    #[command(flatten)]
    pub operator: OperatorOptions,
    #[command(flatten)]
    pub parked: ParkedOptions,
}

/// Lists them.
pub async fn run(asked: Parked) -> Result<(), Failure> {
    let stream = stream(&asked.operator.stream)?;
    let wanted = asked.parked.request()?;
    let listed = with_ports!(&asked.operator.state, ports => {
        list_parked(&ports, &stream, |parked| wanted.wants(parked)).await
    })?;
    show(&stream, &listed, asked.operator.json);
    Ok(())
}

/// Prints parked records, as a table or as JSON.
pub fn show(stream: &StreamId, listed: &[ParkedRecord], as_json: bool) {
    if as_json {
        let records: Vec<_> = listed.iter().map(record).collect();
        print_json(&json!({ "stream": stream, "parked": listed.len(), "records": records }));
        return;
    }
    if listed.is_empty() {
        println!("nothing is parked: {stream} has no such records");
        return;
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "parked at", "status", "reason"]);
    for parked in listed {
        let status = parked.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        table.add_row([parked.key.id.to_string(), at(parked), status, parked.reason.to_string()]);
    }
    println!("{table}\n{} parked", count(listed.len() as u64));
}

fn record(parked: &ParkedRecord) -> serde_json::Value {
    // What is no JSON is shown as the text that it is.
    let data: serde_json::Value = serde_json::from_slice(&parked.data)
        .unwrap_or_else(|_| String::from_utf8_lossy(&parked.data).into());
    json!({
        "id": parked.key.id,
        "version": parked.key.version,
        "status": parked.status,
        "reason": parked.reason,
        "page": parked.page,
        "parked_at": at(parked),
        "data": data,
    })
}

fn at(parked: &ParkedRecord) -> String {
    let moment = Timestamp::from_millisecond(parked.parked_at_ms);
    moment.map_or_else(|_| parked.parked_at_ms.to_string(), |moment| moment.to_string())
}
