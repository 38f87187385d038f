//! `tidegate examples`: the example APIs, on their own.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use tidegate_examples::{leads::Leads, listings::Listings, orders::Orders};

use super::demo::{leads_config, listings_config, orders_config};
use crate::{failure::Failure, options::WorldOptions};

/// Serves the example APIs until it is stopped.
#[derive(Debug, Args)]
pub struct Examples {
    /// The example APIs: `orders`, `leads` or `listings`.
    pub name: String,
    #[command(flatten)]
    pub world: WorldOptions,
    /// Writes the addresses and keys to this file, as JSON, once it serves.
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,
}

/// Serves them until the process is stopped.
pub async fn run(asked: Examples) -> Result<(), Failure> {
    match &*asked.name {
        "orders" => {
            let orders = Orders::start(orders_config(&asked.world)).await?;
            serve(orders.port_file(), asked.port_file.as_deref()).await
        }
        "leads" => {
            let leads = Leads::start(leads_config(&asked.world)).await?;
            serve(leads.port_file(), asked.port_file.as_deref()).await
        }
        "listings" => {
            let listings = Listings::start(listings_config(&asked.world)).await?;
            serve(listings.port_file(), asked.port_file.as_deref()).await
        }
        other => Err(Failure::usage(format!(
            "error: there are no example APIs for `{other}`\n   = help: there are those for `orders`, \
             `leads` and `listings`",
        ))),
    }
}

async fn serve(addresses: impl Display, port_file: Option<&Path>) -> Result<(), Failure> {
    println!("{addresses}");
    if let Some(path) = port_file {
        // Written whole or not at all: the script that waits for it reads it at once.
        let draft = path.with_extension("part");
        let written =
            fs::write(&draft, addresses.to_string()).and_then(|()| fs::rename(&draft, path));
        written.map_err(|error| {
            Failure::usage(format!("error: {} cannot be written: {error}", path.display()))
        })?;
    }
    loop {
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => return stopped.map_err(Failure::run),
            () = tokio::time::sleep(Duration::from_secs(3_600)) => {}
        }
    }
}
