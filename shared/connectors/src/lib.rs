//! Sources, destinations and transforms: the only crate that speaks HTTP or knows a file format.
//!
//! [`connect()`] turns a flow file's plain data and a connection's values into the application's
//! `dyn` ports. Each connector reads its own section; nothing here knows the commit protocol.
//!
//! - `source::http`: pages over HTTP, in ascending order, by keyset: nothing is stepped over.
//! - `lookup`: what another system knows of many records, in one request; used again for as long as the
//!   flow says.
//! - `transform`: a field map in one pass, jq within a budget, and registered Rust.
//! - `destination::http`: one record or many a request, and what each answer means.
//! - [`cases`]: a flow's own tests.

pub mod cases;
mod clock;
mod connect;
mod destination;
mod error;
mod http;
mod json;
mod keys;
mod lookup;
mod options;
mod registry;
mod resolver;
mod source;
mod transform;

pub use clock::{Now, wall_clock};
pub use connect::{Connected, connect, transform};
pub use error::ConnectError;
pub use http::HttpClient;
pub use lookup::LookupCache;
pub use options::Options;
pub use registry::Registry;
