//! The reader of a sheet.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::part::Archive;
use super::row::{Cell, Cells, Context};
use super::strings::Strings;
use super::styles::Styles;
use super::xml::{Token, Xml};
use super::{ReadAt, SheetFormat, workbook};
use crate::format::faulty;
use crate::table::{Column, name};
use crate::{Damage, Limits, Notices, Spent};

/// A row of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    /// The row as JSON; where it is at fault, a list of those of its values that were read.
    pub data: Bytes,
    /// Its number, as Excel shows it. Reading may begin again behind it.
    pub number: u32,
    /// Why it cannot be used, in one line. It never stops those behind it.
    pub fault: Option<Box<str>>,
}

/// Reads a sheet row by row, as its module says.
///
/// Memory: 32 MiB of shared texts and their places, 1 MiB for more of them in a file, one row, and 200 KiB of the zip
/// file at a time.
pub struct SheetReader {
    xml: Xml,
    strings: Strings,
    styles: Styles,
    from_1904: bool,
    limits: Limits,
    skip_rows: u32,
    /// Rows up to this one were read by another reader.
    after: u32,
    columns: Vec<Column>,
    /// The number of the last row, read or passed over.
    row: u32,
    cells: Cells,
    json: BytesMut,
    scratch: Vec<u8>,
    is_whole: bool,
    notices: Notices,
}

impl SheetReader {
    /// A reader of a workbook's sheet, for the rows behind the one of the number `after`: 0 for all of them.
    ///
    /// # Errors
    /// The file is no workbook, has no such sheet, or is damaged before its rows.
    pub fn open(
        file: Arc<dyn ReadAt>,
        format: &SheetFormat,
        after: u32,
        limits: Limits,
    ) -> Result<Self, Damage> {
        let archive = Archive::open(file, limits)?;
        let mut spent = Spent::default();
        let parts = workbook::find(&archive, format.sheet.as_deref(), &mut spent)?;
        let styles = match &parts.styles {
            Some(name) => Styles::read(&archive, name, &mut spent)?,
            None => Styles::default(),
        };
        let strings = match &parts.strings {
            Some(name) => Strings::read(&archive, name, &mut spent)?,
            None => Strings::none(),
        };
        let mut notices = Notices::default();
        let columns = columns(format.columns.iter().cloned(), &mut notices)?;
        Ok(Self {
            xml: Xml::new(archive.part(&parts.sheet, spent)?, &parts.sheet, limits.depth_max),
            strings,
            styles,
            from_1904: parts.from_1904,
            limits,
            skip_rows: format.skip_rows,
            after,
            columns,
            row: 0,
            cells: Cells::default(),
            json: BytesMut::new(),
            scratch: Vec::new(),
            is_whole: false,
            notices,
        })
    }

    /// The next row with a value. `None` at the sheet's end.
    ///
    /// # Errors
    /// The rest of the sheet cannot be read.
    pub fn next_row(&mut self) -> Result<Option<SheetRow>, Damage> {
        while self.next_cells()? {
            let is_header = self.columns.is_empty();
            let passed = self.row <= self.skip_rows || (!is_header && self.row <= self.after);
            let has_value = self.cells.values().any(|(_, value)| value != b"\"\"");
            if passed || (!has_value && self.cells.fault.is_none()) {
                continue;
            }
            if !is_header {
                return Ok(Some(self.record()));
            }
            if let Some(why) = &self.cells.fault {
                return Err(Damage(format!("row {}, the header of the sheet: {why}", self.row)));
            }
            self.columns = self.header()?;
        }
        Ok(None)
    }

