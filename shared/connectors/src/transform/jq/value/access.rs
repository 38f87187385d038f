//! What is read of a value, and what is changed in it.

use bytes::{Bytes, BytesMut};
use jaq_core::{Exn, ValX, box_iter::box_once, path::Opt, val::Range};
use jaq_json::{Map, Num, Rc, Val};

use super::{
    compare::{self, weigh},
    made::{
        ELEMENT_BYTES, ENTRY_BYTES, Error, FRAME_BYTES, Value, ValueR, array, no, object,
        own_elements, own_entries,
    },
    text,
};
use crate::transform::jq::budget::{spend_bytes, spend_text, spend_work};

const ITERABLE: &str = "iterable (array or object)";
const RANGEABLE: &str = "rangeable (array or string)";

/// The pieces of a text between separators; its characters where there is none.
pub(super) fn pieces<'t>(
    text: &'t [u8],
    separator: &'t [u8],
) -> Box<dyn Iterator<Item = &'t [u8]> + 't> {
    spend_work(text.len() / 16 + 1);
    if text.is_empty() {
        return Box::new(std::iter::empty());
    }
    if separator.is_empty() {
        let mut rest = text;
        return Box::new(std::iter::from_fn(move || {
            let (one, others) = rest.split_at(character(rest));
            rest = others;
            (!one.is_empty()).then_some(one)
        }));
    }
    let mut rest = Some(text);
    Box::new(std::iter::from_fn(move || {
        let text = rest?;
        match find(text, separator) {
            Some(at) => {
                rest = Some(&text[at + separator.len()..]);
                Some(&text[..at])
            }
            None => rest.take(),
        }
    }))
}

/// How many bytes the first character of a text has.
fn character(text: &[u8]) -> usize {
    let follows = |byte: &&u8| **byte & 0xC0 == 0x80;
    match text.first() {
        None => 0,
        Some(_) => 1 + text[1..].iter().take(3).take_while(follows).count(),
    }
}

/// Where a text first stands in another one.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|byte| *byte == first)?;
        spend_work(1 + wanted.len() / 16);
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// An integer as jaq takes one for a place: whether it is not negative, and its size.
fn place(value: &Value) -> Result<(bool, usize), Error> {
    match &value.0 {
        Val::Num(Num::Int(at)) => Ok((*at >= 0, at.unsigned_abs())),
        // Beyond everything that there is.
        Val::Num(number @ Num::BigInt(_)) => Ok((*number > Num::Int(0), usize::MAX)),
        _ => Err(no(value.clone(), "integer")),
    }
}

/// A place counted from the beginning; `None` where it lies before that.
fn wrapped((is_forward, size): (bool, usize), len: usize) -> Option<usize> {
    if is_forward { Some(size) } else { len.checked_sub(size) }
}

fn element(at: (bool, usize), len: usize) -> Option<usize> {
    wrapped(at, len).filter(|at| *at < len)
}

type Bounds = (Option<(bool, usize)>, Option<(bool, usize)>);

fn bounds(range: Range<&Value>) -> Result<Bounds, Error> {
    let bound = |bound: Option<&Value>| {
        bound.filter(|bound| !matches!(bound.0, Val::Null)).map(place).transpose()
    };
    Ok((bound(range.start)?, bound(range.end)?))
}

/// From where, and how many.
fn span((start, end): Bounds, len: usize) -> (usize, usize) {
    let clipped = |at: Option<(bool, usize)>, otherwise| {
        at.map_or(otherwise, |at| wrapped(at, len).unwrap_or(0).min(len))
    };
    let (from, to) = (clipped(start, 0), clipped(end, len));
    (from, to.saturating_sub(from))
}

/// The same of a text, in bytes where the bounds are characters.
fn span_of_text(bounds: Bounds, text: &[u8], is_text: bool) -> (usize, usize) {
    if !is_text {
        return span(bounds, text.len());
    }
    spend_work(text.len() / 4 + 1);
    let starts = || (0..text.len()).filter(|at| text[*at] & 0xC0 != 0x80);
    let byte = |(is_forward, count): (bool, usize)| match (is_forward, count) {
        (true, count) => starts().nth(count).unwrap_or(text.len()),
        (false, 0) => text.len(),
        (false, count) => starts().rev().nth(count - 1).unwrap_or(0),
    };
    let (from, to) = (bounds.0.map_or(0, byte), bounds.1.map_or(text.len(), byte));
    (from, to.saturating_sub(from))
}

