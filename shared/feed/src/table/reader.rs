//! The reader of tables.

use bytes::Bytes;
use memchr::memchr2_iter;

use super::TableFormat;
use super::columns::{COLUMNS_MAX, Column, context, from_context, name};
use super::dialect::{SAMPLE_BYTES, delimiter, separator};
use super::over::Over;
use super::row::{End, Row};
use crate::format::{CONTEXT_BYTES_MAX, faulty};
use crate::output::Output;
use crate::{BadFormat, Damage, Found, Limits, Notices, RecordReader};

/// Reads a table row by row, as [`TableFormat`] says.
///
/// Memory: the window it is given, four mebibytes of JSON and what one row adds to that, and the names of the columns.
#[derive(Debug)]
pub struct TableReader {
    format: TableFormat,
    limits: Limits,
    stage: Stage,
    delimiter: u8,
    columns: Vec<Column>,
    row: Row,
    /// What is passed over, while it is.
    over: Option<Passing>,
    lines: Lines,
    /// Whether a row had less values than there are columns.
    is_ragged: bool,
    /// What was found amiss that leaves the end of the table in doubt.
    is_doubtful: bool,
    is_at_end: bool,
    /// Whether neither a header nor a row was there.
    is_blank: bool,
    notices: Notices,
}

/// What the reader looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A byte order mark and a `sep=` line.
    Front,
    /// Lines to be passed over: how many.
    Skip(u64),
    /// Enough text to tell the delimiter.
    Delimiter,
    Header,
    Rows,
}

/// What is being passed over.
#[derive(Debug)]
struct Passing {
    over: Over,
    /// A row that is too long: its front, and the line that it began in. A line leaves nothing.
    row: Option<(Bytes, String)>,
}

/// Counts lines for what is told of faults.
#[derive(Debug)]
struct Lines {
    /// The number of the line at `counted`, from one.
    number: u64,
    /// A place in the window.
    counted: usize,
    is_resumed: bool,
}

impl Lines {
    /// The line at a place in the window, which does not lie before the last one that was asked for.
    fn at(&mut self, window: &str, at: usize) -> String {
        self.count(window, at);
        format!(
            "line {}{}",
            self.number,
            if self.is_resumed { " from where reading went on" } else { "" }
        )
    }

    fn count(&mut self, window: &str, to: usize) {
        let bytes = window.as_bytes();
        if to <= self.counted {
            return;
        }
        let breaks = memchr2_iter(b'\n', b'\r', &bytes[self.counted..to])
            .map(|at| self.counted + at)
            .filter(|at| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n'));
        self.number += breaks.count() as u64;
        self.counted = to;
    }
}

/// What comes of one step within a window.
enum Step {
    /// Go on from here.
    On(usize),
    /// More must come, and what stands from here on is looked at again.
    Wait(usize),
}

impl TableReader {
    /// A reader for a table from its beginning.
    ///
    /// # Errors
    /// The format cannot be.
    pub fn new(format: &TableFormat, limits: Limits) -> Result<Self, BadFormat> {
        format.check()?;
        Ok(Self {
            format: format.clone(),
            limits,
            stage: Stage::Front,
            delimiter: b',',
            columns: Vec::new(),
            row: Row::default(),
            over: None,
            lines: Lines { number: 1, counted: 0, is_resumed: false },
            is_ragged: false,
            is_doubtful: false,
            is_at_end: false,
            is_blank: true,
            notices: Notices::default(),
        })
    }

    /// A reader that goes on behind a row, with the [context](RecordReader::context) of the reader that found it.
    ///
    /// # Errors
    /// The format cannot be, or the context is none.
    pub fn resume(format: &TableFormat, limits: Limits, context: &str) -> Result<Self, BadFormat> {
        let mut reader = Self::new(format, limits)?;
        (reader.delimiter, reader.columns) = from_context(context)?;
        reader.stage = Stage::Rows;
        reader.lines.is_resumed = true;
        reader.is_blank = false;
        Ok(reader)
    }

    /// Does what the stage asks for with the text from `at` on.
    fn step(
        &mut self,
        window: &str,
        at: usize,
        last: bool,
        out: &mut Output<'_>,
    ) -> Result<Step, Damage> {
        let text = &window[at..];
        match self.stage {
            Stage::Front => return Ok(self.front(text, at, last)),
            Stage::Skip(0) => self.stage = Stage::Delimiter,
            Stage::Skip(_) if text.is_empty() => return Ok(Step::Wait(at)),
            Stage::Skip(left) => {
                self.stage = Stage::Skip(left - 1);
                return Ok(self.pass(
                    Passing { over: Over::line(), row: None },
                    window,
                    at,
                    last,
                    out,
                ));
            }
            Stage::Delimiter if self.format.delimiter.is_none() => {
                let most = SAMPLE_BYTES.min(self.limits.record_bytes_max);
                if text.len() < most && !last {
                    return Ok(Step::Wait(at));
                }
                let sample = &text.as_bytes()[..text.len().min(most)];
                let comment = self.comment();
                self.delimiter = delimiter(sample, comment, last && text.len() <= most);
                self.after_delimiter()?;
            }
            Stage::Delimiter => self.after_delimiter()?,
            Stage::Header | Stage::Rows => {}
        }
        Ok(Step::On(at))
    }

