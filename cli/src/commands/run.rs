//! `tidegate run`: a user's own flow against real APIs.

use crate::{
    args::Run,
    commands::print_json,
    connection, embedded,
    failure::Failure,
    runner::{Runner, Until},
    stream,
};

/// Runs the flow until it is caught up, or until it is stopped.
pub async fn run(asked: Run) -> Result<(), Failure> {
    let file = connection::read(&asked.flow)?;
    let stream = stream::id(&file.spec.name, &asked.connection)?;
    let given = connection::given(&file, &asked.params.params);
    // Before a folder is made for it.
    connection::complete(&file, &given)?;

    let open = if asked.count_units { embedded::open_counting } else { embedded::open };
    let state = open(Some(&asked.state))?;
    let flow = connection::flow(file, stream.clone(), &given, &state.table)?;
    let host = &asked.host;
    let until = if asked.until_caught_up { Until::CaughtUp } else { Until::Stopped };
    let runner = Runner { until, ..Runner::of(flow, &state, host) };
    let summary = runner.run(|_| true).await?;
    if host.json {
        print_json(&summary);
    } else {
        println!("{}", summary.table());
        if let Some(at) = &summary.goes_on_at {
            println!("A quota is used up: the same command goes on from here after {at}.");
        }
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
    // A limit of the destination is no failure: the next run goes on after its reset.
    if summary.caught_up || summary.goes_on_at.is_some() {
        Ok(())
    } else {
        Err(Failure::run(format!("{stream} is not caught up; the next run goes on from here")))
    }
}
