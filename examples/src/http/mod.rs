//! Just enough of an HTTP/1.1 server: one address, one handler, and a way to hang up.

#[cfg(test)]
pub(crate) mod client;
mod guarded;
mod reply;
mod server;
mod stranger;

pub use guarded::{Guarded, GuardedState};
pub(crate) use reply::Reply;
pub(crate) use server::{Hangup, Server, body_of};
pub use stranger::Stranger;

/// A request as the server's library gives it.
pub(crate) type Request = hyper::Request<hyper::body::Incoming>;
