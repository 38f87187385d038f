//! `tidegate examples`: the example APIs, on their own.

use std::{fmt::Display, fs, path::Path, time::Duration};

use tidegate_examples::{leads::Leads, orders::Orders};

use crate::{
    args::Examples,
    commands::demo::{leads_config, orders_config},
    failure::Failure,
};

/// Serves them until the process is stopped.
pub async fn examples(asked: Examples) -> Result<(), Failure> {
    match &*asked.name {
        "orders" => {
            let orders = Orders::start(orders_config(&asked.world)).await?;
            serve(orders.port_file(), asked.port_file.as_deref()).await
        }
        "leads" => {
            let leads = Leads::start(leads_config(&asked.world)).await?;
            serve(leads.port_file(), asked.port_file.as_deref()).await
        }
        other => Err(Failure::usage(format!(
            "error: there are no example APIs for `{other}`\n   = help: there are those for `orders` \
             and `leads`",
        ))),
    }
}

async fn serve(addresses: impl Display, port_file: Option<&Path>) -> Result<(), Failure> {
    println!("{addresses}");
    if let Some(path) = port_file {
        // Written whole or not at all: whoever waits for it reads it at once.
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
