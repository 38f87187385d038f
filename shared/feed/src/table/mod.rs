//! Tables as text: CSV and what goes by that name.
//!
//! A row is a record, an object of texts by column. A value that is missing at a row's end is absent; an empty one is the
//! empty text. A row with more values than there are columns is at fault, unless those are empty. Rows of no value
//! at all, and blank lines, are passed over. Quotes stand around a value and are doubled within; a quote elsewhere is
//! text. A row ends at a line end outside quotes, of any kind, and reading can begin again behind any.
//!
//! A first line `sep=;`, which Excel heeds, is heeded too.

mod columns;
mod dialect;
mod over;
mod reader;
mod row;

pub(crate) use columns::{COLUMNS_MAX, Column, name};
pub use reader::TableReader;

use crate::BadFormat;

/// How a table is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableFormat {
    /// What stands between values: an ASCII character. Without it the one of `,`, `;`, tab and `|` is taken that goes
    /// best with the first 64 KiB, unless a `sep=` line names it.
    pub delimiter: Option<char>,
    /// The names of the columns where no line has them. Otherwise the first row does.
    pub columns: Vec<String>,
    /// How many lines to pass over at first, whatever is in them. A `sep=` line does not count.
    pub skip_lines: u64,
    /// The ASCII character that lines to be passed over begin with.
    pub comment: Option<char>,
}

impl TableFormat {
    /// # Errors
    /// No table can be read like that.
    fn check(&self) -> Result<(), BadFormat> {
        for (what, character) in [("delimiter", self.delimiter), ("comment", self.comment)] {
            let Some(character) = character else { continue };
            if !character.is_ascii() || matches!(character, '"' | '\n' | '\r') {
                return Err(BadFormat(format!(
                    "{what} {character:?}: one ASCII character is expected that is neither a quote nor a line end"
                )));
            }
        }
        if self.delimiter.is_some() && self.delimiter == self.comment {
            return Err(BadFormat("delimiter and comment are the same character".to_owned()));
        }
        Ok(())
    }
}
