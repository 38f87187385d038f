//! One scheduled run, or one batch of dead letters.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use tidegate_core::{
    app::{Burial, End, FetchReport, FetchRun, bury, fetch},
    model::{Message, StreamId},
    ports::{Clock, Platform},
};
use tidegate_runtime::{App, Flows, deadline};

/// What the function is called with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// The schedule's input.
    Schedule(Schedule),
    /// The dead-letter queue's mapping.
    DeadLetters(SqsEvent),
}

/// Which stream a schedule runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The flow's name.
    pub flow: String,
    /// The connection's name.
    pub connection: String,
}

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What the run did.
    Fetched(Box<FetchReport>),
    /// Dead letters that stay.
    Buried(SqsBatchResponse),
}

/// Somebody has to act before the source can be read; every run until then fails with this.
#[derive(Debug, thiserror::Error)]
#[error("{stream}: {reason}")]
pub struct SourceHalted {
    /// Whose source.
    pub stream: StreamId,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Runs the fetcher once, or buries dead letters. A run that did not get as far as it could is
/// still a success: the next one goes on. It fails with [`SourceHalted`] where somebody has to act.
pub async fn handle<P: Platform, F: Flows>(
    app: &App<P, F>,
    event: LambdaEvent<Event>,
) -> Result<Answer, Error> {
    match event.payload {
        Event::Schedule(schedule) => {
            let stream = StreamId::new(&schedule.flow, &schedule.connection)?;
            let flow = app.flows.flow(&stream).await?;
            let run = FetchRun {
                deadline: deadline(&app.ports.clock, &event.context),
                records_max: app.records_max,
                send_delay_ms: app.send_delay_ms,
            };
            let report = fetch(&app.ports, &flow, run).await?;
            app.meter.fetched(&stream, &report, app.ports.clock.now_ms());
            log(&stream, &report);
            match &report.end {
                // An alarm goes by the function's errors.
                End::SourceHalt(reason) => {
                    Err(SourceHalted { stream, reason: reason.clone() }.into())
                }
                _ => Ok(Answer::Fetched(Box::new(report))),
            }
        }
        Event::DeadLetters(event) => Ok(Answer::Buried(bury_all(app, event).await)),
    }
}

fn log(stream: &StreamId, report: &FetchReport) {
    tracing::info!(
        %stream,
        pages = report.pages,
        records = report.records,
        parked = report.parked,
        voided = report.voided,
        end = ?report.end,
        head = %report.head,
        watermark = %report.watermark,
        caught_up = report.caught_up,
        "fetched"
    );
    if report.parked > 0 {
        tracing::error!(%stream, records = report.parked, "records were parked that are too large for a message or cannot be read");
    }
}

async fn bury_all<P: Platform, F: Flows>(app: &App<P, F>, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let body = message.body.as_deref().unwrap_or_default();
        if let Err(error) = bury_one(app, body).await {
            tracing::error!(message = ?message.message_id, error = %error, "a dead letter stays");
            response.add_failure(message.message_id.unwrap_or_default());
        }
    }
    response
}

async fn bury_one<P: Platform, F: Flows>(app: &App<P, F>, body: &str) -> Result<(), Error> {
    let page = match tidegate_wire::decode(body)? {
        Message::Page(page) => page,
        // What it was to try again is parked still.
        Message::Replay(_) => return Ok(()),
    };
    let flow = app.flows.flow(&page.stream).await?;
    match bury(&app.ports, &flow, &page).await? {
        Burial::Buried(parked) => {
            app.meter.buried(parked);
            Ok(())
        }
        Burial::Unsealed => Err("its page is not sealed".into()),
        Burial::Blocks => Err("its page blocks the stream, as the flow has it".into()),
    }
}