/// The bounds that an object as an index gives.
fn bounds_of(index: &Map) -> (Option<Value>, Option<Value>) {
    let bound = |name: &str| index.get(&Val::from(name.to_owned())).cloned().map(Value);
    (bound("start"), bound("end"))
}

/// What stands at an index; `None` where nothing does.
fn at_index(value: Value, index: &Value) -> Result<Option<Value>, Error> {
    Ok(match (value.0, &index.0) {
        (Val::Null, _) => None,
        (Val::BStr(bytes), Val::Num(Num::Int(_) | Num::BigInt(_))) => {
            element(place(index)?, bytes.len()).map(|at| usize::from(bytes[at]).into())
        }
        (Val::Arr(elements), Val::Num(Num::Int(_) | Num::BigInt(_))) => {
            element(place(index)?, elements.len()).map(|at| Value(elements[at].clone()))
        }
        (array @ Val::Arr(_), Val::Arr(_)) => Some(indices(&Value(array), index)?),
        (Val::Obj(entries), key) => {
            weigh(key);
            entries.get(key).cloned().map(Value)
        }
        (value @ (Val::BStr(_) | Val::TStr(_) | Val::Arr(_)), Val::Obj(range)) => {
            let (start, end) = bounds_of(range);
            Some(jaq_core::ValT::range(Value(value), start.as_ref()..end.as_ref())?)
        }
        (value, _) => return Err(Error::index(Value(value), index.clone())),
    })
}

/// `has(key)`
pub(in crate::transform::jq) fn has(value: Value, key: &Value) -> ValueR {
    at_index(value, key).map(|found| found.is_some().into())
}

/// `length`
pub(in crate::transform::jq) fn length(value: Value) -> ValueR {
    Ok(match value.0 {
        Val::Null => 0_usize.into(),
        Val::Bool(_) => return Err(Error::str(format_args!("{value} has no length"))),
        Val::Num(number) if number < Num::Int(0) => return -Value(Val::Num(number)),
        Val::Num(number) => Value(Val::Num(number)),
        Val::TStr(text) => {
            spend_work(text.len() / 16);
            text.iter().filter(|byte| **byte & 0xC0 != 0x80).count().into()
        }
        Val::BStr(bytes) => bytes.len().into(),
        Val::Arr(elements) => elements.len().into(),
        Val::Obj(entries) => entries.len().into(),
    })
}

/// `indices(wanted)`
pub(in crate::transform::jq) fn indices(value: &Value, wanted: &Value) -> ValueR {
    let found: Vec<usize> = match (&value.0, &wanted.0) {
        (Val::TStr(text), Val::TStr(wanted)) => {
            let mut found = Vec::new();
            let starts = (0..text.len()).filter(|at| text[*at] & 0xC0 != 0x80);
            for (character, at) in starts.filter(|_| !wanted.is_empty()).enumerate() {
                spend_work(1 + wanted.len() / 16);
                if text[at..].starts_with(wanted) {
                    found.push(character);
                }
            }
            found
        }
        (Val::BStr(text), Val::BStr(wanted)) if !wanted.is_empty() => {
            spend_work(text.len().saturating_mul(1 + wanted.len() / 16));
            let windows = text.windows(wanted.len()).enumerate();
            windows.filter(|(_, window)| *window == &wanted[..]).map(|(at, _)| at).collect()
        }
        (Val::BStr(_), Val::BStr(_)) => Vec::new(),
        (Val::Arr(_), Val::Arr(wanted)) if wanted.is_empty() => Vec::new(),
        (Val::Arr(elements), Val::Arr(wanted)) => {
            let is_same = |window: &[Val]| {
                window.iter().zip(wanted.iter()).all(|(one, other)| compare::equal(one, other))
            };
            let windows = elements.windows(wanted.len()).enumerate();
            windows.filter(|(_, window)| is_same(window)).map(|(at, _)| at).collect()
        }
        (Val::Arr(elements), wanted) => {
            let elements = elements.iter().enumerate();
            elements.filter(|(_, it)| compare::equal(it, wanted)).map(|(at, _)| at).collect()
        }
        _ => return Err(Error::index(value.clone(), wanted.clone())),
    };
    Ok(found.into_iter().map(Value::from).collect())
}

