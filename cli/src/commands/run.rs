//! `tidegate run`: a user's own flow against real APIs.

use std::sync::Arc;

use crate::{
    args::Run,
    commands::print_json,
    connection,
    embedded::{self, Fixed},
    failure::Failure,
    runner::{Runner, Until},
    stream,
};

/// Runs the flow until it is caught up, or until it is stopped.
pub async fn run(asked: Run) -> Result<(), Failure> {
    let file = connection::read(&asked.flow)?;
    let stream = stream::id(&file.spec.name, &asked.connection)?;
    let given = connection::given(&file, &asked.params.params);
    let flow = connection::flow(file, stream.clone(), &given)?;

    let state = embedded::open(Some(&asked.state))?;
    let host = &asked.host;
    let app = embedded::app(
        state.table.clone(),
        Fixed::one(flow),
        host.invocation_seconds * 1_000,
        host.processors,
        host.records_per_run,
    );
    let until = if asked.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let runner = Runner {
        app: Arc::new(app),
        requests: state.requests.clone(),
        stream: stream.clone(),
        host,
        until,
        total: None,
    };
    let summary = runner.run(|_| true).await?;
    if host.json {
        print_json(&summary);
    } else {
        println!("{}", summary.table());
        if summary.parked > 0 {
            println!(
                "{} records are parked: `tidegate parked {} --connection {} --state {}` lists them",
                summary.parked,
                asked.flow.display(),
                asked.connection,
                asked.state.display()
            );
        }
    }
    if summary.caught_up {
        Ok(())
    } else {
        Err(Failure::run(format!("{stream} is not caught up; the next run goes on from here")))
    }
}
