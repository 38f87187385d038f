//! `tidegate resume`: a paused stream's fetcher is started again.

use clap::Args;
use serde_json::json;
use tidegate_core::app::set_paused;

use crate::{
    failure::Failure, operator_ports::with_ports, options::OperatorOptions, output::print_json,
    stream::stream,
};

/// Starts a paused stream's fetcher again.
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    pub operator: OperatorOptions,
}

/// Lets the stream's fetcher go on with its next scheduled run.
pub async fn run(Resume { operator }: Resume) -> Result<(), Failure> {
    let stream = stream(&operator.stream)?;
    with_ports!(&operator.state, ports => set_paused(&ports, &stream, false).await)?;
    if operator.json {
        print_json(&json!({ "stream": stream, "paused": false }));
    } else {
        println!("{stream} is resumed: its fetcher goes on with the next scheduled run");
    }
    Ok(())
}
