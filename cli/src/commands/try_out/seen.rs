//! What is said while records are tried: requests, answers, and what they mean.

use tidegate_connectors::{AnswerPreview, RequestPreview, Witness};
use tidegate_core::{
    model::{Later, Outcome, SkipReason},
    ports::{Batching, BoxFuture, Delivery, Destination, Outgoing, Route},
};

use crate::shown;

/// Prints each request with its answer.
pub(super) struct Printer;

impl Witness for Printer {
    fn saw(&self, request: RequestPreview, answer: Result<AnswerPreview, String>) {
        let answer = match answer {
            Ok(answer) => format!("answered {}", shown::answer(&answer)),
            Err(reason) => format!("no answer: {reason}\n"),
        };
        // In one piece: nothing comes in between.
        println!("\nsent {}\n{answer}", shown::request(&request));
    }
}

/// A destination that says what became of each record.
pub(super) struct Told(pub(super) Box<dyn Destination>);

impl Destination for Told {
    fn begins(&self, generation: u64) {
        self.0.begins(generation);
    }

    fn routes(&self) -> usize {
        self.0.routes()
    }

    fn route(&self, record: &[u8], deleted: bool) -> Result<Route, Outcome> {
        self.0.route(record, deleted)
    }

    fn batching(&self, route: Route) -> Batching {
        self.0.batching(route)
    }

    fn takes_unshaped(&self, record: &[u8], deleted: bool) -> bool {
        self.0.takes_unshaped(record, deleted)
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let delivery = self.0.deliver(records, timeout_ms).await;
            // Where one more request follows, its outcomes are the ones that count.
            if !delivery.again {
                for (record, outcome) in records.iter().zip(&delivery.outcomes) {
                    println!("record {}: {}", record.id, said(outcome));
                }
            }
            delivery
        })
    }

    fn has<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        self.0.has(record, timeout_ms)
    }
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Skipped(SkipReason::Duplicate) => "the destination has it already".to_owned(),
        Outcome::Skipped(_) => "nothing was to be sent".to_owned(),
        Outcome::Refused { reason, .. } => format!("refused, and parked: {reason}"),
        Outcome::Later(later) => format!("not yet, it is tried again: {}", later.reason),
    }
}
