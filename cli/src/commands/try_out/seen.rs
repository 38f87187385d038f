//! What is said while records are tried: requests, answers, and what they mean.

use tidegate_connectors::{AnswerPreview, RequestPreview, Witness};
use tidegate_core::{
    model::{Outcome, SkipReason},
    ports::{Around, BoxFuture, Delivery, Destination, Outgoing},
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

impl Around for Told {
    fn inner(&self) -> &dyn Destination {
        &*self.0
    }

    fn deliver_around<'a>(
        &'a self,
        records: &'a [Outgoing],
        timeout_ms: u64,
    ) -> BoxFuture<'a, Delivery> {
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
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Skipped(SkipReason::Duplicate) => "the destination has it already".to_owned(),
        Outcome::Skipped(_) => "nothing was to be sent".to_owned(),
        Outcome::Refused { reason, .. } | Outcome::Invalid(reason) => {
            format!("refused, and parked: {reason}")
        }
        Outcome::Later(later) => format!("not yet, it is tried again: {}", later.reason),
    }
}
