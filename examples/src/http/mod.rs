//! Just enough of an HTTP/1.1 server: one address, one handler, and a way to hang up.

#[cfg(test)]
pub(crate) mod client;
mod guarded;
mod hangup;
mod pieces;
mod reply;
mod server;
mod stranger;

pub use guarded::{Guarded, GuardedState};
pub(crate) use hangup::Hangup;
pub(crate) use pieces::Pieces;
pub(crate) use reply::Reply;
pub(crate) use server::{Server, body_of};
pub use stranger::Stranger;

/// A request as the server's library gives it.
pub(crate) type Request = hyper::Request<hyper::body::Incoming>;
