//! The reader of XML.

use std::sync::Arc;

use bytes::Bytes;
use quick_xml::{Error, Reader, events::Event};

use super::{
    document::{Begins, Document},
    format::XmlFormat,
    names::Tag,
    over::{Over, Passed},
    record::{Closed, Record},
    write::write,
};
use crate::{BadFormat, Damage, Found, Limits, Notices, RecordReader, format::faulty};

/// Most elements within each other, whatever the limits say: records are written by a function that calls itself.
const DEPTH_MAX: usize = 256;

/// Reads XML record by record, as [the module](super) says.
///
/// Memory: the window it is given, a record's JSON, some 100 bytes for each element, attribute and piece of text of one
/// record, of which there are 131,072 at most, and 64 KiB for the tags around the records.
pub struct XmlReader {
    document: Document,
    record_bytes_max: usize,
    depth_max: usize,
    over: Option<Over>,
    /// The front of a record that is too long, while it is passed over.
    long: Option<Bytes>,
    json: Vec<u8>,
    notices: Notices,
    unread: bool,
    damaged_at: Option<usize>,
    whole: bool,
}

/// A window, and what was found in it.
struct Window<'w, 'f> {
    text: &'w str,
    /// What comes in front of the text in the window that was given.
    before: usize,
    last: bool,
    found: &'f mut Vec<Found>,
    /// How many were found before.
    found_before: usize,
}

/// What is being read in a window.
struct Reading<'w> {
    record: Record<'w>,
    /// Where the record began, while there is one.
    begun: Option<usize>,
}

/// A token of the window, from its first byte to the one behind it.
#[derive(Clone, Copy)]
struct Token<'w> {
    text: &'w str,
    start: usize,
    end: usize,
}

/// Whether to read on.
enum Next {
    On,
    /// The rest of the window, from a place on, can be read only with what follows; or is for the next call.
    Stop(usize),
}

impl XmlReader {
    /// For a file from its beginning.
    #[must_use]
    pub fn new(format: Arc<XmlFormat>, limits: Limits) -> Self {
        let depth_max = limits.depth_max.min(DEPTH_MAX);
        Self {
            document: Document::new(format, depth_max),
            record_bytes_max: limits.record_bytes_max,
            depth_max,
            over: None,
            long: None,
            json: Vec::new(),
            notices: Notices::default(),
            unread: false,
            damaged_at: None,
            whole: false,
        }
    }

    /// For a file from behind a record on, by the [context](RecordReader::context) it was found in.
    ///
    /// # Errors
    /// The context is none that a reader gave.
    pub fn resume(
        format: Arc<XmlFormat>,
        limits: Limits,
        context: &str,
    ) -> Result<Self, BadFormat> {
        let mut reader = Self::new(format, limits);
        let bad = || BadFormat(format!("{context:?} is no context to read on in"));
        let (mut tags, mut start) = (Reader::from_str(context), 0);
        loop {
            let event = tags.read_event().map_err(|_| bad())?;
            let end = usize::try_from(tags.buffer_position()).unwrap_or(usize::MAX);
            match event {
                Event::Eof => break,
                Event::Start(_) => {
                    let tag = Tag::new(&context[start..end]).ok_or_else(bad)?;
                    reader.document.enter(&tag).map_err(|_| bad())?;
                }
                _ => return Err(bad()),
            }
            start = end;
        }
        reader.document.resume();
        Ok(reader)
    }

    /// Reads the events of a window, and answers with how many of its bytes are done with.
    fn events(&mut self, window: &mut Window<'_, '_>) -> Result<usize, Damage> {
        let text = window.text;
        // At the front it would be taken for a byte order mark, and not be counted.
        let front = text.len() - text.trim_start_matches('\u{feff}').len();
        let mut reader = Reader::from_str(&text[front..]);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        // Names are checked here: against elements of windows before, too.
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        let mut reading = Reading { record: Record::default(), begun: None };
        let mut start = front;
        loop {
            let event = reader.read_event();
            let end = front + usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            // By reference: an event is too large to be moved once more for each.
            let next = match &event {
                Ok(Event::Eof) => Next::Stop(start),
                Ok(event) => self.event(
                    event,
                    Token { text: &text[start..end], start, end },
                    &mut reading,
                    window,
                )?,
                Err(error) => self.error(error, start, end, window)?,
            };
            match next {
                Next::On => start = end,
                Next::Stop(_) if window.last && !self.unread => return self.end(&reading, window),
                Next::Stop(at) => {
                    self.document.leave_scope(0);
                    let from = reading.begun.unwrap_or(at);
                    let long = text.len() - from > self.record_bytes_max && !self.unread;
                    return if long { self.begin_over(from, &reading, window) } else { Ok(from) };
                }
            }
        }
    }

