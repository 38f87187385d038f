//! `map`: the fields of the output by where they come from, in one pass over the record.
//!
//! The paths become one [`Picker`]; values are copied as the text that they are, never built. Of a key
//! that stands twice in a record, the last one counts. What was looked up is read only where a field
//! asks for it, in one pass of its own.

use std::borrow::Cow;

use tidegate_core::ports::{Transform, Transformed};

use super::{
    cast::{self, Cast},
    date::Rewriter,
    each,
    field::{Each, FieldKeys, Fields, WhenAbsent},
    words::{self, Words},
};
use crate::{
    error::ConnectError,
    json::{Picker, Picks, fault, is_same_text, quote},
    resolver::Resolver,
    transform::check::{check_fields, no_json},
    value::{Constant, path},
};

/// A compiled field map.
pub(in crate::transform) struct FieldMap {
    picker: Picker,
    root: Vec<Entry>,
    known: Option<Known>,
}

/// What is read of a looked-up record.
struct Known {
    picker: Picker,
    /// Whether fields are merged with it, so that there may be nothing left to send.
    merges: bool,
}

/// One key of an output object.
struct Entry {
    name: String,
    /// `"name":`
    key: Box<[u8]>,
    node: Node,
}

enum Node {
    /// An object; left out where nothing is in it.
    Object(Vec<Entry>),
    Leaf(Leaf),
}

/// A value, and how it goes together with what was looked up: slots there.
struct Leaf {
    value: Value,
    /// What must not be overwritten.
    never_overwrite: Option<usize>,
    /// What it is no news beside; none where it never is any, or nothing is merged.
    counterpart: Option<usize>,
}

enum Value {
    Constant(Box<[u8]>),
    Field(Field),
}

/// A value from the record, or from what was looked up.
struct Field {
    slot: Slot,
    default: Option<Box<[u8]>>,
    /// Written for a null of the record.
    null_as: Option<Box<[u8]>>,
    words: Option<Words>,
    date: Option<Box<Rewriter>>,
    cast: Option<Cast>,
    each: Option<Elements>,
    when_absent: WhenAbsent,
    /// With [`WhenAbsent::Keep`], the looked-up field that is written then.
    keep: Option<usize>,
    /// It is merged: an empty text is absent, as it is in what was looked up.
    empty_is_absent: bool,
    /// For messages: where it goes.
    target: String,
}

/// What becomes of an array's elements.
enum Elements {
    /// One value of each.
    Value(Picker),
    /// An object of each, in which nothing is looked up.
    Object(Box<FieldMap>),
}

enum Slot {
    Record(usize),
    Known(usize),
}

/// What a record's fields are written from.
struct Given<'a> {
    record: Picks<'a>,
    /// What was looked up, where it is read.
    found: Option<Picks<'a>>,
}

/// Where a value that was written came from.
#[derive(PartialEq, Eq)]
enum Written {
    Nothing,
    Record,
    Known,
}

impl FieldMap {
    /// Compiles the fields, in the file's order; an object's fields stand where its first one does.
    /// `looked_up_by` is the path to the key that records are looked up by.
    ///
    /// # Errors
    /// A parameter that the connection lacks, or that is not what a field's `cast` asks for.
    pub(in crate::transform) fn new(
        fields: &Fields,
        looked_up_by: Option<&[String]>,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let merges = fields.merges();
        let mut map = Self { picker: Picker::new(), root: Vec::new(), known: None };
        let mut known = Picker::new();
        for (target, keys) in fields.iter() {
            let path = keys.path.as_ref().map(|path| path.keys.as_slice());
            let value = match &keys.value {
                Some(value) => Value::Constant(constant(value, keys, resolver)?),
                None => {
                    Value::Field(Field::new(target, keys, (&mut map.picker, &mut known), resolver)?)
                }
            };
            // What was found by the key is no news; a part of the key is not what was looked up by.
            let is_key = path.is_some()
                && path == looked_up_by
                && keys.words.is_none()
                && keys.date.is_none();
            let leaf = Leaf {
                value,
                never_overwrite: keys.never_overwrite(target).map(|path| known.add(path)),
                counterpart: (merges && !is_key).then(|| known.add(target)),
            };
            place(&mut map.root, target, Node::Leaf(leaf));
        }
        map.known = (!known.is_empty()).then_some(Known { picker: known, merges });
        Ok(map)
    }

    /// Writes an object's entries with a comma between; answers whether there were any. Says in
    /// `news` whether one of them is not known yet.
    fn write(
        &self,
        entries: &[Entry],
        given: &Given<'_>,
        out: &mut Vec<u8>,
        news: &mut bool,
    ) -> Result<bool, Box<str>> {
        let mut any = false;
        for entry in entries {
            let start = out.len();
            if any {
                out.push(b',');
            }
            out.extend_from_slice(&entry.key);
            let written = match &entry.node {
                Node::Leaf(leaf) => leaf.write(given, out, news)?,
                Node::Object(entries) => {
                    out.push(b'{');
                    let written = self.write(entries, given, out, news)?;
                    out.push(b'}');
                    written
                }
            };
            if written {
                any = true;
            } else {
                out.truncate(start);
            }
        }
        Ok(any)
    }
}

