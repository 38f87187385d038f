//! Files of records: XML, tables and JSON, in any encoding and compression, read record by record in bounded
//! memory.
//!
//! Bytes of a file go in, in pieces of any size, and records come out as JSON, each with the place behind it at
//! which a later reading can begin. Nothing here opens a file or a connection, waits, or knows of a flow: how
//! bytes come is the caller's affair.
//!
//! A file passes through up to three stages: it is unpacked, its text is brought to UTF-8, and a
//! [`RecordReader`] for its format cuts records out of the text. A sheet of an Excel workbook cannot be read like
//! that, for its parts refer to each other: [`SheetReader`] is given the whole file, to read at any place of it.
//! XLSX is read; the older XLS, and XLSB, are refused by name.

mod compress;
mod cutter;
mod feed;
mod format;
mod found;
mod json;
mod limits;
mod output;
mod place;
mod quote;
mod reader;
mod sheet;
mod table;
pub mod text;
pub mod xml;

pub use compress::{
    Directory, Entry, Packing, Restart, Spent, TAIL_BYTES, Tail, Unpacked, Unpacker, tail,
};
pub use cutter::Record;
pub use feed::FileReader;
pub use format::BadFormat;
pub use found::{Damage, Found, Notices};
pub use json::{ArrayReader, LinesReader};
pub use limits::Limits;
pub use place::Place;
pub use reader::RecordReader;
pub use sheet::{ReadAt, SheetFormat, SheetReader, SheetRow};
pub use table::{TableFormat, TableReader};