/// `contains(part)`
pub(in crate::transform::jq) fn contains(whole: &Val, part: &Val) -> bool {
    spend_work(1);
    match (whole, part) {
        (Val::BStr(whole), Val::BStr(part)) | (Val::TStr(whole), Val::TStr(part)) => {
            spend_work(whole.len() / 16);
            part.is_empty() || find(whole, part).is_some()
        }
        (Val::Arr(whole), Val::Arr(part)) => {
            part.iter().all(|part| whole.iter().any(|whole| contains(whole, part)))
        }
        (Val::Obj(whole), Val::Obj(part)) => part.iter().all(|(key, part)| {
            weigh(key);
            whole.get(key).is_some_and(|whole| contains(whole, part))
        }),
        _ => compare::equal(whole, part),
    }
}

/// `tobytes`: a text's bytes, a number's byte, or an array's of them.
pub(in crate::transform::jq) fn to_bytes(value: &Val, out: &mut Vec<u8>) -> Result<(), Error> {
    spend_work(1);
    match value {
        Val::TStr(text) | Val::BStr(text) => {
            spend_text(text.len());
            out.extend_from_slice(text);
        }
        Val::Arr(elements) => elements.iter().try_for_each(|it| to_bytes(it, out))?,
        Val::Num(Num::Int(byte)) if u8::try_from(*byte).is_ok() => {
            spend_bytes(1);
            out.extend(u8::try_from(*byte));
        }
        other => {
            let value = Value(other.clone());
            return Err(Error::str(format_args!("cannot convert {value} to bytes")));
        }
    }
    Ok(())
}

/// A text with a part of it replaced.
fn spliced(text: &Bytes, (from, count): (usize, usize), part: &[u8]) -> Bytes {
    spend_text(text.len() - count + part.len());
    let mut spliced = BytesMut::with_capacity(text.len() - count + part.len());
    spliced.extend_from_slice(&text[..from]);
    spliced.extend_from_slice(part);
    spliced.extend_from_slice(&text[from + count..]);
    spliced.freeze()
}

