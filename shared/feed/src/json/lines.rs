//! A record a line (NDJSON, JSON Lines).

use bytes::Bytes;
use memchr::memchr;

use super::check::{check, write};
use crate::format::faulty;
use crate::output::Output;
use crate::{Damage, Found, Limits, Notices, RecordReader};

/// What a context says: nothing but what it is of.
const CONTEXT: &str = "lines";

/// Reads JSON that has a record in each line. Blank lines are passed over, and a line that is no JSON is a record
/// at fault. The last line needs no end.
///
/// Memory: the window it is given, and the records of it.
#[derive(Debug)]
pub struct LinesReader {
    limits: Limits,
    /// The line at the beginning of the window, from one.
    line: u64,
    is_resumed: bool,
    /// The front of a line that is too long, while it is passed over.
    long: Option<Bytes>,
    at_front: bool,
    /// Whether there was any record.
    has_records: bool,
    /// Whether the file ends within a record.
    is_cut: bool,
    is_at_end: bool,
    notices: Notices,
}

impl LinesReader {
    /// A reader for a file from its beginning.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            line: 1,
            is_resumed: false,
            long: None,
            at_front: true,
            has_records: false,
            is_cut: false,
            is_at_end: false,
            notices: Notices::default(),
        }
    }

    /// A reader that goes on behind a record.
    #[must_use]
    pub fn resume(limits: Limits) -> Self {
        Self { at_front: false, has_records: true, is_resumed: true, ..Self::new(limits) }
    }

    fn place(&self) -> String {
        format!(
            "line {}{}",
            self.line,
            if self.is_resumed { " from where reading went on" } else { "" }
        )
    }

    fn too_long(&self) -> String {
        format!(
            "{} is longer than {} bytes (record_bytes_max)",
            self.place(),
            self.limits.record_bytes_max
        )
    }

    /// Reads one line without its end.
    fn line(&mut self, line: &str, end: usize, has_end: bool, out: &mut Output<'_>) {
        let record = line.trim_matches([' ', '\t', '\r']);
        if record.is_empty() {
            return;
        }
        if line.len() > self.limits.record_bytes_max {
            self.is_cut |= !has_end;
            return out.fault(record, end, self.too_long());
        }
        match check(record, self.limits.depth_max) {
            Ok(()) => {
                self.notices.replaced += write(record, out.json());
                out.record(end);
            }
            Err(why) => {
                self.is_cut |= !has_end;
                let what = if has_end { "" } else { ", and the file ends within it" };
                out.fault(record, end, format!("{}: {why}{what}", self.place()));
            }
        }
    }

    fn walk(&mut self, window: &str, last: bool, out: &mut Output<'_>) -> usize {
        let mut at = 0;
        if self.at_front && !window.is_empty() {
            self.at_front = false;
            at = if window.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        }
        while !out.is_full() {
            let end = memchr(b'\n', &window.as_bytes()[at..]).map(|length| at + length);
            if end.is_none() && !last {
                if self.long.is_none() && window.len() - at > self.limits.record_bytes_max {
                    self.long = Some(faulty(&window[at..]));
                }
                return if self.long.is_some() { window.len() } else { at };
            }
            let to = end.unwrap_or(window.len());
            let behind = end.map_or(to, |end| end + 1);
            match self.long.take() {
                Some(front) => {
                    self.is_cut |= end.is_none();
                    out.kept_fault(front, behind, self.too_long());
                }
                None => self.line(&window[at..to], behind, end.is_some(), out),
            }
            self.line += 1;
            at = behind;
            if end.is_none() {
                self.is_at_end = true;
                break;
            }
        }
        at
    }
}

impl RecordReader for LinesReader {
    fn read(&mut self, window: &str, last: bool, found: &mut Vec<Found>) -> Result<usize, Damage> {
        let mut out = Output::new(found, window);
        let done = self.walk(window, last, &mut out);
        self.has_records |= out.finish();
        Ok(done)
    }

    fn context(&self) -> Option<String> {
        Some(CONTEXT.to_owned())
    }

    fn is_whole(&self) -> bool {
        // A file of nothing at all says nothing.
        self.is_at_end && self.has_records && !self.is_cut
    }

    fn notices(&mut self) -> Notices {
        std::mem::take(&mut self.notices)
    }
}
