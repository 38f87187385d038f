//! `tidegate rewind`: a stream is read again from an earlier position.

use clap::Args;
use tidegate_core::{app::rewind, model::Position};

use crate::{
    failure::Failure, operator_ports::with_ports, options::OperatorOptions, output::print_json,
    stream::stream,
};

/// Moves a stream back, to read again from there.
#[derive(Debug, Args)]
pub struct Rewind {
    #[command(flatten)]
    pub operator: OperatorOptions,
    /// `start`, or a position as `status --json` shows it.
    #[arg(long, value_name = "POSITION", default_value = "start")]
    pub to: String,
}

/// Moves the stream's head and voids the pages after it.
pub async fn run(asked: Rewind) -> Result<(), Failure> {
    let stream = stream(&asked.operator.stream)?;
    let to = match asked.to.as_str() {
        "start" => Position::Start,
        text => Position::decode(text).map_err(|error| {
            Failure::usage(format!(
                "error: `{text}` is no position: {error}\n   = help: give `start`, or `head` or `watermark` as `tidegate status --json` shows them"
            ))
        })?,
    };
    let moved = with_ports!(&asked.operator.state, ports => rewind(&ports, &stream, &to).await)?;
    let Some(cursor) = moved else {
        return Err(Failure::run(format!(
            "{stream} was never fetched here, or its fetcher is running just now: pause it, and try again"
        )));
    };
    if asked.operator.json {
        let (to, generation) = (&cursor.head, cursor.generation);
        print_json(&serde_json::json!({ "stream": stream, "head": to, "generation": generation }));
    } else {
        println!(
            "{stream} is moved back: it reads again from {}, as generation {}",
            cursor.head, cursor.generation
        );
    }
    Ok(())
}
