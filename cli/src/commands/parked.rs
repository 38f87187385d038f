//! `tidegate parked`: the records that were put aside.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::json;
use tidegate_core::{
    app::list_parked,
    decide::Grouping,
    model::{Digest, ErrorGroup, Parked as ParkedRecord, ParkedError, StreamId},
};

use crate::{
    failure::Failure,
    operator_ports::with_ports,
    options::{OperatorOptions, ParkedOptions},
    output::print_json,
    stream::stream,
    text::{count, lined, moment},
};

/// Lists the records that were put aside, with their reasons.
#[derive(Debug, Args)]
pub struct Parked {
    #[command(flatten)]
    pub operator: OperatorOptions,
    #[command(flatten)]
    pub parked: ParkedOptions,
    /// Says how many there are for each reason, with some of their ids, and lists no record.
    #[arg(long)]
    pub by_reason: bool,
}

/// Lists them.
pub async fn run(asked: Parked) -> Result<(), Failure> {
    let stream = stream(&asked.operator.stream)?;
    let wanted = asked.parked.request()?;
    let listed = with_ports!(&asked.operator.state, ports => {
        list_parked(&ports, &stream, |parked| wanted.wants(parked)).await
    })?;
    match asked.by_reason {
        false => show(&stream, &listed, asked.operator.json),
        true => show_reasons(&stream, listed, asked.operator.json),
    }
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
        println!("{}", nothing(stream));
        return;
    }
    let mut table = table(["id", "parked at", "status", "reason"]);
    for parked in listed {
        let status = parked.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        table.add_row([
            parked.key.id.to_string(),
            moment(parked.parked_at_ms),
            status,
            lined(&parked.reason),
        ]);
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
        "parked_at": moment(parked.parked_at_ms),
        "data": data,
    })
}

/// Prints how many records there are for each reason. A record with several faults counts for each of them.
fn show_reasons(stream: &StreamId, listed: Vec<ParkedRecord>, as_json: bool) {
    let parked = listed.len();
    let Digest { groups, ungrouped, .. } = reasons(stream, listed);
    if as_json {
        let of_reason = |group: &ErrorGroup| {
            let ErrorGroup { status, reason, count, first_ms, last_ms, examples, .. } = group;
            let (first, last) = (moment(*first_ms), moment(*last_ms));
            json!({ "reason": reason, "status": status, "records": count, "first": first, "last": last, "ids": examples })
        };
        let reasons: Vec<_> = groups.iter().map(of_reason).collect();
        print_json(
            &json!({ "stream": stream, "parked": parked, "reasons": reasons, "ungrouped": ungrouped }),
        );
        return;
    }
    if parked == 0 {
        println!("{}", nothing(stream));
        return;
    }
    let mut table = table(["records", "status", "reason", "such as"]);
    for ErrorGroup { status, reason, count: of, examples, .. } in &groups {
        let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let ids: Vec<String> = examples.iter().map(ToString::to_string).collect();
        table.add_row([count(*of), status, reason.to_string(), ids.join(", ")]);
    }
    println!("{table}\n{} parked; one with several faults counts for each", count(parked as u64));
    if ungrouped > 0 {
        println!("{} more reasons have no line of their own", count(ungrouped));
    }
}

/// The records by their reasons; what differs between reasons that are alike is left out.
fn reasons(stream: &StreamId, listed: Vec<ParkedRecord>) -> Digest {
    let mut grouping = Grouping::new(0, 0);
    for parked in listed {
        let error = ParkedError::from(parked);
        let faults = ParkedRecord::faults(&error.reason);
        let faults: Option<Vec<Box<str>>> = faults.map(|it| it.map(Box::from).collect());
        match faults {
            Some(faults) => faults.into_iter().for_each(|reason| {
                grouping.add(stream, ParkedError { reason, ..error.clone() });
            }),
            None => grouping.add(stream, error),
        }
    }
    grouping.digest()
}

fn nothing(stream: &StreamId) -> String {
    format!("nothing is parked: {stream} has no such records")
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}
