//! Which part of a file a request wants, if any: RFC 9110, 13 and 14.

use std::ops::Range;
use std::time::SystemTime;

use hyper::HeaderMap;
use hyper::header::{HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};

/// What is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// 304: the client has it.
    Nothing,
    /// 200
    Whole,
    /// 206
    Part(Range<u64>),
    /// 416
    Beyond,
}

/// A file, as far as conditions go by it.
#[derive(Debug)]
pub(crate) struct Validators<'a> {
    /// A strong one.
    pub(crate) etag: &'a str,
    pub(crate) modified: SystemTime,
    /// In bytes.
    pub(crate) length: u64,
}

impl Validators<'_> {
    /// What a request of these headers wants.
    pub(crate) fn wanted(&self, headers: &HeaderMap) -> Wanted {
        if self.is_known(headers) {
            return Wanted::Nothing;
        }
        let range = text(headers, RANGE).filter(|_| self.is_same(headers));
        let Some(range) = range.and_then(|range| range.strip_prefix("bytes=")) else {
            return Wanted::Whole;
        };
        let Some((first, last)) = range.split_once('-').filter(|(_, last)| !last.contains(','))
        else {
            // Several ranges at once: a server may leave them unheeded.
            return Wanted::Whole;
        };
        let number = |text: &str| text.trim().parse::<u64>().ok();
        match (number(first), number(last)) {
            (Some(first), _) if first >= self.length => Wanted::Beyond,
            (Some(first), Some(last)) if last < first => Wanted::Whole,
            (Some(first), Some(last)) => {
                Wanted::Part(first..last.saturating_add(1).min(self.length))
            }
            (Some(first), None) => Wanted::Part(first..self.length),
            (None, Some(0)) => Wanted::Beyond,
            (None, Some(count)) => Wanted::Part(self.length.saturating_sub(count)..self.length),
            (None, None) => Wanted::Whole,
        }
    }

    /// Whether the client has just this file.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        match text(headers, IF_NONE_MATCH) {
            Some(tags) => tags.split(',').any(|tag| {
                let tag = tag.trim();
                tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag
            }),
            None => text(headers, IF_MODIFIED_SINCE)
                .and_then(|date| httpdate::parse_http_date(date).ok())
                .is_some_and(|since| self.modified <= since),
        }
    }

    /// Whether the client's range is one of just this file. A weak tag never is.
    fn is_same(&self, headers: &HeaderMap) -> bool {
        text(headers, IF_RANGE).is_none_or(|validator| {
            validator == self.etag
                || httpdate::parse_http_date(validator).is_ok_and(|date| date == self.modified)
        })
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
