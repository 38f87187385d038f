//! `tidegate check --live`: what one page of the source shows.

use tidegate_connectors::Sight;
use tidegate_core::ports::Clock;
use tidegate_flow::Connection;
use tidegate_runtime::WallClock;

use crate::{
    connection::{self, FlowFile},
    deployed, embedded,
    failure::Failure,
    mapped,
    options::StateOptions,
    stream,
};

/// The longest that a look may take, in ms.
const LOOK_MS: i64 = 60_000;

/// Asks the source for a page, and says what it saw. Sends nothing to the destination.
pub async fn run(
    file: &FlowFile,
    (connection, given): (&str, &Connection),
    place: &StateOptions,
) -> Result<(), Failure> {
    let stream = stream::id(&file.spec.name, connection)?;
    // Complete, before a state is made for it.
    connection::complete(file, given)?;
    let (table, _state) = match place.aws {
        true => (deployed::ports(place).await?.store, None),
        false => {
            let state = embedded::open(Some(&place.state))?;
            (state.table.clone(), Some(state))
        }
    };
    let source = connection::look(file, stream, given, &table)?;
    println!("\nlive: one page of the source; nothing is sent to the destination");
    let now_ms = WallClock::default().now_ms();
    let sights = source.look(now_ms, now_ms + LOOK_MS).await.map_err(Failure::run)?;
    sights.iter().for_each(show);
    if let Some((id, data)) = sights.iter().find_map(|sight| sight.sample.as_ref()) {
        let note = if file.spec.looks_up() { ", as if nothing were found for it" } else { "" };
        println!("\n  record {id} through the mapping{note}:");
        mapped::show(data, None, &file.spec, given)?;
    }
    match sights.iter().map(|sight| sight.wrong.len()).sum() {
        0 => Ok(()),
        1 => Err(Failure::run("error: one thing is wrong, as said above")),
        wrong => Err(Failure::run(format!("error: {wrong} things are wrong, as said above"))),
    }
}

fn show(sight: &Sight) {
    println!("  {}", sight.of);
    for fact in &sight.facts {
        println!("    {:<11} {}", format!("{}:", fact.of), fact.says);
    }
    for wrong in &sight.wrong {
        println!("    {:<11} {wrong}", "wrong:");
    }
}
