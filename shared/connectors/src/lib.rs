//! Sources, destinations and transforms: what a flow file may say of them, and what they do.
//!
//! [`connect()`] turns a flow and a connection's values into the application's `dyn` ports. Each kind
//! is one file: its keys, its checks, its behaviour and its tests. Nothing here knows the commit
//! protocol, and this is the only crate that speaks to their APIs.
//!
//! - `file`, `value`: what every kind's keys are read with.
//! - `source::http`: pages over HTTP, in ascending order, by keyset: nothing is stepped over.
//! - `lookup`: what another system knows of many records, in one request; used again for as long as the
//!   flow says.
//! - `validate`: what a record must be like; every fault of one that is not so.
//! - `transform`: a field map in one pass, jq within a budget, and registered Rust.
//! - `destination::http`: one record or many a request, and what each answer means.

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
mod options;
mod registry;
mod resolver;
mod source;
#[cfg(test)]
mod testing;
mod transform;
mod validate;
mod value;

pub use clock::{Now, wall_clock};
pub use connect::{
    Connected, connect, connect_to_deliver, look, preview, takes_unshaped, transform,
};
pub use connection::{Connection, secret_variable};
pub use error::ConnectError;
pub use flow::{Flow, FlowSpec, Needs};
pub use http::{AnswerPreview, HttpClient, RequestPreview, Witness};
pub use json::is_same;
pub use lookup::LookupCache;
pub use options::Options;
pub use registry::Registry;
pub use source::{Fact, Look, Sight};
pub use value::{Given, given, next_run_ms};
