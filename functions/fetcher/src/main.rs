//! The fetcher function on AWS.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tidegate_fetcher::handle;
use tidegate_runtime::{connected, deployed, log_to_stdout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let reports = log_to_stdout();
    let app = deployed(connected)?;
    run(service_fn(async |event: LambdaEvent<_>| reports.after(handle(&app, event)).await)).await
}
