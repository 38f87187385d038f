//! OrderPlacementPavillion and FulfillmentsRUs: a source of orders, and a destination for them.
//!
//! # The source: `{source_url}`, `Authorization: Bearer {source_token}`
//!
//! An order is about 0.6 kB of JSON, the same for the same seed and id:
//!
//! ```json
//! {"id":17,"number":"OP-000017","status":"placed","processed":false,
//!  "placed_at":"2025-11-27T23:59:41.000Z","updated_at":"2025-11-28T00:00:16.000Z",
//!  "customer":{"name":"Zoë Moreau","email":"zoe.moreau17@example.com","phone":"+33 555 0142317"},
//!  "shipping":{"street":"…","city":"…","postcode":"…","country":"FR"},
//!  "lines":[{"sku":"SKU-04821","title":"Brass lantern","quantity":2,"price_cents":1999}],
//!  "currency":"EUR","total_cents":3998,"note":"…"}
//! ```
//!
//! `note` is there on one order in five; `updated_at` rises with the id. Each list answers
//! `{"orders":[…],"total":n,…}`; each path has its own pagination:
//!
//! | path | next page | also in the body | flow file: `pagination` |
//! |---|---|---|---|
//! | `/orders` | `since_id=ID` | `has_more` | `last_id: {param: since_id, size_param: limit}` |
//! | `/page-number/orders` | `page=2` (from 1) | | `page_number: {param: page, size_param: per_page, first: 1}` |
//! | `/offset/orders` | `offset=100` | | `offset: {param: offset, size_param: limit}` |
//! | `/token/orders` | `page_token=TOKEN` | `next_page_token`, null at the end | `token: {param: page_token, path: next_page_token, size_param: limit}` |
//! | `/link/orders` | `Link: <URL>; rel="next"` | | `link_header: {size_param: per_page}` |
//! | `/next-url/orders` | `next` | `next`, null at the end | `next_url: {path: next, size_param: limit}` |
//! | `/last-id/orders` | `after=ID`, in the list's order | `has_more` | `last_id: {param: after, size_param: limit}` |
//! | `/updated-since/orders` | `page=2`, sorted by `updated_at` | | `page_number: …` with `cursor: {by: timestamp, field: updated_at, since: updated_since}` |
//! | `/moved/orders` | 307 to `/orders` | | `last_id: …` |
//! | `/bomb/orders` | 1 MB of gzip, 1 GB of JSON | | any |
//!
//! All lists take `limit` or `per_page` (default 50, at most [`SourceConfig::page_max`]), the bounds
//! `since_id` (exclusive), `updated_since` (inclusive), `updated_after` (exclusive), `updated_until`
//! (inclusive), the filters `status` and `processed`, and `sort=id` (default) or `sort=updated_at`.
//! An unknown parameter is a 400. Times are RFC 3339, or seconds or milliseconds since 1970.
//!
//! `GET /orders/{id}` gives one order. `PATCH /orders/{id}` with `{"processed": true}` marks it;
//! that leaves `updated_at` alone.
//!
//! # The destination: `{destination_url}`, `X-Api-Key: {destination_key}`
//!
//! `POST /fulfillments`, with `Idempotency-Key`:
//!
//! ```json
//! {"external_id":17,"order_ref":"OP-000017","recipient":"Zoë Moreau","email":"…","phone":"…",
//!  "address":{"street":"…","city":"…","postcode":"…","country":"…"},"items":[…],
//!  "total_cents":3998,"currency":"EUR","placed_at":"…","priority":"normal","note":"…"}
//! ```
//!
//! 201 and `{"id":"F-17","external_id":17,"status":"created"}`; 200 and the same where the key was
//! seen; 422 and `{"error","reason"}` where it is refused. Only `external_id` (a number, or text
//! such as `"17"` or `"OP-000017"`) is required; an order passed on as it is counts by its `id`.
//!
//! `GET /fulfillments?external_id=17` answers 200 and `{"fulfillments":[{"external_id":17}]}`, or an empty
//! list where there is none.
//!
//! `POST /fulfillments/bulk` takes `{"fulfillments":[{…,"idempotency_key":"…"},…]}` or the bare
//! array, and answers 200 and `{"results":[{"index":0,"status":201},{"index":1,"status":422,
//! "reason":"…"}]}`. Without keys of their own, records go by the `Idempotency-Key` header and their id.
//!
//! # For tests, without a key, on the destination's address
//!
//! `GET /healthz`, `GET /audit` (an [`Audit`]), `GET /arrivals` (when each request came, in µs after the
//! first), `POST /control/accept-all`, `POST /control/outage` with `{"on":true}`.

mod arrivals;
mod audit;
mod book;
mod config;
mod destination;
mod fulfilment;
mod ledger;
mod line;
mod list;
mod order;
mod query;
mod service;
mod source;
mod text;

#[cfg(test)]
mod tests;

pub use audit::Audit;
pub use config::{DestinationConfig, Growth, OrdersConfig, SourceConfig, TieOrder, Ties, TimeForm};
pub use service::Orders;
