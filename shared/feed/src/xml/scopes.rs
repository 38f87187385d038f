//! The namespaces that names are in.

use super::{
    format::XmlFormat,
    names::{Name, Tag, declared_prefix},
};

/// Most declarations of namespaces that hold at one place; what more there are is not looked at.
const BINDINGS_MAX: usize = 256;

/// The declarations of namespaces that hold at a place.
#[derive(Default)]
pub(super) struct Scopes {
    bindings: Vec<Binding>,
}

struct Binding {
    prefix: Box<str>,
    space: Option<u16>,
    /// How many elements stood open around the one that declares it.
    depth: usize,
}

impl Scopes {
    /// Takes the declarations of a tag, around which `depth` elements stand open. Answers with whether there was room
    /// for all of them.
    pub fn enter(&mut self, tag: &Tag<'_>, depth: usize, format: &XmlFormat) -> bool {
        if format.prefixes.is_empty() {
            return true;
        }
        for (attribute, uri) in tag.declarations() {
            if self.bindings.len() == BINDINGS_MAX {
                return false;
            }
            let uri = uri.trim().replace("&amp;", "&");
            let space = format
                .uris
                .iter()
                .position(|known| **known == *uri)
                .and_then(|space| u16::try_from(space).ok());
            let prefix = declared_prefix(attribute).unwrap_or_default().into();
            self.bindings.push(Binding { prefix, space, depth });
        }
        true
    }

    /// Elements were left: `depth` stand open still.
    pub fn leave(&mut self, depth: usize) {
        while self.bindings.last().is_some_and(|binding| binding.depth >= depth) {
            self.bindings.pop();
        }
    }

    /// The name of an element with its namespace.
    pub fn element<'n>(&self, written: &'n str, format: &XmlFormat) -> Name<'n> {
        let mut name = Name::new(written);
        if !format.prefixes.is_empty() {
            name.space = self.space(name.prefix(), format);
        }
        name
    }

    /// The name of an attribute with its namespace: without a prefix it is in none.
    pub fn attribute<'n>(&self, written: &'n str, format: &XmlFormat) -> Name<'n> {
        let mut name = Name::new(written);
        if name.has_prefix() && !format.prefixes.is_empty() {
            name.space = self.space(name.prefix(), format);
        }
        name
    }

    /// Which of the format's namespaces a prefix stands for. A prefix that the file never declares, as happens, is
    /// taken for the format's own.
    fn space(&self, prefix: &str, format: &XmlFormat) -> Option<u16> {
        match self.bindings.iter().rev().find(|binding| *binding.prefix == *prefix) {
            Some(binding) => binding.space,
            None => format
                .prefixes
                .iter()
                .position(|known| **known == *prefix)
                .and_then(|space| u16::try_from(space).ok()),
        }
    }
}