    fn comment(&self) -> Option<u8> {
        self.format.comment.and_then(|comment| u8::try_from(comment).ok())
    }

    fn after_delimiter(&mut self) -> Result<(), Damage> {
        self.stage = Stage::Header;
        if !self.format.columns.is_empty() {
            self.set_columns(self.format.columns.clone().into_iter())?;
        }
        Ok(())
    }

    fn front(&mut self, text: &str, at: usize, last: bool) -> Step {
        if text.is_empty() {
            return Step::Wait(at);
        }
        // A byte order mark is one character. Where files were put together there may be several.
        if text.starts_with('\u{feff}') {
            return Step::On(at + '\u{feff}'.len_utf8());
        }
        let Ok(line) = separator(text, last) else { return Step::Wait(at) };
        self.stage = Stage::Skip(self.format.skip_lines);
        if let Some(delimiter) =
            self.format.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok())
        {
            self.delimiter = delimiter;
        } else if let Some((delimiter, _)) = line {
            self.delimiter = delimiter;
            self.format.delimiter = Some(char::from(delimiter));
        }
        Step::On(at + line.map_or(0, |(_, length)| length))
    }

    fn set_columns(&mut self, names: impl Iterator<Item = String>) -> Result<(), Damage> {
        let columns = name(names, &mut self.notices)?;
        self.columns = columns.iter().map(Column::new).collect();
        self.stage = Stage::Rows;
        Ok(())
    }

    /// Passes over a line or a row that is too long, as far as it goes.
    fn pass(
        &mut self,
        mut passing: Passing,
        window: &str,
        at: usize,
        last: bool,
        out: &mut Output<'_>,
    ) -> Step {
        let Some(length) = passing.over.pass(&window.as_bytes()[at..], last) else {
            self.over = Some(passing);
            return Step::Wait(window.len());
        };
        let end = at + length;
        if let Some((data, line)) = passing.row {
            let open = passing.over.is_open();
            self.is_doubtful |= open;
            let quote =
                if open { ", and a quote in it is not closed before the file ends" } else { "" };
            let fault = format!(
                "a row is longer than {} bytes (record_bytes_max); it begins in {line}{quote}",
                self.limits.record_bytes_max
            );
            out.kept_fault(data, end, fault);
        }
        Step::On(end)
    }

    /// Reads one row, or passes over what is none.
    fn row(
        &mut self,
        window: &str,
        at: usize,
        last: bool,
        out: &mut Output<'_>,
    ) -> Result<Step, Damage> {
        let text = window.as_bytes();
        match text[at] {
            b'\n' => return Ok(Step::On(at + 1)),
            b'\r' if at + 1 < text.len() || last => return Ok(Step::On(at + 1)),
            first if Some(first) == self.comment() => {
                return Ok(self.pass(
                    Passing { over: Over::line(), row: None },
                    window,
                    at,
                    last,
                    out,
                ));
            }
            _ => {}
        }
        let is_header = self.stage == Stage::Header;
        let most = if is_header { COLUMNS_MAX + 1 } else { self.columns.len() };
        let (end, line_end) = match self.row.split(text, at, self.delimiter, most, last) {
            End::At { end, line_end } => (end, line_end),
            End::Unknown if window.len() - at > self.limits.record_bytes_max => {
                return self.long(window, at, last, out);
            }
            End::Unknown => return Ok(Step::Wait(at)),
            End::Open(quote) => return self.unclosed(window, at, quote, out).map(Step::On),
        };
        if end - at > self.limits.record_bytes_max {
            return self.long(window, at, last, out);
        }
        if is_header {
            if !self.row.values.iter().all(|value| value.is_blank(window)) {
                let row = std::mem::take(&mut self.row);
                self.set_columns(row.values.iter().map(|value| value.text(window)))?;
                self.is_blank = false;
            }
            return Ok(Step::On(end));
        }
        let is_blank =
            self.columns.len() > 1 && self.row.count == 1 && self.row.values[0].is_blank(window);
        if self.row.filled == 0 || is_blank {
            if self.row.count > 1 {
                self.notices.tell("rows without any value were passed over");
            }
            return Ok(Step::On(end));
        }
        if let Some(fault) = self.fault(window, at, line_end) {
            out.fault(&window[at..end], end, fault);
            return Ok(Step::On(end));
        }
        self.write(text, out.json());
        out.record(end);
        Ok(Step::On(end))
    }

