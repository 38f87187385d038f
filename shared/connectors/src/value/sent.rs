//! Texts of a destination's requests that the record completes: `W/${record.revision}`.

use super::{
    path,
    template::{Part, Template},
};
use crate::{
    error::ConnectError,
    json::{Picker, Picks, Scalar, quote},
    resolver::Resolver,
};

/// What becomes of a record, as far as it tells which fields are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It is passed on as it is.
    Same,
    /// These fields are written, as paths.
    Fields(Vec<Vec<String>>),
    /// A program decides.
    Program,
}

/// What completes the texts of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SentValues<'v> {
    /// The record as the source gave it.
    pub(crate) source: &'v [u8],
    /// What the transform made of it.
    pub(crate) body: &'v [u8],
    /// The item that it was split into; empty for none.
    pub(crate) item: &'v [u8],
    /// Its idempotency key; empty for none.
    pub(crate) key: &'v str,
    /// The answer to the request before; empty for none.
    pub(crate) answer: &'v [u8],
}

/// Where `${record.…}` reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RecordIs<'s> {
    /// In the source's record.
    Source,
    /// As it was before there was `${body.…}`: in what the transform made, where it writes the field.
    Shaped(&'s Shape),
}

/// A text with a connection's values filled in, and places for those of a record.
#[derive(Debug, Clone)]
pub(crate) struct SentText {
    pieces: Vec<Piece>,
    source: Picker,
    body: Picker,
    item: Picker,
    answer: Picker,
}

#[derive(Debug, Clone)]
enum Piece {
    Text { text: String, written: String },
    Field(Field),
    Key,
}

/// A field, by the slots of the pickers; of two, what was made counts first.
#[derive(Debug, Clone)]
struct Field {
    body: Option<usize>,
    source: Option<usize>,
    item: Option<usize>,
    answer: Option<usize>,
    path: String,
}

impl Field {
    /// A field at a path, that is read nowhere yet.
    fn at(path: &[String]) -> Self {
        Self { body: None, source: None, item: None, answer: None, path: path::written(path) }
    }
}

impl Shape {
    /// Whether something is written at, above or under a path.
    pub(crate) fn writes(&self, path: &[String]) -> bool {
        match self {
            Self::Same | Self::Program => true,
            Self::Fields(fields) => {
                fields.iter().any(|field| field.starts_with(path) || path.starts_with(field))
            }
        }
    }
}

impl SentText {
    /// Fills in a connection's values. `place` is the key in the flow file.
    pub(crate) fn new(
        template: &Template,
        place: &str,
        resolver: &Resolver<'_>,
        record: RecordIs<'_>,
    ) -> Result<Self, ConnectError> {
        let [mut source, mut body, mut item, mut answer] = [(); 4].map(|()| Picker::new());
        let mut piece = |part: &Part| {
            Ok(match part {
                Part::Record(path) => {
                    let (of_body, of_source) = match record {
                        RecordIs::Source => (false, true),
                        // The two are the same.
                        RecordIs::Shaped(Shape::Same) => (true, false),
                        RecordIs::Shaped(Shape::Program) => (true, true),
                        RecordIs::Shaped(shape) => (shape.writes(path), !shape.writes(path)),
                    };
                    Piece::Field(Field {
                        body: of_body.then(|| body.add(path)),
                        source: of_source.then(|| source.add(path)),
                        ..Field::at(path)
                    })
                }
                Part::Body(path) => {
                    Piece::Field(Field { body: Some(body.add(path)), ..Field::at(path) })
                }
                Part::Item(path) => {
                    Piece::Field(Field { item: Some(item.add(path)), ..Field::at(path) })
                }
                Part::Answer(path) => {
                    Piece::Field(Field { answer: Some(answer.add(path)), ..Field::at(path) })
                }
                Part::IdempotencyKey => Piece::Key,
                part => {
                    let text = resolver.part(part, place)?;
                    let is_secret = matches!(part, Part::Secret(_));
                    let written = if is_secret { part.to_string() } else { text.clone() };
                    Piece::Text { text, written }
                }
            })
        };
        let pieces =
            template.parts.iter().map(&mut piece).collect::<Result<Vec<_>, ConnectError>>()?;
        Ok(Self { pieces, source, body, item, answer })
    }