    fn event<'w>(
        &mut self,
        event: &Event<'w>,
        token: Token<'w>,
        reading: &mut Reading<'w>,
        window: &mut Window<'w, '_>,
    ) -> Result<Next, Damage> {
        let Token { text, start, end } = token;
        let at = window.before + start;
        let in_record = reading.begun.is_some();
        match event {
            Event::Text(_) | Event::GeneralRef(_) if !in_record => {
                self.document.text(text).map_err(|what| self.damage(at, what))?;
                // Nothing of it is needed again: what follows of it is text as well.
                return Ok(if end == window.text.len() { Next::Stop(end) } else { Next::On });
            }
            Event::Text(_) | Event::GeneralRef(_) if end == window.text.len() && !window.last => {
                return Ok(Next::Stop(start));
            }
            Event::GeneralRef(_) => reading.record.reference(text),
            Event::Text(_) if text.starts_with('&') => reading.record.ampersand(text),
            Event::Text(_) => reading.record.text(text),
            Event::CData(_) if in_record => {
                reading.record.text(&text["<![CDATA[".len()..text.len() - "]]>".len()])
            }
            Event::CData(_) => self.document.cdata().map_err(|what| self.damage(at, what))?,
            Event::DocType(_) => {
                self.document.document_type(text).map_err(|what| self.damage(at, what))?
            }
            Event::Start(_) => return self.start(token, reading, window),
            Event::Empty(_) => {
                let next = self.start(token, reading, window)?;
                if let Next::On = next {
                    self.close(None, token, reading, window)?;
                }
                return Ok(next);
            }
            Event::End(_) => {
                let name = text["</".len()..text.len() - ">".len()].trim_ascii_end();
                self.close(Some(name), token, reading, window)?;
            }
            _ => {}
        }
        Ok(Next::On)
    }

    fn start<'w>(
        &mut self,
        token: Token<'w>,
        reading: &mut Reading<'w>,
        window: &Window<'w, '_>,
    ) -> Result<Next, Damage> {
        let at = window.before + token.start;
        let tag = Tag::new(token.text)
            .ok_or_else(|| self.damage(at, "a tag that begins with no name"))?;
        if reading.begun.is_some() {
            self.document.enter_scope(&tag, reading.record.depth());
            reading.record.open(&tag, &self.document.scopes, &self.document.format, self.depth_max);
            return Ok(Next::On);
        }
        if self.document.enter(&tag).map_err(|what| self.damage(at, what))? == Begins::Element {
            return Ok(Next::On);
        }
        if !self.take_context(window) {
            return Ok(Next::Stop(token.start));
        }
        reading.begun = Some(token.start);
        reading.record.begin(&tag, &self.document.scopes, &self.document.format);
        Ok(Next::On)
    }

    /// A record begins. Answers `false` if it must wait for the next call, since those that were found in this one
    /// stand elsewhere.
    fn take_context(&mut self, window: &Window<'_, '_>) -> bool {
        self.unread = !self.document.take_context(window.found.len() > window.found_before);
        !self.unread
    }

    /// An element closes, by an end tag or by itself.
    fn close(
        &mut self,
        name: Option<&str>,
        token: Token<'_>,
        reading: &mut Reading<'_>,
        window: &mut Window<'_, '_>,
    ) -> Result<(), Damage> {
        let (at, behind) = (window.before + token.start, window.before + token.end);
        let Some(begun) = reading.begun else {
            let innermost = self.document.open.innermost().unwrap_or_default();
            if let Some(name) = name.filter(|name| *name != innermost) {
                let what = mismatch(name, innermost);
                return Err(self.damage(at, what));
            }
            self.leave(behind, window.found);
            return Ok(());
        };
        let innermost = reading.record.innermost();
        match reading.record.close(name) {
            Closed::Within => self.document.leave_scope(reading.record.depth()),
            Closed::Record => {
                self.document.leave_scope(0);
                self.document.close_root();
                reading.begun = None;
                let found =
                    self.finish(&window.text[begun..token.end], behind, &mut reading.record);
                window.found.push(found);
            }
            Closed::Mismatch => {
                return Err(self.damage(at, mismatch(name.unwrap_or_default(), innermost)));
            }
        }
        Ok(())
    }

    /// Leaves an element outside records, or one that was passed over since it is too long.
    fn leave(&mut self, end: usize, found: &mut Vec<Found>) {
        self.document.leave();
        if let Some(front) = self.long.take() {
            found.push(Found { data: front, end, fault: Some(self.too_long()) });
        }
    }

    /// A record is complete.
    fn finish(&mut self, text: &str, end: usize, record: &mut Record<'_>) -> Found {
        let long = text.len() > self.record_bytes_max;
        if let Some(fault) = long.then(|| self.too_long()).or(record.fault.take()) {
            return Found { data: faulty(text), end, fault: Some(fault) };
        }
        self.json.clear();
        self.notices.dropped +=
            write(record, &self.document.format, &mut self.json) + record.mended.dropped;
        self.notices.entities += record.mended.entities;
        self.notices.literal += record.mended.literal;
        if record.mended.prefixes {
            self.notices.tell("elements of one parent differ by their prefix alone: they keep it, unless `namespaces` declares it");
        }
        if record.mended.attributes {
            self.notices.tell("an element has an attribute twice: the first is taken");
        }
        Found { data: Bytes::copy_from_slice(&self.json), end, fault: None }
    }

    fn too_long(&self) -> Box<str> {
        format!("longer than {} bytes", self.record_bytes_max).into()
    }

    /// What could not be read: for want of what follows, or at all.
    fn error(
        &mut self,
        error: &Error,
        start: usize,
        end: usize,
        window: &Window<'_, '_>,
    ) -> Result<Next, Damage> {
        let rest = window.text.get(start..).unwrap_or_default();
        let at = window.before + start;
        if rest.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("<!d")) {
            self.document.document_type(rest).map_err(|what| self.damage(at, what))?;
        }
        let broken_off =
            matches!(error, Error::Syntax(_)) && (end >= window.text.len() || rest.len() < 3);
        if broken_off && !window.last {
            return Ok(Next::Stop(start));
        }
        let what = if broken_off {
            format!("the file ends in the middle: {error}")
        } else {
            error.to_string()
        };
        Err(self.damage(at, what))
    }

    /// The end of the file: sound only behind the root element.
    fn end(&mut self, reading: &Reading<'_>, window: &Window<'_, '_>) -> Result<usize, Damage> {
        let in_record = reading.begun.is_some() || self.long.is_some();
        let at = window.before + window.text.len();
        self.whole = self.document.end(in_record).map_err(|what| self.damage(at, what))?;
        if !self.whole {
            self.notices.tell("nothing in it is where records should be: neither one, nor the element they stand in");
        }
        Ok(window.text.len())
    }

    /// Begins to pass over what is longer than a record may be.
    fn begin_over(
        &mut self,
        from: usize,
        reading: &Reading<'_>,
        window: &mut Window<'_, '_>,
    ) -> Result<usize, Damage> {
        let text = &window.text[from..];
        let at = window.before + from;
        if ["<!--", "<![CDATA[", "<?"].iter().any(|begin| text.starts_with(begin)) {
            self.over = Some(Over::token());
        } else {
            let tag = Tag::begun(text)
                .ok_or_else(|| self.damage(at, "a token longer than a record may be"))?;
            if reading.begun.is_none() {
                if self.document.enter(&tag).map_err(|what| self.damage(at, what))?
                    == Begins::Element
                {
                    return Err(
                        self.damage(at, format!("the tag <{}> is {}", tag.name, self.too_long()))
                    );
                }
                if !self.take_context(window) {
                    return Ok(from);
                }
            }
            self.document.push(&tag).map_err(|what| self.damage(at, what))?;
            self.over = Some(Over::element());
            self.long = Some(faulty(text));
        }
        let (passed, _) = self.pass_over(text, at, window.found);
        Ok(from + passed)
    }

    /// Goes on to pass over: answers with how many bytes that were, and whether it came to the end.
    fn pass_over(&mut self, text: &str, before: usize, found: &mut Vec<Found>) -> (usize, bool) {
        let Some(over) = &mut self.over else { return (0, true) };
        let (length, passed) = over.pass(text);
        if passed == Passed::On {
            return (length, false);
        }
        self.over = None;
        if passed == Passed::Behind && self.long.is_some() {
            self.leave(before + length, found);
        }
        (length, true)
    }

    fn damage(&mut self, at: usize, what: impl Into<String>) -> Damage {
        self.damaged_at = Some(at);
        Damage(what.into())
    }
}

