//! `tidegate invoke`: one handler, one event file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use tidegate_core::{model::StreamId, ports::Clock};
use tidegate_runtime::WallClock;

use crate::{
    connection,
    embedded::{self, EmbeddedApp, Fixed},
    failure::Failure,
    options::ParamOptions,
    runner::noting,
};

/// Calls one handler with one event file.
#[derive(Debug, Args)]
pub struct Invoke {
    /// The handler to call.
    pub handler: Handler,
    /// The event, as JSON.
    pub event: PathBuf,
    /// The flow file; without it, the shipped flow that the event names.
    #[arg(long, value_name = "FILE")]
    pub flow: Option<PathBuf>,
    #[command(flatten)]
    pub params: ParamOptions,
    /// The folder that holds the state.
    #[arg(long, value_name = "DIR", default_value = ".state")]
    pub state: PathBuf,
    /// Writes the messages that the handler sent as an event for the processor.
    #[arg(long, value_name = "FILE")]
    pub sent: Option<PathBuf>,
    /// The function's timeout, in seconds.
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub invocation_seconds: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Handler {
    /// Takes the schedule's input: `{"flow": …, "connection": …}`.
    Fetcher,
    /// Takes an event of the page queue.
    Processor,
    /// Takes an event of the dead-letter queue.
    DeadLetters,
}

/// Calls the handler as its function would, and prints what it answers.
pub async fn run(asked: Invoke) -> Result<(), Failure> {
    let event = read_event(&asked.event)?;
    let stream = stream_of(&event, &asked.event)?;
    let file = match &asked.flow {
        Some(path) => connection::read(path)?,
        None => connection::shipped(stream.flow())?,
    };
    let given = connection::given(&file, &asked.params.params);
    connection::complete(&file, &given)?;
    let state = embedded::open(Some(&asked.state))?;
    let flow = connection::flow(file, stream, &given, &state.table, WallClock::default())?;
    let flow = noting(flow, &state, WallClock::default());
    let timeout_ms = asked.invocation_seconds * 1_000;
    let app = embedded::app(
        state.table.clone(),
        Fixed::one(flow),
        timeout_ms,
        1,
        None,
        WallClock::default(),
    );
    let app = Arc::new(app);

    let mut context = Context::default();
    let deadline_ms = WallClock::default().now_ms().saturating_add_unsigned(timeout_ms);
    context.deadline = u64::try_from(deadline_ms).unwrap_or(0);
    let answer = call(&app, asked.handler, event, context).await.map_err(Failure::run)?;
    println!("{}", serde_json::to_string_pretty(&answer).expect("an answer is plain data"));
    if let Some(path) = &asked.sent {
        write_sent(&app, path)?;
    }
    Ok(())
}

async fn call(
    app: &EmbeddedApp,
    handler: Handler,
    event: Value,
    context: Context,
) -> Result<Value, lambda_runtime::Error> {
    Ok(match handler {
        Handler::Fetcher | Handler::DeadLetters => {
            let event = LambdaEvent::new(serde_json::from_value(event)?, context);
            serde_json::to_value(tidegate_fetcher::handle(app, event).await?)?
        }
        Handler::Processor => {
            let event = LambdaEvent::new(serde_json::from_value(event)?, context);
            serde_json::to_value(tidegate_processor::handle(app, event).await?)?
        }
    })
}

fn read_event(path: &Path) -> Result<Value, Failure> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("error: {name} cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("error: {name} is no JSON: {error}\n   = help: tests/events holds an event for each handler"))
    })
}

/// The stream that an event is for: the schedule's, or that of its first message.
fn stream_of(event: &Value, path: &Path) -> Result<StreamId, Failure> {
    let from_schedule = || Some((event["flow"].as_str()?, event["connection"].as_str()?));
    if let Some((flow, connection)) = from_schedule() {
        return crate::stream::id(flow, connection);
    }
    let body = event["Records"][0]["body"].as_str();
    let message = body.and_then(|body| tidegate_wire::decode(body).ok());
    message.map(|message| message.stream().clone()).ok_or_else(|| {
        Failure::usage(format!(
            "error: {} names no stream\n   = help: give {{\"flow\": …, \"connection\": …}}, or Records whose first body is a page",
            path.display()
        ))
    })
}

fn write_sent(app: &EmbeddedApp, path: &Path) -> Result<(), Failure> {
    // What was sent becomes visible after its delay; here no other processor receives it.
    let mut records = Vec::new();
    for (number, body) in app.ports.queue.bodies().into_iter().enumerate() {
        records.push(json!({
            "messageId": format!("m-{number}"),
            "receiptHandle": format!("{number}"),
            "body": body,
            "attributes": { "ApproximateReceiveCount": "1" },
            "eventSource": "aws:sqs",
        }));
    }
    let text = serde_json::to_string_pretty(&json!({ "Records": records }));
    fs::write(path, text.expect("an event is plain data"))
        .map_err(|error| Failure::run(format!("{} cannot be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_names_its_stream_and_an_event_without_one_is_a_usage_error() {
        let path = Path::new("event.json");
        let schedule = json!({ "flow": "orders", "connection": "eu" });
        let stream = stream_of(&schedule, path).unwrap();
        assert_eq!((stream.flow(), stream.connection()), ("orders", "eu"));
        let foreign = json!({ "Records": [{ "body": "no page" }] });
        let failure = stream_of(&foreign, path).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.report.contains("event.json names no stream"), "{failure:?}");
    }
}
