//! The processor function on AWS.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tidegate_processor::handle;
use tidegate_runtime::{connected_to_deliver, deployed, log_to_stdout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let reports = log_to_stdout();
    let app = deployed(connected_to_deliver)?;
    // Boxed: else the future of `run` nests deeper than the compiler follows.
    let handled = async |event: LambdaEvent<_>| reports.after(Box::pin(handle(&app, event))).await;
    run(service_fn(handled)).await
}
