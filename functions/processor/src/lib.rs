//! The processor function: queue events to app calls.

mod handler;

pub use handler::handle;
