//! Goes through a body to its records and to what says where the next page is.

use std::ops::Range;

use bytes::Bytes;
use jiter::Peek;

use super::{
    Aside, Edge, Page, PageFault, Row,
    keys::{Key, KeyPaths, Unkeyed},
    reader::Reader,
};
use crate::{
    json::{Picker, Picks, quote},
    source::http::cursor::Cursor,
    value::path::{self, EACH},
};

/// Where things stand in a response.
pub(in crate::source::http) struct PageShape {
    records: Vec<String>,
    /// The records are each item or value of what stands there.
    of_each: bool,
    /// The path leads through each item or value of something.
    through_each: bool,
    /// The field that a record's key in an object becomes.
    key_as: Option<String>,
    keys: KeyPaths,
    records_max: usize,
}

/// Where a flow says that things stand in a response.
pub(in crate::source::http) struct Places<'a> {
    /// The list of records.
    pub(in crate::source::http) records: &'a [String],
    /// A record's id; several make one together.
    pub(in crate::source::http) ids: &'a [Vec<String>],
    /// The field that a record's key in an object becomes.
    pub(in crate::source::http) key_as: Option<&'a str>,
    /// Most records of one response.
    pub(in crate::source::http) records_max: usize,
}

impl PageShape {
    pub(in crate::source::http) fn new(places: &Places<'_>, cursor: &Cursor) -> Self {
        let (records, of_each) = match places.records.split_last() {
            Some((last, before)) if last == EACH => (before, true),
            _ => (places.records, false),
        };
        Self {
            through_each: records.iter().any(|key| key == EACH),
            records: records.to_vec(),
            of_each,
            key_as: places.key_as.map(quote),
            keys: KeyPaths::new(places.ids, cursor),
            records_max: places.records_max,
        }
    }

    /// Splits a body. Records that are no strict JSON, or without a readable key, do not stop the rest:
    /// they are told apart, each with its reason.
    pub(in crate::source::http) fn parse(&self, body: &Bytes) -> Result<Page, PageFault> {
        let mut page = Page::default();
        let mut reader = Reader::new(body);
        let is_text = std::str::from_utf8(body).is_ok();
        let (seen, cut) = (Seen::default(), Vec::new());
        let mut scan = Scan { shape: self, page: &mut page, is_text, seen, cut };
        scan.value(&mut reader, Some(&self.records))?;
        let Scan { seen, cut, .. } = scan;
        reader.finish()?;
        page.frame = frame(body, &cut);
        if !page.found {
            let message = format!(
                "the body has nothing at `{}`: set source.http.records to where the array stands{}",
                self.records(),
                self.flat_key(body)
            );
            return Err(PageFault::NoList { message, is_absent: true });
        }
        page.ends = seen.ends(&page);
        if !page.aside.is_empty() {
            page.astray = seen.astray.filter(|_| !seen.lacks && page.rows.is_empty());
            let (count, first) = (page.aside.len(), &page.aside[0]);
            tracing::warn!(count, reason = %first.reason, "records cannot be read: they are parked");
        }
        Ok(page)
    }

    /// Where the list of records stands in a body.
    pub(in crate::source::http) fn records(&self) -> String {
        path::written(&self.records)
    }

    /// What to say where the path's keys stand there as one key.
    fn flat_key(&self, body: &[u8]) -> String {
        let flat = self.records.join(".");
        if self.records.len() < 2 || Picker::of(std::slice::from_ref(&flat)).value(body).is_none() {
            return String::new();
        }
        format!("; it has one key `{flat}`: quote it, `.{}`", quote(&flat))
    }
}

/// One pass over a body.
struct Scan<'s> {
    shape: &'s PageShape,
    page: &'s mut Page,
    /// The whole body is UTF-8.
    is_text: bool,
    seen: Seen,
    /// Where records stand in the body.
    cut: Vec<Range<usize>>,
}

/// What was seen of records without a readable key.
#[derive(Default)]
struct Seen {
    /// Whether the first record, and the last, is one.
    at_ends: Option<(bool, bool)>,
    /// What the first is, where the flow may look in the wrong place.
    astray: Option<String>,
    /// One lacks by itself what others may have: the flow looks in the right place.
    lacks: bool,
}

