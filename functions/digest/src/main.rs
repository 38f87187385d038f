//! The digest function on AWS.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tidegate_digest::{deployed, handle};
use tidegate_runtime::log_to_stdout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let reports = log_to_stdout();
    let app = deployed()?;
    run(service_fn(async |event: LambdaEvent<_>| reports.after(handle(&app, event)).await)).await
}
