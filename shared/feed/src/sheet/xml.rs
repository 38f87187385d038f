//! The XML of a workbook's parts.

use std::borrow::Cow;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::part::Part;
use crate::format::told;
use crate::{Damage, Spent};

/// A tag or a piece of text.
pub(super) enum Token<'b> {
    /// An element begins. Its name is told without the prefix.
    Start(Tag<'b>),
    /// The element that was begun last ends.
    End,
    /// A piece of an element's text, which may come in several.
    Text(Cow<'b, str>),
    /// The part ends soundly.
    Over,
}

/// The beginning of an element.
pub(super) struct Tag<'b>(BytesStart<'b>);

impl Tag<'_> {
    pub(super) fn name(&self) -> &str {
        let name = self.0.name().into_inner();
        name.rsplit(':').next().unwrap_or(name)
    }

    /// An attribute's value, by its name without the prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.0.attributes();
        attributes
            .with_checks(false)
            .flatten()
            .find(|it| it.key.local_name().into_inner() == name)
            .map(|it| it.normalized_value(XmlVersion::Implicit1_0).unwrap_or(it.value))
    }

    /// The values of several attributes without a prefix, by their names.
    pub(super) fn attributes<const N: usize>(&self, names: [&str; N]) -> [Option<Cow<'_, str>>; N] {
        let mut values = [const { None }; N];
        for attribute in self.0.attributes().with_checks(false).flatten() {
            if let Some(index) = names.iter().position(|name| *name == attribute.key.into_inner()) {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                values[index] = Some(value.unwrap_or(attribute.value));
            }
        }
        values
    }

    /// The value of an attribute that has a prefix, such as `r:id`.
    pub(super) fn prefixed(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        attributes
            .with_checks(false)
            .flatten()
            .find(|it| it.key.prefix().is_some() && it.key.local_name().into_inner() == name)
            .map(|it| it.value.into_owned())
    }
}

/// Reads a part tag by tag.
pub(super) struct Xml {
    reader: Reader<Part>,
    held: Vec<u8>,
    name: String,
    /// How many elements stand open.
    depth: usize,
    depth_max: usize,
    has_root: bool,
}

impl Xml {
    pub(super) fn new(part: Part, name: &str, depth_max: usize) -> Self {
        let mut reader = Reader::from_reader(part);
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            held: Vec::new(),
            name: name.to_owned(),
            depth: 0,
            depth_max,
            has_root: false,
        }
    }

    /// How many elements stand open, with the one that was just begun, without the one that just ended.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn spent(&self) -> Spent {
        self.reader.get_ref().spent()
    }

    pub(super) fn damage(&self, why: &str) -> Damage {
        damage(&self.name, self.reader.buffer_position(), why)
    }

    /// # Errors
    /// It is not well-formed, or asks for too much.
    pub(super) fn next(&mut self) -> Result<Token<'_>, Damage> {
        let Self { reader, held, name, depth, depth_max, has_root } = self;
        held.clear();
        reader.get_mut().mark();
        let at = reader.buffer_position();
        let event =
            reader.read_event_into(held).map_err(|err| damage(name, at, &err.to_string()))?;
        Ok(match event {
            Event::Start(tag) => {
                *depth += 1;
                *has_root = true;
                if *depth > *depth_max {
                    let why = format!(
                        "more than {depth_max} elements stand within each other (depth_max)"
                    );
                    return Err(damage(name, at, &why));
                }
                Token::Start(Tag(tag))
            }
            Event::End(_) => {
                *depth -= 1;
                Token::End
            }
            Event::Text(text) => Token::Text(text.xml10_content()),
            Event::CData(text) => Token::Text(text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok().flatten();
                Token::Text(match (character, resolve_predefined_entity(&reference)) {
                    (Some(character), _) => Cow::Owned(character.to_string()),
                    (None, Some(text)) => Cow::Borrowed(text),
                    (None, None) => Cow::Owned(format!("&{};", &*reference)),
                })
            }
            Event::DocType(_) => {
                return Err(damage(name, at, "it has a DOCTYPE, which no workbook has"));
            }
            Event::Eof if *depth > 0 || !*has_root => {
                return Err(damage(name, at, "it ends before its root element does"));
            }
            Event::Eof => Token::Over,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {
                Token::Text(Cow::Borrowed(""))
            }
        })
    }
}

fn damage(name: &str, at: u64, why: &str) -> Damage {
    Damage(format!(
        "part {} of the workbook is damaged at byte {at} of its text: {why}",
        told(name)
    ))
}