impl Seen {
    fn ends(&self, page: &Page) -> Option<(Edge, Edge)> {
        let edge = |unkeyed: bool, aside: Option<&Aside>, row: Option<&Row>| match unkeyed {
            true => aside.map(|aside| Edge::Unkeyed(aside.data.clone())),
            false => row.map(|row| Edge::Row(row.mark.clone())),
        };
        let (first, last) = self.at_ends?;
        let first = edge(first, page.aside.first(), page.rows.first());
        first.zip(edge(last, page.aside.last(), page.rows.last()))
    }
}

impl Scan<'_> {
    /// Reads the next value, and the records that the path leads to in it.
    fn value(&mut self, reader: &mut Reader<'_>, path: Option<&[String]>) -> Result<(), PageFault> {
        let peek = reader.peek()?;
        let Some(path) = path else { return reader.skip() };
        let Some((segment, rest)) = path.split_first() else {
            let start = reader.index();
            self.records(reader, peek)?;
            self.cut.push(start..reader.index());
            return Ok(());
        };
        match peek {
            Peek::Object => self.object(reader, segment, rest),
            Peek::Array if is_of_array(segment) => self.array(reader, segment, rest),
            _ => reader.skip(),
        }
    }

    fn object(
        &mut self,
        reader: &mut Reader<'_>,
        segment: &str,
        rest: &[String],
    ) -> Result<(), PageFault> {
        let mut is_first = true;
        let leads_on = |name: &str| segment == name || segment == EACH;
        while let Some(leads_on) = reader.key(is_first, leads_on)? {
            is_first = false;
            self.value(reader, leads_on.then_some(rest))?;
        }
        Ok(())
    }

    /// An array of which the path leads through an item: by its number, by a field of its own, or each.
    fn array(
        &mut self,
        reader: &mut Reader<'_>,
        segment: &str,
        rest: &[String],
    ) -> Result<(), PageFault> {
        let number = segment.parse::<usize>().ok();
        let mut element = reader.known_array()?;
        let mut index = 0;
        // Of those that a field names, the first counts.
        let mut found = false;
        while element.is_some() {
            let mut leads_on = segment == EACH || number == Some(index);
            if let (Some((field, value)), false) = (item(segment), found) {
                let start = reader.index();
                reader.skip()?;
                leads_on = is_item(field, value, &reader.since(start));
                found = leads_on;
                reader.go_to(start);
            }
            self.value(reader, leads_on.then_some(rest))?;
            index += 1;
            element = reader.array_step()?;
        }
        Ok(())
    }

    /// Reads what holds the records.
    fn records(&mut self, reader: &mut Reader<'_>, peek: Peek) -> Result<(), PageFault> {
        if !self.shape.through_each {
            // A key may stand twice: the last one counts.
            *self.page = Page::default();
            self.seen = Seen::default();
        }
        self.page.found = true;
        let mut picks = reader.picks(&self.shape.keys.picker);
        match peek {
            Peek::Array => {
                let mut element = reader.known_array()?;
                while element.is_some() {
                    self.record(reader, &mut picks)?;
                    element = reader.array_step()?;
                }
                Ok(())
            }
            Peek::Null => {
                self.page.is_null = true;
                reader.known_null()
            }
            Peek::Object if self.shape.of_each => self.by_key(reader, picks),
            Peek::Object => self.single(reader, &mut picks),
            _ => {
                reader.skip()?;
                Err(self.no_records("is no array of records"))
            }
        }
    }

    /// The values of an object, each a record.
    fn by_key<'b>(
        &mut self,
        reader: &mut Reader<'b>,
        mut picks: Picks<'b>,
    ) -> Result<(), PageFault> {
        let mut is_first = true;
        let name = self.shape.key_as.is_some();
        while let Some(key) = reader.key(is_first, |key| name.then(|| quote(key)))? {
            is_first = false;
            reader.peek()?;
            match key {
                None => self.record(reader, &mut picks)?,
                Some(key) => {
                    let start = reader.index();
                    reader.skip()?;
                    picks = reader.picks(&self.shape.keys.picker);
                    self.named(&key, &reader.since(start))?;
                }
            }
        }
        Ok(())
    }

    /// A record that gets its key in an object as a field.
    fn named(&mut self, key: &str, text: &[u8]) -> Result<(), PageFault> {
        let field = self.shape.key_as.as_deref().unwrap_or_default();
        let inner = text.strip_suffix(b"}").filter(|text| text.starts_with(b"{"));
        let whole: Bytes = match inner {
            Some(inner) => {
                let comma = if inner[1..].trim_ascii().is_empty() { "" } else { "," };
                [inner, comma.as_bytes(), field.as_bytes(), b":", key.as_bytes(), b"}"]
                    .concat()
                    .into()
            }
            None => Bytes::copy_from_slice(text),
        };
        let mut reader = Reader::new(&whole);
        let mut picks = reader.picks(&self.shape.keys.picker);
        reader.peek()?;
        self.record(&mut reader, &mut picks)
    }

    /// An object that is a record by itself.
    fn single<'b>(
        &mut self,
        reader: &mut Reader<'b>,
        picks: &mut Picks<'b>,
    ) -> Result<(), PageFault> {
        self.record(reader, picks)?;
        if self.shape.through_each || !self.page.rows.is_empty() {
            return Ok(());
        }
        let of = match self.shape.records.as_slice() {
            [] => "*".to_owned(),
            keys => format!("{}.*", path::written(keys)),
        };
        let reason = self.page.aside.first().map(|aside| &*aside.reason).unwrap_or_default();
        Err(self.no_records(&format!(
            "is no array of records, and no record either: {reason}; `records: \"{of}\"` takes each of \
             its values"
        )))
    }

    fn no_records(&self, what: &str) -> PageFault {
        let message = match self.shape.records().as_str() {
            "" => format!("the body {what}"),
            place => format!("what stands at `{place}` {what}"),
        };
        PageFault::NoList { message, is_absent: false }
    }

    /// Reads one record.
    fn record<'b>(
        &mut self,
        reader: &mut Reader<'b>,
        picks: &mut Picks<'b>,
    ) -> Result<(), PageFault> {
        if self.page.count == self.shape.records_max {
            return Err(PageFault::Shape(format!(
                "one response has more than {} records: ask for fewer (source.http.page_size), or \
                 raise source.http.body_bytes_max and give the function more memory",
                self.shape.records_max
            )));
        }
        self.page.count += 1;
        let start = reader.index();
        let keys = &self.shape.keys;
        let (data, key, fault) = match reader.pick(&keys.picker, picks)? {
            Ok(()) => {
                let data = reader.since(start);
                let text = if self.is_text { Ok("") } else { std::str::from_utf8(&data) };
                match text.map_err(|error| error.valid_up_to()) {
                    Ok(_) => (data, keys.read(picks), None),
                    Err(at) => {
                        let key = keys.read_leniently(&data);
                        (data, key, Some(format!("not UTF-8 at byte {at}")))
                    }
                }
            }
            Err((data, fault)) => {
                let key = keys.read_leniently(&data);
                (data, key, Some(fault))
            }
        };
        let refused = fault.map(|fault| format!("the record is no JSON: {fault}").into());
        self.add(data, key, refused);
        Ok(())
    }

    fn add(&mut self, data: Bytes, key: Result<Key, Unkeyed>, refused: Option<Box<str>>) {
        let unkeyed = key.is_err();
        self.seen.at_ends = Some((self.seen.at_ends.map_or(unkeyed, |(first, _)| first), unkeyed));
        match key {
            Ok(Key { mark, changed_ns, is_fallback }) => {
                self.page.rows.push(Row { mark, changed_ns, is_fallback, data, refused });
            }
            Err(Unkeyed { id, reason, is_the_records }) => {
                self.seen.lacks |= is_the_records || refused.is_some();
                let astray = || format!("no record has a readable key: the first one {reason}");
                self.seen.astray.get_or_insert_with(astray);
                let reason = refused.unwrap_or_else(|| format!("the record {reason}").into());
                self.page.aside.push(Aside { id, data, reason });
            }
        }
    }
}

/// Whether a segment of a path is a way into an array.
fn is_of_array(segment: &str) -> bool {
    segment == EACH || item(segment).is_some() || segment.parse::<usize>().is_ok()
}

/// The field and the value by which a segment names an item.
fn item(segment: &str) -> Option<(&str, &str)> {
    segment.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

/// Whether an element is the item with this field.
fn is_item(field: &str, value: &str, element: &[u8]) -> bool {
    let found = Picker::of(&[field.to_owned()]).pick(element).ok();
    found.and_then(|picks| picks.text(0)).is_some_and(|text| text == value)
}

/// A body without its records.
fn frame(body: &Bytes, cut: &[Range<usize>]) -> Bytes {
    let mut frame = Vec::new();
    let mut at = 0;
    for range in cut {
        frame.extend_from_slice(&body[at..range.start]);
        frame.extend_from_slice(b"[]");
        at = range.end;
    }
    frame.extend_from_slice(&body[at..]);
    frame.into()
}
