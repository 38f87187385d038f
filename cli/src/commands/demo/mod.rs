//! `tidegate demo`: a shipped flow against example APIs, to the end.

mod leads;
mod orders;

use crate::{args::Demo, failure::Failure};

pub use leads::leads_config;
pub use orders::orders_config;

/// Runs the flow to its end, and lets the example APIs say what arrived.
pub async fn demo(asked: Demo) -> Result<(), Failure> {
    match &*asked.name {
        "leads" => leads::leads(&asked).await,
        _ => orders::orders(&asked).await,
    }
}
