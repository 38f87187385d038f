//! Where a reader puts what it finds.

use bytes::Bytes;

use crate::Found;
use crate::format::faulty;

/// How many bytes of JSON a reader writes at one call, before it stops.
const BYTES_MAX: usize = 4 << 20;

/// The records that are found in a window. Their JSON shares one piece of memory.
pub(crate) struct Output<'f> {
    found: &'f mut Vec<Found>,
    json: Vec<u8>,
    /// Which of the records have JSON, and where it ends.
    written: Vec<(usize, usize)>,
}

impl<'f> Output<'f> {
    pub(crate) fn new(found: &'f mut Vec<Found>, window: &str) -> Self {
        Self { found, json: Vec::with_capacity(window.len().min(BYTES_MAX)), written: Vec::new() }
    }

    /// Whether so much was written that the reader shall stop.
    pub(crate) fn is_full(&self) -> bool {
        self.json.len() >= BYTES_MAX
    }

    /// Where to write the next record's JSON.
    pub(crate) fn json(&mut self) -> &mut Vec<u8> {
        &mut self.json
    }

    /// What was written since the last record is one, which ends here in the window.
    pub(crate) fn record(&mut self, end: usize) {
        self.written.push((self.found.len(), self.json.len()));
        self.found.push(Found { data: Bytes::new(), end, fault: None });
    }

    /// A record at fault, with its text.
    pub(crate) fn fault(&mut self, text: &str, end: usize, why: String) {
        self.kept_fault(faulty(text), end, why);
    }

    /// A record at fault, of whose text as much was kept as is handed on.
    pub(crate) fn kept_fault(&mut self, data: Bytes, end: usize, why: String) {
        self.found.push(Found { data, end, fault: Some(why.into()) });
    }

    /// Gives the records their JSON. Answers with whether any were found.
    pub(crate) fn finish(self) -> bool {
        let json = Bytes::from(self.json);
        let mut from = 0;
        for (index, to) in self.written {
            self.found[index].data = json.slice(from..to);
            from = to;
        }
        !self.found.is_empty()
    }
}