/// The JSON of a constant. What a parameter gives is a text, and is cast where the field says so.
fn constant(
    constant: &Constant,
    keys: &FieldKeys,
    resolver: &Resolver<'_>,
) -> Result<Box<[u8]>, ConnectError> {
    let json = json_text(constant.fill(resolver)?);
    let Some(cast) = keys.cast.as_ref().filter(|_| constant.has_references()) else {
        return Ok(json);
    };
    let mut out = Vec::new();
    cast::write(&json, cast.value, &mut out).map_err(|found| {
        let wanted = cast.value.wanted();
        let message =
            format!("it should be {wanted}, but with the connection's parameters it is {found}");
        ConnectError::new(&constant.site.key, message)
    })?;
    Ok(out.into())
}

/// Puts a node at its place in the output.
fn place(entries: &mut Vec<Entry>, target: &[String], node: Node) {
    let Some((name, rest)) = target.split_first() else { return };
    let at = entries.iter().position(|entry| entry.name == *name).unwrap_or_else(|| {
        let key = format!("{}:", quote(name)).into_bytes().into();
        entries.push(Entry { name: name.clone(), key, node: Node::Object(Vec::new()) });
        entries.len() - 1
    });
    if rest.is_empty() {
        entries[at].node = node;
        return;
    }
    // The parser refuses a target that is both a value and an object; the later one would win.
    if !matches!(entries[at].node, Node::Object(_)) {
        entries[at].node = Node::Object(Vec::new());
    }
    if let Node::Object(inner) = &mut entries[at].node {
        place(inner, rest, node);
    }
}

impl Given<'_> {
    /// What was looked up for a slot; `None` where it is absent or null.
    fn known(&self, slot: usize) -> Option<&[u8]> {
        self.found.as_ref()?.json(slot)
    }

    fn value(&self, slot: &Slot) -> Option<&[u8]> {
        match slot {
            Slot::Record(slot) => self.record.json(*slot),
            Slot::Known(slot) => self.known(*slot),
        }
    }
}

impl Leaf {
    /// Writes the value; answers whether there is one to be written.
    fn write(
        &self,
        given: &Given<'_>,
        out: &mut Vec<u8>,
        news: &mut bool,
    ) -> Result<bool, Box<str>> {
        if let Some(slot) = self.never_overwrite
            && given.known(slot).is_some_and(|known| !is_empty_text(known))
        {
            return Ok(false);
        }
        let start = out.len();
        let written = match &self.value {
            Value::Constant(json) => {
                out.extend_from_slice(json);
                Written::Record
            }
            Value::Field(field) => field.write(given, out)?,
        };
        if let (Written::Record, Some(slot)) = (&written, self.counterpart)
            && !*news
        {
            // What is absent there is null.
            let known = given.known(slot).unwrap_or(b"null");
            *news = !is_same_text(&out[start..], known);
        }
        Ok(written != Written::Nothing)
    }
}

impl Elements {
    fn new(each: &Each, resolver: &Resolver<'_>) -> Result<Self, ConnectError> {
        Ok(match each {
            Each::Path(path) => Self::Value(Picker::of(&path.keys)),
            Each::Fields(fields) => Self::Object(Box::new(FieldMap::new(fields, None, resolver)?)),
        })
    }

    fn write(&self, json: &[u8], target: &str, out: &mut Vec<u8>) -> Result<(), Box<str>> {
        match self {
            Self::Value(picker) => each::write(json, picker, target, out, |_, picks, out| {
                out.extend_from_slice(picks.json(0).ok_or("nothing stands at the path of `each`")?);
                Ok(())
            }),
            Self::Object(map) => {
                each::write(json, &map.picker, target, out, |element, picks, out| {
                    check_fields(element)
                        .map_err(|_| "a single value, and no JSON object with fields")?;
                    out.push(b'{');
                    let given = Given { record: picks, found: None };
                    map.write(&map.root, &given, out, &mut true)?;
                    out.push(b'}');
                    Ok(())
                })
            }
        }
    }
}

impl Field {
    /// Compiles a field's keys; `pickers` are those of the record and of what was looked up.
    fn new(
        target: &[String],
        keys: &FieldKeys,
        (record, known): (&mut Picker, &mut Picker),
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let filled = |given: &Option<Constant>| {
            given.as_ref().map(|given| constant(given, keys, resolver)).transpose()
        };
        let null_as = keys.null_as.as_ref();
        Ok(Self {
            slot: match (&keys.lookup, &keys.path) {
                (Some(path), _) => Slot::Known(known.add(&path.keys)),
                // Without a path, it is the field of the same name.
                (None, path) => {
                    Slot::Record(record.add(path.as_ref().map_or(target, |path| &path.keys)))
                }
            },
            default: filled(&keys.default)?,
            null_as: null_as.map(|null_as| null_as.fill(resolver)).transpose()?.map(json_text),
            words: keys.words.as_ref().map(|at| at.value),
            date: keys.date.as_ref().map(|at| Box::new(at.value.rewriter())),
            cast: keys.cast.as_ref().map(|at| at.value),
            each: keys.each.as_ref().map(|at| Elements::new(&at.value, resolver)).transpose()?,
            when_absent: keys.when_absent(),
            empty_is_absent: keys.merges(),
            keep: (keys.when_absent() == WhenAbsent::Keep).then(|| known.add(target)),
            target: path::written(target),
        })
    }

