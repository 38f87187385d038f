//! Look-ups: what another system knows of many records, asked for over HTTP in one request.
//!
//! Where the flow has a `cache`, [`cached`] stands before the requests.

mod answer;
mod cached;
mod classify;
mod http;
mod in_flight;
mod look_up;
mod memory;
mod request;
mod scope;
mod section;
mod shelved;

pub use memory::LookupCache;
pub(crate) use section::{Lookup, Surroundings};
