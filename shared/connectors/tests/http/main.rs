//! The connectors over real HTTP on 127.0.0.1, against a small API that misbehaves on request.

mod answers;
mod api;
mod auth;
mod cached;
mod cursor_bugs;
mod destination;
mod faults;
mod flow;
mod issuer;
mod lookup;
mod lookup_answers;
mod pagination;
mod posted;
mod random;
