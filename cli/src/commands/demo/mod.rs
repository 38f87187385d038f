//! `tidegate demo`: a shipped flow against example APIs, to the end.

mod leads;
mod listings;
mod orders;

use clap::Args;

use crate::{
    embedded::{self, State},
    failure::Failure,
    options::{HostOptions, WorldOptions},
    summary::Summary,
};

pub use leads::leads_config;
pub use listings::listings_config;
pub use orders::orders_config;

/// Runs a shipped flow against example APIs in this process, to the end.
#[derive(Debug, Args)]
pub struct Demo {
    /// The flow: `orders`, `orders-marked`, `leads` or `listings`.
    pub name: String,
    #[command(flatten)]
    pub host: HostOptions,
    #[command(flatten)]
    pub world: WorldOptions,
}

/// Runs the flow to its end, and lets the example APIs say what arrived.
pub async fn run(Demo { name, host, world }: Demo) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::run)?;
    let state = embedded::open(Some(folder.path()))?;
    match &*name {
        "leads" => leads::show(&world, &host, &state).await,
        "listings" => listings::show(&world, &host, &state).await,
        _ => orders::show(&name, &world, &host, &state).await,
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
    if name == "listings" {
        let played = listings::play(world, host, state, true).await?;
        return played.complete().map(|()| played.into_summary());
    }
    let played = orders::play(name, world, host, state, true).await?;
    played.complete(name).map(|()| played.summary)
}
