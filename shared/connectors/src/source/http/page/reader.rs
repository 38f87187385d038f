//! Reads a body value by value, and on behind what is no strict JSON.

use bytes::Bytes;
use jiter::{Jiter, JiterError, Peek};

use super::PageFault;
use crate::json::{Picker, Picks, bounds::Finder, fault};

/// Where the reading of a body stands.
pub(super) struct Reader<'b> {
    body: &'b Bytes,
    json: Jiter<'b>,
    /// Where in the body `json` began.
    base: usize,
    /// Where what is no strict JSON ends.
    finder: Finder,
}

impl<'b> Reader<'b> {
    pub(super) fn new(body: &'b Bytes) -> Self {
        Self { body, json: Jiter::new(body), base: 0, finder: Finder::default() }
    }

    /// How much has been read.
    pub(super) fn index(&self) -> usize {
        self.base + self.json.current_index()
    }

    /// What has been read since then.
    pub(super) fn since(&self, start: usize) -> Bytes {
        self.body.slice(start..self.index())
    }

    /// Room for what is picked out of the values that follow. Made anew after [`Self::go_to`].
    pub(super) fn picks(&self, picker: &Picker) -> Picks<'b> {
        picker.picks(&self.body[self.base..])
    }

    /// Reads on from there.
    pub(super) fn go_to(&mut self, at: usize) {
        self.base = at;
        self.json = Jiter::new(&self.body[at..]);
    }

    pub(super) fn peek(&mut self) -> Result<Peek, PageFault> {
        self.json.peek().map_err(|error| self.not_json(error))
    }

    /// Ends the body.
    pub(super) fn finish(&mut self) -> Result<(), PageFault> {
        self.json.finish().map_err(|error| self.not_json(error))
    }

    pub(super) fn known_null(&mut self) -> Result<(), PageFault> {
        self.json.known_null().map_err(|error| self.not_json(error))
    }

    pub(super) fn known_array(&mut self) -> Result<Option<Peek>, PageFault> {
        self.json.known_array().map_err(|error| self.not_json(error))
    }

    pub(super) fn array_step(&mut self) -> Result<Option<Peek>, PageFault> {
        self.json.array_step().map_err(|error| self.not_json(error))
    }

    /// The first key of an object, or the next one, handed to `read`.
    pub(super) fn key<T>(
        &mut self,
        is_first: bool,
        read: impl FnOnce(&str) -> T,
    ) -> Result<Option<T>, PageFault> {
        let (body, base) = (self.body, self.base);
        let key = if is_first { self.json.known_object() } else { self.json.next_key() };
        key.map(|key| key.map(read)).map_err(|error| not_json(error, base, body))
    }

    /// Reads past the next value, be it strict JSON or not.
    pub(super) fn skip(&mut self) -> Result<(), PageFault> {
        let peek = self.peek()?;
        let start = self.index();
        match self.json.known_skip(peek) {
            Ok(()) => Ok(()),
            Err(error) => self.step_over(start, &error).map(drop),
        }
    }

    /// Picks what is wanted out of the next value. Where that is no strict JSON, reads past it, and
    /// answers with its text and what is wrong with it.
    pub(super) fn pick(
        &mut self,
        picker: &Picker,
        picks: &mut Picks<'b>,
    ) -> Result<Result<(), (Bytes, String)>, PageFault> {
        let start = self.index();
        match picker.pick_next(&mut self.json, picks) {
            Ok(()) => Ok(Ok(())),
            Err(error) => {
                // Its place in the record, which is what is kept.
                let index = (self.base + error.index).saturating_sub(start);
                let text = self.step_over(start, &error)?;
                *picks = self.picks(picker);
                let reason = fault(&JiterError { index, ..error }, &text);
                Ok(Err((text, reason)))
            }
        }
    }

    /// Goes behind a value that is no strict JSON: its text.
    fn step_over(&mut self, start: usize, error: &JiterError) -> Result<Bytes, PageFault> {
        let range = self.finder.element(self.body, start);
        let Some(range) = range else {
            return Err(not_json(error.clone(), self.base, self.body));
        };
        let text = self.body.slice(range.clone());
        self.go_to(range.end);
        Ok(text)
    }

    fn not_json(&self, error: JiterError) -> PageFault {
        not_json(error, self.base, self.body)
    }
}

fn not_json(error: JiterError, base: usize, body: &[u8]) -> PageFault {
    PageFault::NotJson(fault(&JiterError { index: error.index + base, ..error }, body))
}
