//! `envelope`: constants around what is sent, and the place of it.

use serde_json::Value;

use crate::{
    error::ConnectError,
    file::{Fault, Findings},
    json::quote,
    resolver::Resolver,
    value::{
        JsonPart, JsonTemplate, RecordIs, SentText, SentValues,
        template::{Part, Template},
    },
};

/// An envelope for a connection, in pieces of JSON.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    pieces: Vec<Piece>,
    /// What it is, whatever the record.
    pub(super) written: String,
}

#[derive(Debug, Clone)]
enum Piece {
    Json(String),
    /// Where all that is sent stands.
    Whole,
    /// Where the item stands.
    Item,
    Text(SentText),
}

/// Notes an envelope that has no place, or several, for `whole`: `${records}` or `${body}`.
pub(super) fn check<A>(envelope: &JsonTemplate<A>, whole: &Part, findings: &mut Findings) {
    let texts = envelope.root.texts();
    let mut places = 0;
    for (text, _) in &texts {
        if text.parts.contains(whole) {
            places += 1;
            if text.parts.len() > 1 {
                let message = format!("`{whole}` stands inside a text");
                let remedy = format!("let it be all of the text: `\"{whole}\"`");
                findings.add(Fault::new(envelope.site.place, message, remedy));
            }
        }
    }
    let reads = |part: &Part| matches!(part, Part::Record(_) | Part::Body(_) | Part::Item(_));
    let has_fields = texts.iter().any(|(text, _)| text.parts.iter().any(reads));
    if places > 1 || places == 0 && (*whole == Part::Records || !has_fields) {
        let message = format!("the envelope has {places} places for what is sent");
        let remedy = format!("write `\"{whole}\"` in one place, like `{{ data: \"{whole}\" }}`");
        findings.add(Fault::new(envelope.site.place, message, remedy));
    }
}

impl Envelope {
    /// An envelope with a connection's values.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(super) fn new<A>(
        envelope: &JsonTemplate<A>,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let mut pieces = Pieces { all: Vec::new(), key: &envelope.site.key, resolver };
        pieces.add(&envelope.root)?;
        Ok(Self { pieces: pieces.all, written: envelope.written.to_string() })
    }

    /// An object in objects with the records in the innermost.
    pub(super) fn of_path(path: &[String]) -> Self {
        let open: String = path.iter().map(|key| format!("{{{}:", quote(key))).collect();
        let close = "}".repeat(path.len());
        let written = format!("{open}{close}");
        Self { pieces: vec![Piece::Json(open), Piece::Whole, Piece::Json(close)], written }
    }

    /// What stands before and behind all that is sent, where no record takes part.
    pub(super) fn around(&self) -> (String, String) {
        let (mut before, mut behind, mut passed) = (String::new(), String::new(), false);
        for piece in &self.pieces {
            match piece {
                Piece::Json(json) if passed => behind.push_str(json),
                Piece::Json(json) => before.push_str(json),
                Piece::Whole => passed = true,
                Piece::Item | Piece::Text(_) => {}
            }
        }
        (before, behind)
    }

    /// The body for a record.
    ///
    /// # Errors
    /// A record that lacks what stands in it.
    pub(super) fn body(&self, values: &SentValues<'_>) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Json(json) => body.extend_from_slice(json.as_bytes()),
                Piece::Whole => body.extend_from_slice(values.body),
                Piece::Item => body.extend_from_slice(values.item),
                Piece::Text(text) => body.extend_from_slice(text.json(values)?.as_bytes()),
            }
        }
        Ok(body)
    }

    /// Whether it has something of what the transform made.
    pub(super) fn reads_body(&self) -> bool {
        let reads = |piece: &Piece| match piece {
            Piece::Whole => true,
            Piece::Text(text) => text.reads_body(),
            Piece::Json(_) | Piece::Item => false,
        };
        self.pieces.iter().any(reads)
    }

    /// Whether it has something of the source's record.
    pub(super) fn reads_source(&self) -> bool {
        let reads = |piece: &Piece| matches!(piece, Piece::Text(text) if text.reads_source());
        self.pieces.iter().any(reads)
    }
}

/// Pieces as they are made.
struct Pieces<'r, 'c> {
    all: Vec<Piece>,
    /// The envelope's key in the flow file.
    key: &'r str,
    resolver: &'r Resolver<'c>,
}

impl Pieces<'_, '_> {
    fn json(&mut self, text: &str) {
        match self.all.last_mut() {
            Some(Piece::Json(json)) => json.push_str(text),
            _ => self.all.push(Piece::Json(text.to_owned())),
        }
    }

    fn add(&mut self, part: &JsonPart) -> Result<(), ConnectError> {
        match part {
            JsonPart::Plain(value) => self.json(&value.to_string()),
            JsonPart::Text(text) => self.text(text)?,
            JsonPart::List(items) => {
                self.json("[");
                for (at, item) in items.iter().enumerate() {
                    self.json(if at > 0 { "," } else { "" });
                    self.add(item)?;
                }
                self.json("]");
            }
            JsonPart::Object(fields) => {
                self.json("{");
                for (at, (name, value)) in fields.iter().enumerate() {
                    self.json(if at > 0 { "," } else { "" });
                    self.json(&format!("{}:", quote(name)));
                    self.add(value)?;
                }
                self.json("}");
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &Template) -> Result<(), ConnectError> {
        match text.parts.as_slice() {
            [Part::Records] => self.all.push(Piece::Whole),
            [Part::Body(path)] if path.is_empty() => self.all.push(Piece::Whole),
            [Part::Item(path)] if path.is_empty() => self.all.push(Piece::Item),
            _ if text.needs_record() => {
                let text = SentText::new(text, self.key, self.resolver, RecordIs::Source)?;
                self.all.push(Piece::Text(text));
            }
            _ => {
                let text = self.resolver.text(text, self.key)?;
                self.json(&Value::String(text).to_string());
            }
        }
        Ok(())
    }
}
