//! Records out of the bytes of a text.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Damage, Found, Notices, Place, RecordReader, Restart,
    place::Restarts,
    text::{Encoding, Transcoder},
};

/// As many bytes of text are collected before they are read.
const WINDOW_BYTES: usize = 256 << 10;

/// A record of a file, or why one cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The record as JSON; where it is at fault, as much of its text as came.
    pub data: Bytes,
    /// Why it cannot be used, in one line.
    pub fault: Option<Box<str>>,
    /// Where reading may begin to go on behind it.
    pub place: Place,
    /// What a new reader of its format must be told to begin there. `None` where it begins at the file's front.
    pub context: Option<Arc<str>>,
}

/// Brings bytes to UTF-8, collects them in a window, and lets a reader cut records out of it.
pub(crate) struct Cutter {
    pub text: Transcoder,
    pub reader: Box<dyn RecordReader>,
    /// Where the bytes come from, if they were unpacked.
    pub restarts: Option<Restarts>,
    /// The text that is not done with.
    window: String,
    /// How long the window must be to be read.
    wanted: usize,
    record_bytes_max: usize,
    found: Vec<Found>,
    record: u64,
    skip: u64,
    context: Option<Arc<str>>,
    notices: Notices,
}

impl Cutter {
    pub fn new(
        text: Transcoder,
        reader: Box<dyn RecordReader>,
        restarts: Option<Restarts>,
        from: Place,
        record_bytes_max: usize,
    ) -> Self {
        Self {
            text,
            reader,
            restarts,
            window: String::new(),
            wanted: WINDOW_BYTES,
            record_bytes_max,
            found: Vec::new(),
            record: from.record.saturating_sub(from.skip),
            skip: from.skip,
            context: None,
            notices: Notices::default(),
        }
    }

    /// Takes in bytes of the text, and appends the records that they complete.
    pub fn push(&mut self, bytes: &[u8], records: &mut Vec<Record>) -> Result<(), Damage> {
        self.text.push(bytes, &mut self.window);
        if self.window.len() >= self.wanted { self.read(false, records) } else { Ok(()) }
    }

    /// Appends the records that stand whole in what came so far, however little that is.
    pub fn read_now(&mut self, records: &mut Vec<Record>) -> Result<(), Damage> {
        self.read(false, records)
    }

    /// Appends the records that stand whole in what came, since nothing more can come.
    pub fn break_off(&mut self, records: &mut Vec<Record>) -> Result<(), Damage> {
        self.text.finish(&mut self.window);
        self.read(false, records)
    }

    /// The text is at its end: appends the records that are left.
    pub fn finish(&mut self, records: &mut Vec<Record>) -> Result<(), Damage> {
        self.text.finish(&mut self.window);
        self.read(true, records)?;
        if self.skip > 0 {
            let missing = self.skip;
            return Err(Damage(format!(
                "the file has {missing} records less than were read of it before: it is another one"
            )));
        }
        Ok(())
    }

    /// What was mended or passed over since the last call.
    pub fn notices(&mut self) -> Notices {
        let mut notices = std::mem::take(&mut self.notices);
        notices.add(self.text.notices());
        notices.add(self.reader.notices());
        notices
    }

    pub fn encoding(&self) -> Option<&'static Encoding> {
        self.text.encoding()
    }

    /// A damage of the bytes themselves, with the place of the last record before it.
    pub fn behind(&self, damage: &Damage) -> Damage {
        Damage(format!("{damage}; behind record {}", self.record))
    }

    fn read(&mut self, last: bool, records: &mut Vec<Record>) -> Result<(), Damage> {
        let mut done = 0;
        loop {
            let outcome = self.reader.read(&self.window[done..], last, &mut self.found);
            let mut passed = done;
            let mut found = std::mem::take(&mut self.found);
            let any = !found.is_empty();
            if any {
                self.renew_context();
            }
            for found in found.drain(..) {
                let behind = done + found.end;
                let offset = self.text.pass(&self.window[passed..behind]);
                passed = behind;
                self.give(found, offset, records);
            }
            self.found = found;
            match outcome {
                Ok(more) => done += more,
                Err(damage) => return Err(self.place(damage, done, passed)),
            }
            self.text.pass(&self.window[passed..done]);
            if !any || !self.reader.unread() {
                break;
            }
        }
        self.window.drain(..done);
        let left = self.window.len();
        // Each time that nothing was found twice as much is waited for; but what is longer than a record may be is passed
        // over by the reader, once it sees that.
        self.wanted = if done == 0 { left * 2 } else { left + WINDOW_BYTES };
        self.wanted = self.wanted.min(self.record_bytes_max + 1).max(left + 1).max(WINDOW_BYTES);
        if left < WINDOW_BYTES && self.window.capacity() > 4 * WINDOW_BYTES {
            self.window.shrink_to(2 * WINDOW_BYTES);
        }
        Ok(())
    }

    /// Hands on a record that ends at an offset of the text's bytes.
    fn give(&mut self, found: Found, offset: u64, records: &mut Vec<Record>) {
        self.record += 1;
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let place = self.behind_record(offset);
        let context = self.context.clone().filter(|_| place.skip == 0);
        records.push(Record { data: found.data, fault: found.fault, place, context });
    }

    fn behind_record(&mut self, offset: u64) -> Place {
        let record = self.record;
        if self.context.is_none() || !self.text.begins_anywhere() {
            return Place { skip: record, record, ..Place::default() };
        }
        match &mut self.restarts {
            None => Place { at: offset, record, ..Place::default() },
            Some(restarts) => {
                let Restart { raw, unpacked } = restarts.before(offset);
                Place { at: raw, unpacked, pass: offset - unpacked, skip: 0, record }
            }
        }
    }

    fn renew_context(&mut self) {
        let context = self.reader.context();
        if self.context.as_deref() != context.as_deref() {
            self.context = context.map(Into::into);
        }
    }

    /// Adds to a damage where it is.
    fn place(&mut self, damage: Damage, done: usize, passed: usize) -> Damage {
        let what = damage.0;
        let at = self
            .reader
            .damaged_at()
            .map(|at| done + at)
            .filter(|at| self.window.is_char_boundary(*at));
        let record = self.record;
        match at {
            Some(at) => {
                let offset = self.text.pass(self.window.get(passed..at).unwrap_or_default());
                let of = if self.restarts.is_some() { "unpacked byte" } else { "byte" };
                Damage(format!("{what}; at {of} {offset}, behind record {record}"))
            }
            None => Damage(format!("{what}; behind record {record}")),
        }
    }
}
