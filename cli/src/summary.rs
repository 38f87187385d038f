//! What a run came to: a table for people, one JSON object for scripts.

use std::collections::BTreeMap;

use comfy_table::{Table, presets::NOTHING};
use serde::{Deserialize, Serialize};
use tidegate_core::model::ShownStall;
use tidegate_local::{QueueCounts, QueueTraffic};
use tidegate_runtime::Totals;

use crate::text::{count, span};

/// Everything counted in a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Records that the destination took.
    pub delivered: u64,
    /// Records that needed no delivery.
    pub skipped: u64,
    /// Records that were put aside.
    pub parked: u64,
    /// Pages emitted.
    pub pages: u64,
    /// Scheduled runs.
    pub fetch_invocations: u64,
    /// Batches of messages processed.
    pub process_invocations: u64,
    /// Requests to the source.
    pub source_requests: u64,
    /// Requests to the destination.
    pub destination_requests: u64,
    /// Requests that met a limit.
    pub throttled: u64,
    /// Records left for another try after a failure.
    pub retried: u64,
    /// Pages voided, and read again.
    pub voided: u64,
    /// Messages among the dead letters.
    pub dead_letters: u64,
    /// Requests to the table and the queue, by operation.
    pub aws_requests: BTreeMap<String, u64>,
    /// Items in those of them that take any number of items.
    #[serde(default)]
    pub aws_items: BTreeMap<String, u64>,
    /// What the requests are billed by: the queue's 64 KiB, and the table's read or write units where they
    /// were counted.
    #[serde(default)]
    pub aws_units: BTreeMap<String, f64>,
    /// The fetcher's time, in ms.
    pub fetch_ms: u64,
    /// The processors' time, in ms, added up.
    pub process_ms: u64,
    /// From the first run to the end, in ms.
    pub elapsed_ms: u64,
    /// The longest invocation, in ms.
    pub longest_invocation_ms: u64,
    /// Invocations that the host had to kill.
    pub timed_out: u64,
    /// Everything at the source is settled.
    pub caught_up: bool,
    /// Up to which moment, in RFC 3339: what is younger than the flow's settle lag is a later run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught_up_to: Option<String>,
    /// It got no further for too long, and ended.
    #[serde(default)]
    pub gave_up: bool,
    /// What it waits for.
    #[serde(default)]
    pub waiting: Vec<ShownStall>,
    /// All that is left waits until then; where it is caught up, what is held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on_at: Option<String>,
    /// Scheduled runs that emitted a page.
    pub runs: u64,
}

impl Summary {
    /// Adds up a run of the embedded host.
    pub fn new(
        totals: &Totals,
        queue: (QueueCounts, QueueTraffic),
        table_requests: BTreeMap<String, u64>,
    ) -> Self {
        let (counts, traffic) = queue;
        let mut aws_requests = table_requests;
        let mut aws_units = BTreeMap::new();
        for (operation, requests, billed) in [
            ("SendMessageBatch", traffic.sends, traffic.sends_billed),
            ("ReceiveMessage", traffic.receives, traffic.receives_billed),
            ("DeleteMessageBatch", traffic.deletes, traffic.deletes),
            ("ChangeMessageVisibilityBatch", traffic.give_backs, traffic.give_backs),
        ] {
            if requests > 0 {
                aws_requests.insert(operation.to_owned(), requests);
                aws_units.insert(operation.to_owned(), billed as f64);
            }
        }
        Self {
            delivered: totals.tally.delivered,
            skipped: totals.tally.skipped,
            parked: totals.tally.parked,
            pages: totals.pages,
            fetch_invocations: totals.fetch_invocations,
            process_invocations: totals.process_invocations,
            source_requests: totals.source_requests,
            destination_requests: totals.tally.requests,
            throttled: totals.tally.throttled,
            retried: totals.tally.retried,
            voided: totals.voided,
            dead_letters: counts.dead as u64,
            aws_requests,
            aws_units,
            runs: totals.runs,
            ..Self::default()
        }
    }

    /// The table for people.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        let settled = self.delivered + self.skipped + self.parked;
        let rate = settled * 1_000 / self.elapsed_ms.max(1);
        let aws: u64 = self.aws_requests.values().sum();
        let by_operation: Vec<String> = self
            .aws_requests
            .iter()
            .map(|(operation, requests)| format!("{operation} {}", count(*requests)))
            .collect();
        let mut row = |name: &str, value: String| {
            table.add_row([name.to_owned(), value]);
        };
        row("delivered", count(self.delivered));
        row("skipped", count(self.skipped));
        row("parked", count(self.parked));
        row("pages", count(self.pages));
        row("runs that found work", format!("{} of {}", self.runs, self.fetch_invocations));
        row("processor invocations", count(self.process_invocations));
        row("longest invocation", span(self.longest_invocation_ms));
        row("requests to the source", count(self.source_requests));
        row("requests to the destination", count(self.destination_requests));
        row("throttled / retried", format!("{} / {}", count(self.throttled), count(self.retried)));
        row("requests to AWS, emulated", format!("{}\n{}", count(aws), by_operation.join("\n")));
        row("elapsed", format!("{} ({} records/s)", span(self.elapsed_ms), count(rate)));
        row(
            "caught up",
            match (self.caught_up, &self.goes_on_at) {
                (true, None) => "yes".into(),
                (true, Some(at)) => {
                    let to = self.caught_up_to.as_deref().unwrap_or("an earlier moment");
                    format!("yes, up to {to}: what is younger is held back, the first until {at}")
                }
                (false, None) => "no".into(),
                (false, Some(at)) => format!("no: the rest goes on at {at}"),
            },
        );
        for stall in &self.waiting {
            row("waits for", shown(stall));
        }
        table
    }
}

/// `source: 503 (since …, next try …)`
pub fn shown(stall: &ShownStall) -> String {
    let ShownStall { on, reason, since, until, .. } = stall;
    match until {
        Some(until) => format!("{on}: {reason} (since {since}, next try {until})"),
        None => format!("{on}: {reason} (since {since}, until an operator acts)"),
    }
}
