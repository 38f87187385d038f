//! Tidegate's heart: what moves records without losing one.
//!
//! - [`model`]: the words: stream, record, position, page, cursor, flow settings.
//! - [`decide`]: pure rules: when to stop, how long to wait, what an outcome means.
//! - [`ports`]: what the application needs of the world, each a decision and never a sleep.
//! - [`app`]: the commit protocol over the ports: fetch, process, bury (dead letters), operate, digest.
//! - [`guard`]: the protocol's guards by name; the simulation takes out one at a time.
//!
//! This crate knows no cloud, no wire protocol and no runtime; a test holds it to that.

pub mod app;
pub mod decide;
pub mod guard;
pub mod model;
pub mod ports;