    /// Writes a value that is there.
    fn write_given(&self, json: Cow<'_, [u8]>, out: &mut Vec<u8>) -> Result<(), Box<str>> {
        if let Some(each) = &self.each {
            return each.write(&json, &self.target, out);
        }
        let json = match &self.date {
            None => json,
            Some(date) => {
                let written = date.rewrite(&json);
                let written = written.map_err(|reason| format!("`{}` {reason}", self.target))?;
                Cow::Owned(written.into_bytes())
            }
        };
        match self.cast {
            None => out.extend_from_slice(&json),
            Some(cast) => {
                cast::write(&json, cast, out).map_err(|found| self.no_such(cast, found))?;
            }
        }
        Ok(())
    }

    fn write(&self, given: &Given<'_>, out: &mut Vec<u8>) -> Result<Written, Box<str>> {
        if let (Some(null_as), Slot::Record(slot)) = (&self.null_as, &self.slot)
            && given.record.is_null(*slot)
        {
            out.extend_from_slice(null_as);
            return Ok(Written::Record);
        }
        let value = given.value(&self.slot);
        let value = match self.words {
            None => value.map(Cow::Borrowed),
            Some(words) => value.and_then(|json| words::pick(json, words)),
        };
        let value = value.filter(|json| !self.empty_is_absent || !is_empty_text(json));
        match (value, &self.default, self.when_absent) {
            (Some(json), _, _) => {
                self.write_given(json, out)?;
                // A default or a null of what was looked up is the record's own again.
                return Ok(match self.slot {
                    Slot::Record(_) => Written::Record,
                    Slot::Known(_) => Written::Known,
                });
            }
            (None, Some(default), _) => out.extend_from_slice(default),
            (None, None, WhenAbsent::Null) => out.extend_from_slice(b"null"),
            (None, None, WhenAbsent::Omit) => return Ok(Written::Nothing),
            (None, None, WhenAbsent::Keep) => {
                let known = self.keep.and_then(|slot| given.known(slot));
                let Some(known) = known else { return Ok(Written::Nothing) };
                out.extend_from_slice(known);
                return Ok(Written::Known);
            }
            (None, None, WhenAbsent::Refuse) => {
                let lacks = match self.slot {
                    Slot::Record(_) => "the record",
                    Slot::Known(_) => "what was looked up",
                };
                return Err(format!("`{}` is missing from {lacks}", self.target).into());
            }
        }
        Ok(Written::Record)
    }

    /// Says the kind of value and not the value, which may be personal data.
    fn no_such(&self, cast: Cast, found: &str) -> Box<str> {
        format!("`{}` should be {}, but the record has {found}", self.target, cast.wanted()).into()
    }
}

fn json_text(json: serde_json::Value) -> Box<[u8]> {
    json.to_string().into_bytes().into()
}

fn is_empty_text(json: &[u8]) -> bool {
    json == b"\"\""
}

impl Known {
    /// Reads what was looked up.
    fn pick<'f>(&self, found: &'f [u8]) -> Result<Picks<'f>, Box<str>> {
        if std::str::from_utf8(found).is_err() {
            return Err("what was looked up is not UTF-8".into());
        }
        self.picker.pick_all(found).map_err(|error| {
            format!("what was looked up is no JSON: {}", fault(&error, found)).into()
        })
    }
}

impl Transform for FieldMap {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        let start = out.len();
        // Values are copied as they are, so that what is copied must be text.
        if std::str::from_utf8(record).is_err() {
            return Transformed::Refused("the record is not UTF-8".into());
        }
        let picked = match self.picker.pick_all(record) {
            Ok(picked) => picked,
            Err(error) => return Transformed::Refused(no_json(&error, record)),
        };
        if let Err(reason) = check_fields(record) {
            return Transformed::Refused(reason);
        }
        let read = self.known.as_ref().zip(found).map(|(known, found)| known.pick(found));
        let found = match read.transpose() {
            Ok(found) => found,
            Err(reason) => return Transformed::Refused(reason),
        };
        // Where nothing was found, or nothing is merged, everything is.
        let merges = self.known.as_ref().is_some_and(|known| known.merges);
        let mut news = found.is_none() || !merges;
        out.push(b'{');
        let given = Given { record: picked, found };
        match self.write(&self.root, &given, out, &mut news) {
            Ok(_) if news => {
                out.push(b'}');
                Transformed::Written
            }
            Ok(_) => {
                out.truncate(start);
                Transformed::Unchanged
            }
            Err(reason) => {
                out.truncate(start);
                Transformed::Refused(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests;
