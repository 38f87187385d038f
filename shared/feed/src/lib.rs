//! Files of records: XML, tables and JSON, in any encoding and compression, read record by record in bounded
//! memory.
//!
//! Bytes of a file go in, in pieces of any size, and records come out as JSON, each with the place behind it at
//! which a later reading can begin. Nothing here opens a file or a connection, waits, or knows of a flow: how
//! bytes come is the caller's affair.
//!
//! A file passes through up to three stages: it is unpacked, its text is brought to UTF-8, and a
//! [`RecordReader`] for its format cuts records out of the text.

mod found;
mod limits;
mod reader;

pub use found::{Damage, Found, Notices};
pub use limits::Limits;
pub use reader::RecordReader;