    /// Whether the sheet was read to a sound end: after there was no more row.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole && !self.columns.is_empty()
    }

    /// What was passed over since the last call.
    pub fn notices(&mut self) -> Notices {
        let uncalculated = std::mem::take(&mut self.cells.uncalculated);
        if uncalculated > 0 {
            self.notices.tell(format!(
                "{uncalculated} formulas have no value: the workbook was not calculated"
            ));
        }
        std::mem::take(&mut self.notices)
    }

    /// Reads the cells of the next row; `false` at the sheet's end.
    fn next_cells(&mut self) -> Result<bool, Damage> {
        self.cells.clear();
        // The row, the cell, and what is in it, by how many elements stand open.
        let (mut row_depth, mut cell): (Option<usize>, Option<(usize, Cell)>) = (None, None);
        loop {
            let depth = self.xml.depth();
            match self.xml.next()? {
                Token::Start(tag) => {
                    if let Some((_, cell)) = &mut cell {
                        cell.begin(tag.name());
                    } else if row_depth.is_some() && tag.name() == "c" {
                        cell = Some((depth, self.cells.begin(&tag)));
                    } else if row_depth.is_none() && tag.name() == "row" && depth == 2 {
                        row_depth = Some(depth);
                        let number =
                            tag.attribute("r").and_then(|it| it.trim().parse::<u32>().ok());
                        let number = number.unwrap_or(self.row.saturating_add(1));
                        if number <= self.row {
                            let why =
                                format!("row {number} does not stand behind row {}", self.row);
                            return Err(self.xml.damage(&why));
                        }
                        self.row = number;
                    }
                }
                Token::Text(piece) => {
                    if let Some((_, cell)) = &mut cell {
                        cell.add(&piece, self.limits.record_bytes_max);
                    }
                }
                Token::End => {
                    let depth = self.xml.depth();
                    if let Some((_, done)) = cell.take_if(|(of, _)| *of == depth) {
                        let styles = &self.styles;
                        let mut context = Context {
                            strings: &mut self.strings,
                            style: &|style| styles.get(style),
                            from_1904: self.from_1904,
                            bytes_max: self.limits.record_bytes_max,
                        };
                        self.cells.add(done, &mut context)?;
                    } else if let Some((_, cell)) = &mut cell {
                        cell.end();
                    } else if row_depth == Some(depth) {
                        return Ok(true);
                    }
                }
                Token::Over => {
                    self.is_whole = true;
                    return Ok(false);
                }
            }
        }
    }

    /// The columns that the row which was just read names.
    fn header(&mut self) -> Result<Vec<Column>, Damage> {
        let mut names = Vec::new();
        for (column, value) in self.cells.values() {
            names.resize(column, String::new());
            let text = serde_json::from_slice::<String>(value);
            names.push(text.unwrap_or_else(|_| String::from_utf8_lossy(value).into_owned()));
        }
        columns(names.into_iter(), &mut self.notices)
    }

    /// The row that was just read.
    fn record(&mut self) -> SheetRow {
        let number = self.row;
        let last = self
            .cells
            .values()
            .filter(|(_, value)| *value != b"\"\"")
            .map(|(column, _)| column)
            .last();
        let columns = self.columns.len();
        let surplus = last.filter(|last| *last >= columns).map(|last| {
            format!("its last value is in column {}, and there are {columns} columns", last + 1)
        });
        if let Some(why) = self.cells.fault.take().or(surplus) {
            let fault = Some(format!("row {number} of the sheet: {why}").into());
            return SheetRow { data: faulty(&self.cells.list()), number, fault };
        }
        self.scratch.clear();
        let mut before = b'{';
        for (column, value) in self.cells.values() {
            let Some(column) = self.columns.get(column) else { continue };
            if !column.named && value == b"\"\"" {
                continue;
            }
            self.scratch.push(before);
            self.scratch.extend_from_slice(&column.key);
            self.scratch.extend_from_slice(value);
            before = b',';
        }
        self.scratch.push(b'}');
        // Rows share memory, a block for many.
        if self.json.capacity() < self.scratch.len() {
            self.json.reserve(self.scratch.len().max(64 << 10));
        }
        self.json.extend_from_slice(&self.scratch);
        SheetRow { data: self.json.split().freeze(), number, fault: None }
    }
}

fn columns(
    names: impl Iterator<Item = String>,
    notices: &mut Notices,
) -> Result<Vec<Column>, Damage> {
    Ok(name(names, notices)?.iter().map(Column::new).collect())
}