    /// Its text where no record takes part, with this for what one completes.
    pub(crate) fn probe(&self, field: &str) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text { text, .. } => text.clone(),
            Piece::Field(_) | Piece::Key => field.to_owned(),
        };
        self.pieces.iter().map(text).collect()
    }

    /// Its text with the names of secrets for their values, and this for what a record completes: the same for as
    /// long as the flow and the parameters are.
    pub(crate) fn written(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text { written, .. } => written.as_str(),
                Piece::Field(_) | Piece::Key => "\u{0}",
            })
            .collect()
    }

    /// Whether the source's record is read.
    pub(crate) fn reads_source(&self) -> bool {
        !self.source.is_empty()
    }

    /// Whether what the transform made is read.
    pub(crate) fn reads_body(&self) -> bool {
        !self.body.is_empty()
    }

    fn read<'v>(&self, values: &SentValues<'v>) -> Result<Read<'v>, String> {
        Ok(Read {
            source: pick(&self.source, values.source)?,
            body: pick(&self.body, values.body)?,
            item: pick(&self.item, values.item)?,
            answer: pick(&self.answer, values.answer)?,
        })
    }

    /// The text for a record, each of its values as `write` has it.
    ///
    /// # Errors
    /// A record that has no text there.
    pub(crate) fn text(
        &self,
        values: &SentValues<'_>,
        write: impl Fn(&str, &str) -> Result<String, String>,
    ) -> Result<String, String> {
        let given = self.read(values)?;
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text { text: literal, .. } => text.push_str(literal),
                Piece::Field(field) => {
                    let value = given.value(field).and_then(Scalar::read);
                    let value = value.map(Scalar::into_text).unwrap_or_default();
                    text.push_str(&write(&field.path, &value)?);
                }
                Piece::Key => text.push_str(&write("idempotency_key", values.key)?),
            }
        }
        Ok(text)
    }

    /// The text for a record as JSON. A field that is alone in it is copied as it stands, be it a number, a list or
    /// nothing: null.
    ///
    /// # Errors
    /// As [`SentText::text`].
    pub(crate) fn json(&self, values: &SentValues<'_>) -> Result<String, String> {
        if let [Piece::Field(field)] = self.pieces.as_slice() {
            let given = self.read(values)?;
            let value = given.value(field).unwrap_or(b"null");
            return String::from_utf8(value.to_vec()).map_err(|_| "no UTF-8".into());
        }
        self.text(values, |_, value| Ok(value.to_owned())).map(|text| quote(&text))
    }
}

/// What the texts of one request read.
struct Read<'t> {
    source: Picks<'t>,
    body: Picks<'t>,
    item: Picks<'t>,
    answer: Picks<'t>,
}

impl<'t> Read<'t> {
    fn value(&self, field: &Field) -> Option<&'t [u8]> {
        let of_body = field.body.and_then(|slot| self.body.json(slot));
        let of_source = || field.source.and_then(|slot| self.source.json(slot));
        let of_item = || field.item.and_then(|slot| self.item.json(slot));
        let of_answer = || field.answer.and_then(|slot| self.answer.json(slot));
        of_body.or_else(of_source).or_else(of_item).or_else(of_answer)
    }
}

fn pick<'t>(picker: &Picker, json: &'t [u8]) -> Result<Picks<'t>, String> {
    if picker.is_empty() {
        return Ok(picker.picks(json));
    }
    picker.pick(json).map_err(|error| format!("no JSON: {}", crate::json::fault(&error, json)))
}
