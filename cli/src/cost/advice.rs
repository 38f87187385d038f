//! What most of the money goes to, and what would lower it.

use super::bill::{Bill, FETCHER, Line, PROCESSOR};
use crate::summary::Summary;

/// One sentence on the dearest line.
pub fn advice(bill: &Bill, run: &Summary) -> Option<String> {
    let dearest = bill.lines.first()?;
    let share = (100.0 * dearest.usd / bill.usd()).round();
    if !share.is_finite() {
        return None;
    }
    let remedy = remedy(dearest, bill, run);
    Some(format!("{} is {share}% of it: {remedy}.", dearest.operation))
}

fn remedy(dearest: &Line, bill: &Bill, run: &Summary) -> String {
    match dearest.operation.as_str() {
        PROCESSOR if run.destination_requests * 2 > run.delivered => {
            "it waits for one record at a time; bulks (`destination.http.batch`) wait once for \
             many, where the destination takes them"
                .to_owned()
        }
        PROCESSOR => "it is the time that the destination takes; less memory is cheaper where CPU \
                      is not what it waits for"
            .to_owned(),
        FETCHER => "it is the time that the source takes; larger pages (`page_size`) wait less \
                    often"
            .to_owned(),
        // A ledger claims and applies each record, by nothing else than statements.
        "BatchExecuteStatement" => {
            "the ledger writes twice for each record; `ordering: none` has no ledger, for records \
             that never change"
                .to_owned()
        }
        "Scheduler" | "Lambda requests" => "a rarer `schedule` takes on more at a time".to_owned(),
        _ => format!(
            "it is paid by the page, of {} records here; a larger `page_size` shares it among more",
            bill.records.div_ceil(run.pages.max(1))
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(operation: &str, requests: f64, run: &Summary) -> String {
        let line = |operation: &str, requests, usd| Line {
            operation: operation.to_owned(),
            requests,
            units: requests,
            unit: "requests",
            estimated: false,
            usd,
        };
        let lines = vec![line(operation, requests, 3.0), line("Query", 1.0, 1.0)];
        advice(&Bill { records: 1_000, lines }, run).unwrap()
    }

    #[test]
    fn the_remedy_is_for_what_dominates() {
        let run = Summary { delivered: 1_000, pages: 10, ..Summary::default() };
        let ledger = said("BatchExecuteStatement", 80_000.0, &run);
        assert!(
            ledger.starts_with("BatchExecuteStatement is 75% of it")
                && ledger.contains("ordering: none")
        );
        assert!(said("UpdateItem", 30_000.0, &run).contains("of 100 records here"));
        assert!(said("SendMessageBatch", 1_000.0, &run).contains("page_size"));
        assert!(!said(PROCESSOR, 1_000.0, &run).contains("batch"));
        let singly = Summary { destination_requests: 1_000, ..run };
        assert!(said(PROCESSOR, 1_000.0, &singly).contains("destination.http.batch"));
    }
}
