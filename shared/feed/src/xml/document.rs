//! What stands around the records.

use std::sync::Arc;

use super::{
    format::XmlFormat,
    names::{Name, Tag},
    open::Open,
    scopes::Scopes,
};
use crate::format::CONTEXT_BYTES_MAX;

/// The elements and namespaces around a place in a document. What cannot be is told in half a line.
pub(super) struct Document {
    pub format: Arc<XmlFormat>,
    pub open: Open,
    pub scopes: Scopes,
    /// Whether more namespaces were declared than are looked at.
    pub crowded: bool,
    stage: Stage,
    depth_max: usize,
    /// Whether the element that records stand in was there.
    parent_seen: bool,
    /// The tags around the records that the last reading found.
    context: String,
}

/// Where in the document a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Within,
    Behind,
}

/// What a start tag outside records begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    Element,
    Record,
}

impl Document {
    pub fn new(format: Arc<XmlFormat>, depth_max: usize) -> Self {
        Self {
            format,
            open: Open::default(),
            scopes: Scopes::default(),
            crowded: false,
            stage: Stage::Before,
            depth_max,
            parent_seen: false,
            context: String::new(),
        }
    }

    /// The tags that were entered are the context of a record, and reading goes on behind that.
    pub fn resume(&mut self) {
        self.stage = if self.open.depth() == 0 { Stage::Behind } else { Stage::Within };
        self.parent_seen = true;
        self.context.push_str(self.open.tags());
    }

    /// A start tag outside records. If it begins a record it is not entered, but its namespaces are.
    pub fn enter(&mut self, tag: &Tag<'_>) -> Result<Begins, String> {
        if self.stage == Stage::Behind {
            return Err(format!("<{}> stands behind the end of the root element", tag.name));
        }
        self.stage = Stage::Within;
        self.enter_scope(tag, 0);
        let name = self.scopes.element(tag.name, &self.format);
        if self.fits(name, 0) {
            self.parent_seen = true;
            return Ok(Begins::Record);
        }
        self.parent_seen |= self.format.record.len() > 1 && self.fits(name, 1);
        if self.open.depth() >= self.depth_max {
            return Err(format!(
                "elements stand within each other more than {} deep",
                self.depth_max
            ));
        }
        self.push(tag)?;
        Ok(Begins::Element)
    }

    /// Opens an element, whatever it is.
    pub fn push(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        let name = self.scopes.element(tag.name, &self.format);
        if self.open.enter(tag, name) {
            Ok(())
        } else {
            Err("the tags around the records are too long".to_owned())
        }
    }

    /// Takes the namespaces of a tag that stands so deep in a record.
    pub fn enter_scope(&mut self, tag: &Tag<'_>, depth: usize) {
        self.crowded |= !self.scopes.enter(tag, self.open.depth() + depth, &self.format);
    }

    /// Leaves the namespaces of elements of a record, of which so many stand open still.
    pub fn leave_scope(&mut self, depth: usize) {
        self.scopes.leave(self.open.depth() + depth);
    }

    /// Closes the innermost element.
    pub fn leave(&mut self) {
        self.open.leave();
        self.leave_scope(0);
        self.close_root();
    }

    /// An element closed, or a record: if it was the outermost one, the document is at its end.
    pub fn close_root(&mut self) {
        if self.open.depth() == 0 {
            self.stage = Stage::Behind;
        }
    }

    /// A record begins. Answers `false` if it stands elsewhere than those that were `found` just now.
    pub fn take_context(&mut self, found: bool) -> bool {
        if self.context == self.open.tags() {
            return true;
        }
        if !found {
            self.context.clear();
            self.context.push_str(self.open.tags());
        }
        !found
    }

    /// The tags around the records, unless they are too long.
    pub fn context(&self) -> Option<String> {
        (self.context.len() <= CONTEXT_BYTES_MAX).then(|| self.context.clone())
    }

    /// Text outside records: it matters only outside the root element, where there is none.
    pub fn text(&self, text: &str) -> Result<(), String> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
        if self.stage == Stage::Within || text.is_empty() {
            return Ok(());
        }
        let shown: String = text.chars().take(40).collect();
        Err(match self.stage {
            Stage::Before => format!("no XML: it begins with {shown:?}"),
            _ => format!("{shown:?} stands behind the end of the root element"),
        })
    }

    /// CDATA outside records.
    pub fn cdata(&self) -> Result<(), String> {
        if self.stage == Stage::Within {
            Ok(())
        } else {
            Err("text outside the root element".to_owned())
        }
    }

    /// An external document type says nothing that is needed. One with declarations of its own can make a text of any
    /// size out of a small file.
    pub fn document_type(&self, token: &str) -> Result<(), String> {
        if has_internal_subset(token) {
            return Err("a document type with declarations of its own is refused".to_owned());
        }
        if self.stage != Stage::Before {
            return Err(
                "a document type stands behind the beginning of the root element".to_owned()
            );
        }
        Ok(())
    }

    /// The end of the file, `in_record` or not. Answers with whether records would have been found if there were any.
    pub fn end(&self, in_record: bool) -> Result<bool, String> {
        match self.stage {
            Stage::Before => Err("no XML: there is nothing in it".to_owned()),
            _ if in_record => Err("the file ends inside a record".to_owned()),
            Stage::Within => {
                Err(format!("the file ends inside <{}>", self.open.innermost().unwrap_or_default()))
            }
            Stage::Behind => Ok(self.parent_seen || self.format.record.len() == 1),
        }
    }

    fn fits(&self, name: Name<'_>, above: usize) -> bool {
        self.format.record.fits(above, std::iter::once(name).chain(self.open.names()))
    }
}

/// Whether a document type has `[`, outside its quotes.
fn has_internal_subset(document_type: &str) -> bool {
    let mut quote = None;
    document_type.bytes().any(|byte| {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
        byte == b'[' && quote.is_none()
    })
}
