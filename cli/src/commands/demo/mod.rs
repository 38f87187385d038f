//! `tidegate demo`: a shipped flow against example APIs, to the end.

mod leads;
mod orders;

use crate::{
    args::{Demo, HostOptions, WorldOptions},
    embedded::State,
    failure::Failure,
    summary::Summary,
};

pub use leads::leads_config;
pub use orders::orders_config;

/// Runs the flow to its end, and lets the example APIs say what arrived.
pub async fn demo(asked: Demo) -> Result<(), Failure> {
    match &*asked.name {
        "leads" => leads::leads(&asked).await,
        _ => orders::orders(&asked).await,
    }
}

/// Runs a shipped flow against example APIs, on a state that nothing was run on before, and says what it
/// took. Prints nothing.
pub async fn play(
    name: &str,
    world: &WorldOptions,
    host: &HostOptions,
    state: &State,
) -> Result<Summary, Failure> {
    if name == "leads" {
        let played = leads::play(world, host, state, true).await?;
        return played.complete().map(|()| played.summary);
    }
    let played = orders::play(name, world, host, state, true).await?;
    played.complete(name).map(|()| played.summary)
}