    /// What is amiss with the row that was just split.
    fn fault(&mut self, window: &str, at: usize, line_end: bool) -> Option<String> {
        let columns = self.columns.len();
        if self.row.filled > columns {
            let line = self.lines.at(window, at);
            return Some(format!(
                "a row has {} values, and there are {columns} columns; it begins in {line}: is a delimiter in a value \
                 without quotes?",
                self.row.filled
            ));
        }
        if self.row.count < columns {
            if !line_end && !self.is_ragged {
                self.is_doubtful = true;
                let line = self.lines.at(window, at);
                return Some(format!("the file ends within the row that begins in {line}"));
            }
            self.is_ragged = true;
        }
        None
    }

    /// Begins to pass over a row that is too long.
    fn long(
        &mut self,
        window: &str,
        at: usize,
        last: bool,
        out: &mut Output<'_>,
    ) -> Result<Step, Damage> {
        if self.stage == Stage::Header {
            return Err(Damage(format!(
                "the table's header is longer than {} bytes (record_bytes_max): it is no table, or a quote in it is not closed",
                self.limits.record_bytes_max
            )));
        }
        let row = Some((faulty(&window[at..]), self.lines.at(window, at)));
        Ok(self.pass(Passing { over: Over::row(self.delimiter), row }, window, at, last, out))
    }

    /// A quote that was never closed takes the rest of the file with it: what it holds cannot be told from rows.
    fn unclosed(
        &mut self,
        window: &str,
        at: usize,
        quote: usize,
        out: &mut Output<'_>,
    ) -> Result<usize, Damage> {
        let line = self.lines.at(window, quote);
        if self.stage == Stage::Header {
            return Err(Damage(format!(
                "the table's header has a quote in {line} that is not closed"
            )));
        }
        self.is_doubtful = true;
        let fault = format!("a quote in {line} is not closed before the file ends");
        out.fault(&window[at..], window.len(), fault);
        Ok(window.len())
    }

    /// Writes the row that was just split as JSON.
    fn write(&self, text: &[u8], json: &mut Vec<u8>) {
        let mut before = b'{';
        for (column, value) in self.columns.iter().zip(&self.row.values) {
            if !column.named && value.is_empty() {
                continue;
            }
            json.push(before);
            json.extend_from_slice(&column.key);
            json.push(b'"');
            value.write(text, json);
            json.push(b'"');
            before = b',';
        }
        json.push(b'}');
    }

    fn walk(&mut self, window: &str, last: bool, out: &mut Output<'_>) -> (usize, Option<Damage>) {
        let mut at = 0;
        if let Some(passing) = self.over.take() {
            match self.pass(passing, window, at, last, out) {
                Step::On(to) => at = to,
                Step::Wait(to) => return (to, None),
            }
        }
        while !out.is_full() {
            let reads = matches!(self.stage, Stage::Header | Stage::Rows);
            let step = if !reads {
                self.step(window, at, last, out)
            } else if at < window.len() {
                self.row(window, at, last, out)
            } else {
                Ok(Step::Wait(at))
            };
            match step {
                Ok(Step::On(to)) => at = to,
                Ok(Step::Wait(to)) => {
                    self.is_at_end = last && to == window.len();
                    return (to, None);
                }
                Err(damage) => return (at, Some(damage)),
            }
        }
        (at, None)
    }
}

impl RecordReader for TableReader {
    fn read(&mut self, window: &str, last: bool, found: &mut Vec<Found>) -> Result<usize, Damage> {
        self.lines.counted = 0;
        let mut out = Output::new(found, window);
        let (done, damage) = self.walk(window, last, &mut out);
        self.is_blank &= !out.finish();
        self.lines.count(window, done);
        damage.map_or(Ok(done), Err)
    }

    fn context(&self) -> Option<String> {
        if self.stage != Stage::Rows {
            return None;
        }
        context(self.delimiter, &self.columns, CONTEXT_BYTES_MAX)
    }

    fn is_whole(&self) -> bool {
        // A file of nothing at all is none, where no header says that there is nothing.
        self.is_at_end && self.stage == Stage::Rows && !self.is_doubtful && !self.is_blank
    }

    fn notices(&mut self) -> Notices {
        std::mem::take(&mut self.notices)
    }
}
