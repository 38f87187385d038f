//! The elements that stand open around the records.

use std::fmt::Write;

use super::names::{Name, Tag};

/// Most bytes of their tags.
const BYTES_MAX: usize = 64 << 10;

/// The start tags of the open elements, with no attributes but declarations of namespaces: a beginning of a
/// file that a reader can begin with as well as with the file's own.
#[derive(Default)]
pub(super) struct Open {
    tags: String,
    elements: Vec<Element>,
}

struct Element {
    /// Where its tag begins in the tags.
    at: usize,
    name_length: usize,
    space: Option<u16>,
}

impl Open {
    /// An element opens. Answers with whether there was room.
    pub fn enter(&mut self, tag: &Tag<'_>, name: Name<'_>) -> bool {
        let at = self.tags.len();
        self.tags.push('<');
        self.tags.push_str(name.written);
        for (attribute, uri) in tag.declarations() {
            let quote = if uri.contains('"') { '\'' } else { '"' };
            // In an attribute a line end is a blank; a context is one line.
            let uri = uri.replace(['\n', '\r', '\t'], " ");
            let _ = write!(self.tags, " {attribute}={quote}{uri}{quote}");
        }
        self.tags.push('>');
        self.elements.push(Element { at, name_length: name.written.len(), space: name.space });
        self.tags.len() <= BYTES_MAX
    }

    /// The innermost element closes.
    pub fn leave(&mut self) {
        if let Some(element) = self.elements.pop() {
            self.tags.truncate(element.at);
        }
    }

    pub fn depth(&self) -> usize {
        self.elements.len()
    }

    /// The names from the innermost outwards.
    pub fn names(&self) -> impl Iterator<Item = Name<'_>> {
        self.elements.iter().rev().map(|element| {
            let written = &self.tags[element.at + 1..][..element.name_length];
            Name::new(written).in_space(element.space)
        })
    }

    /// The name of the innermost.
    pub fn innermost(&self) -> Option<&str> {
        self.elements.last().map(|element| &self.tags[element.at + 1..][..element.name_length])
    }

    pub fn tags(&self) -> &str {
        &self.tags
    }
}
