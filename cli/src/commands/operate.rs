//! `tidegate pause`, `resume` and `rewind`, and where an operator's ports come from.

use tidegate_core::{
    app::{rewind as move_back, set_paused as set},
    model::Position,
};

use crate::{
    args::{Look, Rewind},
    commands::print_json,
    failure::Failure,
    stream::stream,
};

/// Binds the ports of the deployed stack, or of the state folder, and runs the expression on them.
/// A macro, for the two are different types of the same shape.
macro_rules! with_ports {
    ($place:expr, $ports:ident => $act:expr) => {{
        if $place.aws {
            let $ports = $crate::deployed::ports($place).await?;
            $act
        } else {
            let state = $crate::embedded::open(Some(&$place.state))?;
            let fixed = $crate::embedded::Fixed::default();
            let $ports =
                $crate::embedded::app(state.table.clone(), fixed, 1, 1, None, Default::default())
                    .ports;
            $act
        }
    }};
}
pub(super) use with_ports;

/// Stops or starts the stream's fetcher.
pub async fn set_paused(asked: Look, paused: bool) -> Result<(), Failure> {
    let stream = stream(&asked.stream)?;
    with_ports!(&asked.place, ports => set(&ports, &stream, paused).await)?;
    if asked.json {
        print_json(&serde_json::json!({ "stream": stream, "paused": paused }));
    } else if paused {
        println!("{stream} is paused: nothing more is fetched; what is under way is finished");
    } else {
        println!("{stream} goes on with its next scheduled run");
    }
    Ok(())
}

/// Moves the stream's line.
pub async fn rewind(asked: Rewind) -> Result<(), Failure> {
    let stream = stream(&asked.look.stream)?;
    let to = match asked.to.as_str() {
        "start" => Position::Start,
        text => Position::decode(text).map_err(|error| {
            Failure::usage(format!(
                "error: `{text}` is no position: {error}\n   = help: give `start`, or `head` or `watermark` as `tidegate status --json` shows them"
            ))
        })?,
    };
    let moved = with_ports!(&asked.look.place, ports => move_back(&ports, &stream, &to).await)?;
    let Some(cursor) = moved else {
        return Err(Failure::run(format!(
            "{stream} was never fetched here, or its fetcher is running just now: pause it, and try again"
        )));
    };
    if asked.look.json {
        let (to, generation) = (&cursor.head, cursor.generation);
        print_json(&serde_json::json!({ "stream": stream, "head": to, "generation": generation }));
    } else {
        println!("{stream} reads again from {}, as generation {}", cursor.head, cursor.generation);
    }
    Ok(())
}
