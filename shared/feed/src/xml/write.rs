//! A record as JSON, straight from slices of the window.

use super::{
    escape::{Space, escape},
    format::XmlFormat,
    record::{Content, NONE, Node, Record},
};

/// Writes a record as JSON, and answers with how many characters were left out that no XML may hold.
pub(super) fn write(record: &Record<'_>, format: &XmlFormat, out: &mut Vec<u8>) -> u64 {
    let mut writer = Writer { record, format, out, dropped: 0 };
    writer.object(&record.nodes[0]);
    writer.dropped
}

struct Writer<'r, 'w> {
    record: &'r Record<'w>,
    format: &'r XmlFormat,
    out: &'r mut Vec<u8>,
    dropped: u64,
}

impl<'r, 'w> Writer<'r, 'w> {
    fn object(&mut self, node: &'r Node<'w>) {
        self.out.push(b'{');
        let mut at = node.first;
        while let Some(child) = self.record.nodes.get(at as usize) {
            if !child.repeats {
                self.key(child);
                self.values(child);
                self.out.push(b',');
            }
            at = child.next;
        }
        if self.has_text(node) {
            self.out.extend_from_slice(b"\"#text\":");
            self.string(node);
            self.out.push(b',');
        }
        if self.out.last() == Some(&b',') {
            self.out.pop();
        }
        self.out.push(b'}');
    }

    fn key(&mut self, node: &Node<'_>) {
        self.out.push(b'"');
        if node.attribute {
            self.out.push(b'@');
        }
        match node.name.space {
            Some(space) => {
                self.out.extend_from_slice(self.format.prefixes[space as usize].as_bytes());
                self.out.push(b':');
                escape(node.name.local(), Space::Lines, self.out);
            }
            None if node.by_written => _ = escape(node.name.written, Space::Lines, self.out),
            None => _ = escape(node.name.local(), Space::Lines, self.out),
        }
        self.out.extend_from_slice(b"\":");
    }

    /// One value, or the list of all that have the key. Of an attribute that is there twice the first is taken.
    fn values(&mut self, node: &'r Node<'w>) {
        if node.attribute || (node.twin == NONE && !node.list) {
            return self.value(node);
        }
        self.out.push(b'[');
        self.value(node);
        let mut twin = node.twin;
        while let Some(node) = self.record.nodes.get(twin as usize) {
            self.out.push(b',');
            self.value(node);
            twin = node.twin;
        }
        self.out.push(b']');
    }

    fn value(&mut self, node: &'r Node<'w>) {
        if node.nil {
            self.out.extend_from_slice(b"null");
        } else if node.first == NONE {
            self.string(node);
        } else {
            self.object(node);
        }
    }

    fn has_text(&self, node: &Node<'_>) -> bool {
        let mut at = node.text;
        while let Some(piece) = self.record.pieces.get(at as usize) {
            if !piece.content.is_blank() {
                return true;
            }
            at = piece.next;
        }
        false
    }

    /// The text of a node, of an element without white space at its ends.
    fn string(&mut self, node: &Node<'_>) {
        self.out.push(b'"');
        match self.record.pieces.get(node.text as usize) {
            None => {}
            Some(piece) if piece.next == NONE => {
                self.content(&piece.content, !node.attribute, !node.attribute)
            }
            Some(_) => self.pieces(node),
        }
        self.out.push(b'"');
    }

    fn pieces(&mut self, node: &Node<'_>) {
        let pieces = &self.record.pieces;
        let trim = !node.attribute;
        let (mut first, mut last) = (NONE, NONE);
        let mut at = node.text;
        while let Some(piece) = pieces.get(at as usize) {
            if !trim || !piece.content.is_blank() {
                last = at;
                if first == NONE {
                    first = at;
                }
            }
            at = piece.next;
        }
        at = first;
        while let Some(piece) = pieces.get(at as usize) {
            self.content(&piece.content, trim && at == first, trim && at == last);
            if at == last {
                break;
            }
            at = piece.next;
        }
    }

    fn content(&mut self, content: &Content<'_>, trim_start: bool, trim_end: bool) {
        match content {
            Content::Text(text, space) => {
                let text = if trim_start { text.trim_ascii_start() } else { text };
                let text = if trim_end { text.trim_ascii_end() } else { text };
                self.dropped += escape(text, *space, self.out);
            }
            Content::Character(character) => {
                escape(character.encode_utf8(&mut [0; 4]), Space::Kept, self.out);
            }
        }
    }
}

impl Content<'_> {
    fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text, _) if text.trim_ascii_start().is_empty())
    }
}
