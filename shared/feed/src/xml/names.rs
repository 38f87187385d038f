//! Names of elements and attributes, and the tags they stand in.

use quick_xml::events::attributes::Attributes;

/// A name as a file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'n> {
    /// With its prefix, if it has one.
    pub written: &'n str,
    /// Where in it the local name begins.
    local_at: usize,
    /// Which of the format's namespaces it is in.
    pub space: Option<u16>,
}

impl<'n> Name<'n> {
    /// A name of which is not known yet in which namespace it is.
    pub fn new(written: &'n str) -> Self {
        let local_at = written.bytes().position(|byte| byte == b':').map_or(0, |colon| colon + 1);
        Self { written, local_at, space: None }
    }

    /// The name, in a namespace that is known.
    pub fn in_space(self, space: Option<u16>) -> Self {
        Self { space, ..self }
    }

    pub fn local(&self) -> &'n str {
        &self.written[self.local_at..]
    }

    /// The prefix, empty if there is none.
    pub fn prefix(&self) -> &'n str {
        &self.written[..self.local_at.saturating_sub(1)]
    }

    pub fn has_prefix(&self) -> bool {
        self.local_at > 0
    }
}

/// What ends a name, or cannot stand in one though a reader of tags might think so.
static NOT_IN_NAMES: [bool; 256] = {
    let mut bytes = [false; 256];
    let not = b" \t\r\n\x0c\"'<>&=/";
    let mut at = 0;
    while at < not.len() {
        bytes[not[at] as usize] = true;
        at += 1;
    }
    bytes
};

/// A start tag in its parts: the name, and a text in which the attributes begin behind that.
#[derive(Clone, Copy)]
pub(super) struct Tag<'w> {
    pub name: &'w str,
    inside: &'w str,
}

impl<'w> Tag<'w> {
    /// By all of the tag from `<` to `>`. `None` if no name begins it.
    pub fn new(token: &'w str) -> Option<Self> {
        let inside = &token[1..token.len() - 1];
        let inside = inside.strip_suffix('/').unwrap_or(inside);
        let length =
            inside.bytes().position(|byte| NOT_IN_NAMES[byte as usize]).unwrap_or(inside.len());
        let (name, behind) = inside.split_at(length);
        let first = *name.as_bytes().first()?;
        let begins = first.is_ascii_alphabetic() || first >= 0x80 || first == b'_';
        let ends = behind.is_empty() || behind.starts_with(|c: char| c.is_ascii_whitespace());
        (begins && ends && !name.ends_with(':')).then_some(Self { name, inside })
    }

    /// A tag of which only the beginning came, as if it had no attributes.
    pub fn begun(token: &'w str) -> Option<Self> {
        let length = token.bytes().position(|byte| byte.is_ascii_whitespace() || byte == b'>')?;
        let tag = Self::new(&token[..=length])?;
        (!tag.name.is_empty()).then_some(tag)
    }

    pub fn has_attributes(&self) -> bool {
        self.inside.len() > self.name.len()
    }

    pub fn attributes(&self) -> Attributes<'w> {
        let mut attributes = Attributes::new(self.inside, self.name.len());
        attributes.with_checks(false);
        attributes
    }

    /// The namespaces that the tag declares: the attribute's name as it is written, and its value.
    pub fn declarations(&self) -> impl Iterator<Item = (&'w str, std::borrow::Cow<'w, str>)> {
        let any = self.has_attributes() && self.inside.contains("xmlns");
        let attributes = any.then(|| self.attributes());
        attributes
            .into_iter()
            .flatten()
            .flatten()
            .filter(|attribute| declared_prefix(attribute.key.0).is_some())
            .map(|attribute| (attribute.key.0, attribute.value))
    }
}

/// The prefix that an attribute declares the namespace of, empty for that of names without one.
pub(super) fn declared_prefix(attribute: &str) -> Option<&str> {
    match attribute.strip_prefix("xmlns")? {
        "" => Some(""),
        behind => behind.strip_prefix(':'),
    }
}