impl jaq_core::ValT for Value {
    fn from_num(number: &str) -> ValueR {
        // Reading long ones takes the square of their length.
        spend_work(number.len() + (number.len() / 64).saturating_mul(number.len()));
        spend_bytes(number.len());
        let value = <Val as jaq_core::ValT>::from_num(number);
        value.map(Self).map_err(|_| Error::str(format_args!("{number:.50} is no number")))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(entries: I) -> ValueR {
        spend_bytes(FRAME_BYTES);
        let mut map = Map::default();
        for (key, value) in entries {
            spend_bytes(ENTRY_BYTES);
            weigh(&key.0);
            map.insert(key.0, value.0);
        }
        Ok(object(map))
    }

    fn key_values(self) -> Box<dyn Iterator<Item = Result<(Self, Self), Error>>> {
        match self.0 {
            Val::Arr(elements) => {
                let elements = own_elements(elements).into_iter().enumerate();
                Box::new(elements.map(|(at, it)| Ok((Self::from(at), Self(it)))))
            }
            Val::Obj(entries) => {
                let entries = own_entries(entries).into_iter();
                Box::new(entries.map(|(key, value)| Ok((Self(key), Self(value)))))
            }
            other => box_once(Err(no(Self(other), ITERABLE))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValueR>> {
        match self.0 {
            Val::Arr(elements) => {
                Box::new(own_elements(elements).into_iter().map(|it| Ok(Self(it))))
            }
            Val::Obj(entries) => {
                Box::new(own_entries(entries).into_iter().map(|(_, value)| Ok(Self(value))))
            }
            other => box_once(Err(no(Self(other), ITERABLE))),
        }
    }

    fn index(self, index: &Self) -> ValueR {
        at_index(self, index).map(Option::unwrap_or_default)
    }

    fn range(self, range: Range<&Self>) -> ValueR {
        let bounds = bounds(range);
        match self.0 {
            Val::TStr(text) => {
                let (from, count) = span_of_text(bounds?, &text, true);
                spend_text(0);
                Ok(Self(Val::utf8_str(text.slice(from..from + count))))
            }
            Val::BStr(text) => {
                let (from, count) = span_of_text(bounds?, &text, false);
                spend_text(0);
                Ok(Self(Val::byte_str(text.slice(from..from + count))))
            }
            Val::Arr(elements) => {
                let (from, count) = span(bounds?, elements.len());
                spend_bytes(count * ELEMENT_BYTES);
                Ok(array(elements[from..from + count].to_vec()))
            }
            other => Err(no(Self(other), RANGEABLE)),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        change: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self.0 {
            Val::Arr(elements) => {
                own_elements(elements).into_iter().flat_map(|it| change(Self(it))).collect()
            }
            Val::Obj(entries) => {
                let entries = own_entries(entries).into_iter();
                let mut changed = Map::default();
                for (key, value) in entries {
                    if let Some(value) = change(Self(value)).next() {
                        spend_bytes(ENTRY_BYTES);
                        weigh(&key);
                        changed.insert(key, value?.0);
                    }
                }
                Ok(object(changed))
            }
            other => opt.fail(Self(other), |value| Exn::from(no(value, ITERABLE))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        change: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match (self.0, &index.0) {
            (value @ (Val::BStr(_) | Val::TStr(_) | Val::Arr(_)), Val::Obj(range)) => {
                let (start, end) = bounds_of(range);
                Self(value).map_range(start.as_ref()..end.as_ref(), opt, change)
            }
            (Val::Obj(entries), key) => {
                weigh(key);
                let mut entries = own_entries(entries);
                let known = entries.get_mut(key).map(std::mem::take);
                let is_known = known.is_some();
                match change(Self(known.unwrap_or_default())).next().transpose()? {
                    Some(value) => {
                        spend_bytes(ENTRY_BYTES);
                        entries.insert(key.clone(), value.0);
                    }
                    None if is_known => {
                        entries.swap_remove(key);
                    }
                    None => {}
                }
                Ok(object(entries))
            }
            (Val::Arr(elements), _) => {
                let beyond = || Error::str(format_args!("index {index} out of bounds"));
                let at = place(index).and_then(|at| element(at, elements.len()).ok_or_else(beyond));
                let at = match at {
                    Ok(at) => at,
                    Err(error) => return opt.fail(Self(Val::Arr(elements)), |_| Exn::from(error)),
                };
                let mut elements = own_elements(elements);
                let value = std::mem::take(&mut elements[at]);
                match change(Self(value)).next().transpose()? {
                    Some(value) => elements[at] = value.0,
                    None => {
                        spend_work(elements.len());
                        elements.remove(at);
                    }
                }
                Ok(Self(Val::Arr(Rc::new(elements))))
            }
            (other, _) => {
                opt.fail(Self(other), |value| Exn::from(Error::index(value, index.clone())))
            }
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        change: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let bounds = match bounds(range) {
            Ok(bounds) => bounds,
            Err(error) => return opt.fail(self, |_| Exn::from(error)),
        };
        let changed = |part: Self| change(part).next().transpose();
        match self.0 {
            Val::Arr(elements) => {
                let (from, count) = span(bounds, elements.len());
                spend_bytes(count * ELEMENT_BYTES);
                let part = match changed(array(elements[from..from + count].to_vec()))? {
                    None => Rc::default(),
                    Some(Self(Val::Arr(part))) => part,
                    Some(other) => return Err(no(other, "array").into()),
                };
                let mut elements = own_elements(elements);
                spend_bytes(part.len() * ELEMENT_BYTES);
                elements.splice(from..from + count, part.iter().cloned());
                Ok(Self(Val::Arr(Rc::new(elements))))
            }
            Val::TStr(text) => {
                let span = span_of_text(bounds, &text, true);
                let part = Self(Val::utf8_str(text.slice(span.0..span.0 + span.1)));
                let part = match changed(part)? {
                    None => Bytes::new(),
                    Some(Self(Val::TStr(part))) => *part,
                    Some(other) => return Err(no(other, "string").into()),
                };
                Ok(Self(Val::utf8_str(spliced(&text, span, &part))))
            }
            Val::BStr(text) => {
                let span = span_of_text(bounds, &text, false);
                let part = Self(Val::byte_str(text.slice(span.0..span.0 + span.1)));
                let part = match changed(part)? {
                    None => Bytes::new(),
                    Some(Self(Val::BStr(part))) => *part,
                    Some(other) => return Err(no(other, "string").into()),
                };
                Ok(Self(Val::byte_str(spliced(&text, span, &part))))
            }
            other => opt.fail(Self(other), |value| Exn::from(no(value, "array"))),
        }
    }

    fn as_bool(&self) -> bool {
        !matches!(self.0, Val::Null | Val::Bool(false))
    }

    fn into_string(self) -> Self {
        match self.0 {
            Val::BStr(text) | Val::TStr(text) => Self(Val::TStr(text)),
            other => {
                let text = text::json(&other);
                spend_text(text.len());
                Self(Val::utf8_str(text))
            }
        }
    }
}
