//! `tidegate examples`: the example APIs, on their own.

use std::{fs, time::Duration};

use tidegate_tests::orders::Orders;

use crate::{args::Examples, commands::demo::orders_config, failure::Failure};

/// Serves them until the process is stopped.
pub async fn examples(asked: Examples) -> Result<(), Failure> {
    if asked.name != "orders" {
        return Err(Failure::usage(format!(
            "error: there are no example APIs for `{}`\n   = help: there are those for `orders`",
            asked.name
        )));
    }
    let orders = Orders::start(orders_config(&asked.world)).await?;
    let addresses = orders.port_file();
    println!("{addresses}");
    if let Some(path) = &asked.port_file {
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
