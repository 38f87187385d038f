//! The connectors over real HTTP on 127.0.0.1, against a small API that misbehaves on request.

mod answers;
mod answers_of_sources;
mod any_source;
mod api;
mod auth;
mod cached;
mod cursor_bugs;
mod destination;
mod ends;
mod ends_of_one;
mod faults;
mod flow;
mod habits;
mod issuer;
mod limits_of_sources;
mod listing;
mod lookup;
mod lookup_answers;
mod pagination;
mod posted;
mod random;
mod reading;
mod requests_of_sources;
mod staged;
mod token_requests;
