//! `tidegate pause`: a stream's fetcher is stopped.

use clap::Args;
use serde_json::json;
use tidegate_core::app::set_paused;

use crate::{
    failure::Failure, operator_ports::with_ports, options::OperatorOptions, output::print_json,
    stream::stream,
};

/// Stops a stream's fetcher; what is under way is finished.
#[derive(Debug, Args)]
pub struct Pause {
    #[command(flatten)]
    pub operator: OperatorOptions,
}

/// Stops the stream's fetcher. The processors finish the pages that are under way.
pub async fn run(Pause { operator }: Pause) -> Result<(), Failure> {
    let stream = stream(&operator.stream)?;
    with_ports!(&operator.state, ports => set_paused(&ports, &stream, true).await)?;
    if operator.json {
        print_json(&json!({ "stream": stream, "paused": true }));
    } else {
        println!(
            "{stream} is paused: nothing more is fetched, and the pages under way are finished; `tidegate resume` starts it again"
        );
    }
    Ok(())
}
