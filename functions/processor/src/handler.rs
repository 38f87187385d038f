//! One invocation of the event source mapping.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::atomic::Ordering::Relaxed};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use lambda_runtime::{Error, LambdaEvent};
use tidegate_core::{
    app::{Arrival, Disposition, ProcessReport, process, process_replay},
    decide::Deadline,
    model::{Message, ReplayMessage, StreamId},
    ports::{PageQueue, Platform, Receipt},
};
use tidegate_runtime::{App, Flows, Meter, deadline};

/// A message that this version cannot read comes back after so many ms; perhaps to a newer one. The
/// reaper has its page read again, so nothing is lost should it never be read.
const UNREADABLE_MS: u64 = 600_000;
/// A stream that cannot be connected (a parameter is missing, say) comes back after so many ms.
const UNCONNECTED_MS: u64 = 60_000;

/// Messages of one stream.
#[derive(Default)]
struct Work {
    arrivals: Vec<Arrival>,
    replays: Vec<(Receipt, ReplayMessage)>,
}

/// Processes a batch and names the messages that are to come back. It never fails as a whole: a
/// failure of one stream, or a panic, gives back that stream's messages and no others.
pub async fn handle<P: Platform, F: Flows>(
    app: &App<P, F>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    app.meter.invoked_processor();
    let deadline = deadline(&app.ports.clock, &event.context);
    let mut names: BTreeMap<Box<str>, String> = BTreeMap::new();
    let mut streams: BTreeMap<StreamId, Work> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for message in event.payload.records {
        let receipt: Box<str> = message.receipt_handle.clone().unwrap_or_default().into();
        names.insert(receipt.clone(), message.message_id.clone().unwrap_or_default());
        let body = message.body.as_deref().unwrap_or_default();
        match tidegate_wire::decode(body) {
            Ok(read) => {
                let work = streams.entry(read.stream().clone()).or_default();
                let (receipt, receives) = (Receipt(receipt), receives(&message));
                match read {
                    Message::Page(page) => work.arrivals.push(Arrival { receipt, receives, page }),
                    Message::Replay(replay) => work.replays.push((receipt, replay)),
                }
            }
            Err(error) => {
                tracing::error!(message = ?message.message_id, %error, "a message was refused");
                app.meter.refused_message();
                unreadable.push((Receipt(receipt), UNREADABLE_MS));
            }
        }
    }
    let mut back: Vec<Receipt> = unreadable.iter().map(|(receipt, _)| receipt.clone()).collect();
    if !unreadable.is_empty() {
        // Else it comes back when its visibility timeout ends.
        let _ = app.ports.queue.give_back(&unreadable).await;
    }
    for (stream, work) in streams {
        back.extend(run_stream(app, &stream, work, deadline).await);
    }
    let mut response = SqsBatchResponse::default();
    for receipt in back {
        response.add_failure(names.remove(&receipt.0).unwrap_or_default());
    }
    Ok(response)
}

/// Processes one stream's messages; answers with those that come back.
async fn run_stream<P: Platform, F: Flows>(
    app: &App<P, F>,
    stream: &StreamId,
    work: Work,
    deadline: Deadline,
) -> Vec<Receipt> {
    let pages = work.arrivals.iter().map(|arrival| arrival.receipt.clone());
    let all: Vec<Receipt> =
        pages.chain(work.replays.iter().map(|(receipt, _)| receipt.clone())).collect();
    let flow = match app.flows.flow(stream).await {
        Ok(flow) => flow,
        Err(error) => {
            tracing::error!(%stream, error = %format!("{error:#}"), "the stream cannot run");
            let back: Vec<_> =
                all.iter().map(|receipt| (receipt.clone(), UNCONNECTED_MS)).collect();
            let _ = app.ports.queue.give_back(&back).await;
            return all;
        }
    };
    let processors = app.processors.load(Relaxed);
    let mut back = Vec::new();
    if !work.arrivals.is_empty() {
        let messages: Vec<Receipt> =
            work.arrivals.iter().map(|arrival| arrival.receipt.clone()).collect();
        let run = process(&app.ports, &flow, work.arrivals, deadline, processors);
        // A panic is one stream's failure and not the batch's.
        match AssertUnwindSafe(run).catch_unwind().await {
            Ok(Ok(report)) => back.extend(given_back(&app.meter, stream, &report)),
            Ok(Err(error)) => {
                tracing::error!(%stream, %error, "nothing was processed");
                back.extend(messages);
            }
            Err(_) => {
                tracing::error!(%stream, "its processing panicked");
                back.extend(messages);
            }
        }
    }
    for (receipt, replay) in work.replays {
        let run = process_replay(&app.ports, &flow, receipt.clone(), replay, deadline, processors);
        match AssertUnwindSafe(run).catch_unwind().await {
            Ok(Ok(report)) => back.extend(given_back(&app.meter, stream, &report)),
            Ok(Err(error)) => {
                tracing::error!(%stream, %error, "nothing was replayed");
                back.push(receipt);
            }
            Err(_) => {
                tracing::error!(%stream, "its replay panicked");
                back.push(receipt);
            }
        }
    }
    back
}

fn given_back(meter: &Meter, stream: &StreamId, report: &ProcessReport) -> Vec<Receipt> {
    meter.processed(report);
    tracing::info!(
        %stream,
        delivered = report.tally.delivered,
        skipped = report.tally.skipped,
        parked = report.tally.parked,
        retried = report.tally.retried,
        throttled = report.tally.throttled,
        requests = report.tally.requests,
        pages_done = report.pages_done,
        pages_stale = report.pages_stale,
        "processed"
    );
    for group in &report.errors {
        let status = group.status.map(tracing::field::display);
        let examples =
            group.examples.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        tracing::error!(
            %stream, status, reason = %group.reason, records = group.count, examples,
            "records were parked"
        );
    }
    let back = report.dispositions.iter().filter(|(_, it)| *it != Disposition::Acknowledge);
    back.map(|(receipt, _)| receipt.clone()).collect()
}

fn receives(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
