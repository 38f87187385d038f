//! `tidegate parked`: the records that were put aside.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use jiff::{Span, Timestamp};
use serde_json::json;
use tidegate_core::{
    app::{ReplayRequest, list_parked},
    model::{Parked as ParkedRecord, StreamId},
};

use crate::{
    args::{Parked, WantedOptions},
    commands::{operate::with_ports, print_json},
    failure::Failure,
    stream::stream,
    text::count,
};

/// Lists them.
pub async fn parked(asked: Parked) -> Result<(), Failure> {
    let stream = stream(&asked.look.stream)?;
    let wanted = wanted(&asked.wanted)?;
    let listed = with_ports!(&asked.look.place, ports => {
        list_parked(&ports, &stream, |parked| wanted.wants(parked)).await
    })?;
    show(&stream, &listed, asked.look.json);
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
        println!("nothing is parked");
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
    let data: serde_json::Value = serde_json::from_slice(&parked.data).unwrap_or_default();
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

/// Which ones are meant.
pub fn wanted(options: &WantedOptions) -> Result<ReplayRequest, Failure> {
    let since_ms = options.since.as_deref().map(since).transpose()?;
    Ok(ReplayRequest { reason: options.reason.clone(), since_ms })
}

/// A moment, or how long ago.
fn since(text: &str) -> Result<i64, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let now = Timestamp::now();
    let ago = text
        .parse::<Span>()
        .ok()
        .and_then(|span| span.to_duration(now.to_zoned(jiff::tz::TimeZone::UTC).date()).ok());
    let moment = ago.and_then(|ago| now.checked_sub(ago).ok());
    moment.map(|moment| moment.as_millisecond()).ok_or_else(|| {
        Failure::usage(format!(
            "error: `{text}` is no moment\n   = help: write it as 2026-11-27T08:00:00Z, or how long ago: 2h, 30m, 1d"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn a_moment_is_a_timestamp_or_how_long_ago() {
        assert_eq!(since("1970-01-01T00:00:01Z").unwrap(), 1_000);
        let hour_ago = since("1h").unwrap();
        assert!((since("60m").unwrap() - hour_ago).abs() < 1_000);
        assert!(since("yesterday").unwrap_err().report.contains("2h"));
    }
}
