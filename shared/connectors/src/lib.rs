//! Sources, destinations and transforms: what a flow file may say of them, and what they do.
//!
//! [`connect()`] turns a flow and a connection's values into the application's `dyn` ports. Each kind
//! is one file: its keys, its checks, its behaviour and its tests. Nothing here knows the commit
//! protocol, and this is the only crate that speaks HTTP.
//!
//! - `file`, `value`: what every kind's keys are read with.
//! - `source::http`: pages over HTTP, in ascending order, by keyset: nothing is stepped over.
//! - `lookup`: what another system knows of many records, in one request; used again for as long as the
//!   flow says.
//! - `transform`: a field map in one pass, jq within a budget, and registered Rust.
//! - `destination::http`: one record or many a request, and what each answer means.

extern crate self as tidegate_flow;

mod clock;
mod connect;
mod connection;
mod destination;
mod error;
pub mod file;
mod flow;
mod http;
mod json;
mod keys;
mod kinds;
mod lookup;
pub mod lower;
mod needs;
mod options;
pub mod raw;
mod registry;
mod resolver;
mod source;
pub mod spec;
#[cfg(test)]
mod testing;
mod transform;
mod value;

pub use clock::{Now, wall_clock};
pub use connect::{Connected, connect, transform};
pub use connection::{Connection, secret_variable};
pub use error::ConnectError;
pub use http::HttpClient;
pub use json::is_same;
pub use lookup::LookupCache;
pub use needs::Needs;
pub use options::Options;
pub use registry::Registry;
pub use spec::FlowSpec;
pub use value::template;
pub(crate) use value::{address, path, time};
pub(crate) mod at {
    pub(crate) use crate::file::{At, Entries};
}
pub(crate) mod nearest {
    pub(crate) use crate::file::nearest;
}
pub(crate) mod text {
    pub(crate) use crate::file::{Location, Place, SourceText};
}
pub(crate) mod report {
    pub(crate) use crate::file::Report;
}