impl RecordReader for XmlReader {
    fn read(&mut self, window: &str, last: bool, found: &mut Vec<Found>) -> Result<usize, Damage> {
        self.unread = false;
        self.damaged_at = None;
        let found_before = found.len();
        let (passed, at_end) = self.pass_over(window, 0, found);
        if !at_end {
            return if last {
                Err(self.damage(window.len(), "the file ends inside a record"))
            } else {
                Ok(passed)
            };
        }
        let done = self.events(&mut Window {
            text: &window[passed..],
            before: passed,
            last,
            found,
            found_before,
        })?;
        Ok(passed + done)
    }

    fn unread(&self) -> bool {
        self.unread
    }

    fn context(&self) -> Option<String> {
        self.document.context()
    }

    fn damaged_at(&self) -> Option<usize> {
        self.damaged_at
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn notices(&mut self) -> Notices {
        if std::mem::take(&mut self.document.crowded) {
            self.notices
                .tell("too many declarations of namespaces hold at once: some are not looked at");
        }
        std::mem::take(&mut self.notices)
    }
}

fn mismatch(name: &str, innermost: &str) -> String {
    let (name, innermost): (String, String) =
        (name.chars().take(80).collect(), innermost.chars().take(80).collect());
    if innermost.is_empty() {
        format!("</{name}> ends no element")
    } else {
        format!("</{name}> ends <{innermost}>")
    }
}
