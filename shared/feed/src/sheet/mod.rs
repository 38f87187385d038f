//! Sheets of Excel workbooks (XLSX, ECMA-376), row by row.
//!
//! A workbook is a zip file whose parts refer to each other, so it must be at hand as a whole: what is asked for is to
//! read [at any place](ReadAt) of it. Its texts stand in a part of their own; of them as much is held in memory as
//! is bounded, and the rest in a temporary file.
//!
//! A row is a record, an object by column. A cell that is not there, or has no value, is absent. Numbers and
//! booleans are what they are, and whole numbers keep all of their digits; a number whose format is one of a date or time
//! is a text: `2026-11-28`, `2026-11-28T17:30:00` or `17:30:00`. A number of elapsed time stays a number of days. An
//! error such as `#N/A` is a text. Of merged cells the first has the value.

mod dates;
mod number;
mod part;
mod reader;
mod row;
mod spill;
mod strings;
mod styles;
mod workbook;
mod xml;

use std::fs::File;
use std::io;

use bytes::Bytes;

pub use reader::{SheetReader, SheetRow};

/// A file that can be read at any place.
pub trait ReadAt: Send + Sync {
    /// How many bytes it has.
    ///
    /// # Errors
    /// It cannot be told.
    fn length(&self) -> io::Result<u64>;

    /// Reads from `at` on as many bytes as come at once, and answers with how many: none only at its end.
    ///
    /// # Errors
    /// It cannot be read.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, into, at)
    }

    #[cfg(windows)]
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, into, at)
    }
}

impl ReadAt for Bytes {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

/// Which sheet is read, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetFormat {
    /// Its name. Without one it is the first that is not hidden.
    pub sheet: Option<String>,
    /// The names of the columns, from A on, where no row has them. Otherwise the first row with a value does.
    pub columns: Vec<String>,
    /// Rows up to the one of this number are passed over at first.
    pub skip_rows: u32,
}
