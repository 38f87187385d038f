//! The two APIs over real HTTP.

mod erp;
mod portal;

use super::{Listings, ListingsConfig};
use crate::http::client::{Answer, ask};

async fn start(change: impl FnOnce(&mut ListingsConfig)) -> Listings {
    let mut config = ListingsConfig { offers: 700, ..ListingsConfig::default() };
    change(&mut config);
    Listings::start(config).await.expect("two free ports")
}

/// A GET from the ERP, with more headers.
async fn get(listings: &Listings, path: &str, headers: &str) -> Option<Answer> {
    let headers = format!("X-Api-Key: {}\r\n{headers}", listings.source_key);
    ask("GET", &format!("{}{path}", listings.source_url), &headers, "").await
}

/// The file, with more headers.
async fn file(listings: &Listings, headers: &str) -> Answer {
    get(listings, "/export/offers.xml", headers).await.expect("an answer")
}

/// A request to the portal.
async fn send(listings: &Listings, method: &str, path: &str, body: &str) -> Option<Answer> {
    let headers = format!("Authorization: Bearer {}\r\n", listings.destination_token);
    ask(method, &format!("{}{path}", listings.destination_url), &headers, body).await
}
