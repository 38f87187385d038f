//! A real-estate ERP and a portal: offers as one file of any size, and a place where each becomes a listing.
//!
//! # The source: `{source_url}`, `X-Api-Key: {source_key}`
//!
//! `GET /export/offers.xml` is all offers that the ERP has, of some 370 bytes each, the same for the same seed:
//!
//! ```xml
//! <?xml version="1.0" encoding="UTF-8"?>
//! <!-- All offers, written hourly -->
//! <offers xmlns="https://erp.example/offers/1" updated="Fri, 27 Nov 2026 08:00:00 GMT">
//! <offer id="A-1017" status="active"><title>3 rooms, loft &amp; garden</title>
//!   <price currency="EUR">249000.00</price><category ref="12"/>
//!   <images><image url="https://img.example/A-1017/1.jpg"/></images>
//!   <address country="CH"><street>Lindenweg 4</street><zip>8001</zip><city>Zürich</city></address>
//!   <description><![CDATA[Bright & quiet, <b>by the park</b>.]]></description></offer>
//! </offers>
//! ```
//!
//! (An offer stands on one line.) `/export/offers.xml.gz` is the same by gzip, in many members. The file has a strong
//! `ETag` and a `Last-Modified`; `If-None-Match`, `If-Modified-Since`, `Range` of one range, and `If-Range` are heeded,
//! unless the [`ErpConfig`] says otherwise. It is written while it is sent: no file is too large for it.
//!
//! Invalid offers have no price; `on request` for a price; the currency `XXX`; or the last two and an image whose address
//! begins with `ftp:`. Each of these takes its turn.
//!
//! `GET /api/categories?ids=3,12` answers `{"categories":[{"id":3,"name":"Loft for sale"},…]}`, at most 100 at once,
//! without those that do not exist.
//!
//! # The destination: `{destination_url}`, `Authorization: Bearer {destination_token}`
//!
//! `PUT /listings/A-1017` takes a [`Listing`]:
//!
//! ```json
//! {"title":"3 rooms, loft & garden","status":"active","price":249000.0,"currency":"EUR","category":"Loft for sale",
//!  "images":[{"url":"https://img.example/A-1017/1.jpg"}],
//!  "address":{"street":"Lindenweg 4","zip":"8001","city":"Zürich","country":"CH"},
//!  "description":"Bright & quiet, <b>by the park</b>."}
//! ```
//!
//! 201 where it is new and 200 where it was there; 422 and `{"error","reason"}` where anything is of another type,
//! unknown or missing. `DELETE /listings/A-1017` answers 204, or 404 where there is none. A repeat of either is harmless.
//!
//! # For tests, without a token, on the destination's address
//!
//! `GET /healthz`, `GET /audit` (an [`Audit`]), `POST /control/edit` with an [`Edit`], `POST /control/accept-all`.

mod audit;
mod catalogue;
mod categories;
mod config;
mod edition;
mod erp;
mod listing;
mod offer;
mod portal;
mod service;
mod shelf;
mod wanted;

#[cfg(test)]
mod tests;

pub use audit::{Audit, ErpTraffic};
pub use catalogue::{Broken, Edit, Edited};
pub use config::{ErpConfig, Failing, ListingsConfig, PortalConfig};
pub use listing::{Address, Image, Listing};
pub use service::Listings;
