//! One record's elements, attributes and text, as slices of the window.

use memchr::memchr;

use super::{
    escape::Space,
    format::XmlFormat,
    names::{Name, Tag, declared_prefix},
    references::{Referred, pair, refer},
    scopes::Scopes,
};

/// Most elements, attributes and pieces of text of a record: some 10 MiB of memory.
const PARTS_MAX: usize = 1 << 17;
/// Most elements within one that are compared with each other one by one; more are sorted.
const COMPARED_MAX: u32 = 16;
/// No node, or no piece.
pub(super) const NONE: u32 = u32::MAX;

/// An element or an attribute.
#[derive(Debug)]
pub(super) struct Node<'w> {
    pub name: Name<'w>,
    pub attribute: bool,
    pub nil: bool,
    /// Whether it is a list even if it is one of its kind.
    pub list: bool,
    /// Whether its key is its name as it is written, prefix and all.
    pub by_written: bool,
    /// Whether one before it has the same key.
    pub repeats: bool,
    /// The next with the same key.
    pub twin: u32,
    parent: u32,
    /// Its first attribute or element, and each one's next.
    pub first: u32,
    pub next: u32,
    last: u32,
    count: u32,
    /// Its first piece of text.
    pub text: u32,
    text_last: u32,
}

/// A piece of text.
#[derive(Debug)]
pub(super) struct Piece<'w> {
    pub content: Content<'w>,
    pub next: u32,
}

#[derive(Debug)]
pub(super) enum Content<'w> {
    Text(&'w str, Space),
    Character(char),
}

/// What was mended within a record.
#[derive(Debug, Default)]
pub(super) struct Mended {
    pub dropped: u64,
    pub entities: u64,
    pub literal: u64,
    /// Two elements of one parent differ by an undeclared prefix alone.
    pub prefixes: bool,
    /// An element has an attribute twice.
    pub attributes: bool,
}

/// What an end tag did.
pub(super) enum Closed {
    Within,
    Record,
    /// It names another element than the one that is open.
    Mismatch,
}

/// The record that is being read. Its first node is the record's element.
#[derive(Default)]
pub(super) struct Record<'w> {
    pub nodes: Vec<Node<'w>>,
    pub pieces: Vec<Piece<'w>>,
    pub fault: Option<Box<str>>,
    pub mended: Mended,
    current: u32,
    /// How many elements stand open, the record's own among them.
    depth: usize,
    /// How many of them are not taken, since the record is at fault.
    over: usize,
    /// The first half of a pair of UTF-16 that a reference stood for.
    high: Option<u32>,
    order: Vec<u32>,
}

impl<'w> Record<'w> {
    /// Begins with a record's element.
    pub fn begin(&mut self, tag: &Tag<'w>, scopes: &Scopes, format: &XmlFormat) {
        self.nodes.clear();
        self.pieces.clear();
        self.fault = None;
        self.mended = Mended::default();
        (self.current, self.depth, self.over, self.high) = (NONE, 0, 0, None);
        self.open(tag, scopes, format, 1);
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    /// An element opens. Below `depth_max` elements the record is at fault.
    pub fn open(&mut self, tag: &Tag<'w>, scopes: &Scopes, format: &XmlFormat, depth_max: usize) {
        self.end_half();
        self.depth += 1;
        if self.depth > depth_max {
            self.at_fault(|| {
                format!("elements stand within each other more than {depth_max} deep")
            });
        }
        if self.over > 0 || self.fault.is_some() || !self.room() {
            self.over += 1;
            return;
        }
        let element = self.add(scopes.element(tag.name, format), false);
        self.current = element;
        if self.depth > 1 && !format.lists.is_empty() {
            let listed = format
                .lists
                .iter()
                .any(|list| list.len() == self.depth - 1 && list.fits(0, self.names()));
            self.nodes[element as usize].list = listed;
        }
        if tag.has_attributes() {
            self.attributes(element, tag, scopes, format);
        }
    }

    /// The innermost element closes by an end tag, or by its own with no name given.
    pub fn close(&mut self, name: Option<&str>) -> Closed {
        self.end_half();
        self.depth -= 1;
        if self.over > 0 {
            self.over -= 1;
        } else {
            let node = &self.nodes[self.current as usize];
            if name.is_some_and(|name| name != node.name.written) {
                return Closed::Mismatch;
            }
            let (closed, parent, count) = (self.current, node.parent, node.count);
            if count > 1 {
                self.find_twins(closed, count);
            }
            self.current = parent;
        }
        if self.depth == 0 { Closed::Record } else { Closed::Within }
    }

    /// The name of the innermost element, if it was taken.
    pub fn innermost(&self) -> &'w str {
        self.nodes.get(self.current as usize).map_or("", |node| node.name.written)
    }

    /// Text of the innermost element.
    pub fn text(&mut self, text: &'w str) {
        self.end_half();
        if self.over == 0
            && !(self.nodes[self.current as usize].text == NONE
                && text.trim_ascii_start().is_empty())
        {
            self.add_text(self.current, Content::Text(text, Space::Lines));
        }
    }

    /// A `&` that begins no reference, with the text behind it.
    pub fn ampersand(&mut self, text: &'w str) {
        self.mended.literal += 1;
        self.text(text);
    }

    /// A reference within the innermost element, from its `&` to its `;`.
    pub fn reference(&mut self, reference: &'w str) {
        if self.over == 0 {
            self.refer(self.current, reference, Space::Lines);
        }
    }

    /// Notes why the record cannot be used; the first reason stands.
    pub fn at_fault(&mut self, why: impl FnOnce() -> String) {
        if self.fault.is_none() {
            self.fault = Some(why().into());
        }
    }

    fn attributes(&mut self, element: u32, tag: &Tag<'w>, scopes: &Scopes, format: &XmlFormat) {
        for attribute in tag.attributes() {
            let (key, value) = match attribute.map(|attribute| (attribute.key.0, attribute.value)) {
                Ok((key, std::borrow::Cow::Borrowed(value))) => (key, value),
                Ok(_) => continue,
                Err(error) => {
                    return self.at_fault(|| {
                        format!("<{}> has attributes that are none: {error}", tag.name)
                    });
                }
            };
            if declared_prefix(key).is_some() {
                continue;
            }
            let name = scopes.attribute(key, format);
            if name.has_prefix() && name.local() == "nil" {
                self.nodes[element as usize].nil = matches!(value.trim_ascii(), "true" | "1");
                continue;
            }
            if !self.room() {
                return;
            }
            let attribute = self.add(name, true);
            self.value(attribute, value);
        }
    }

    /// The value of an attribute: text with references in it.
    fn value(&mut self, attribute: u32, mut value: &'w str) {
        while let Some(at) = memchr(b'&', value.as_bytes()) {
            let (before, behind) = value.split_at(at);
            if !before.is_empty() {
                self.end_half();
                self.add_text(attribute, Content::Text(before, Space::Blanks));
            }
            let end = behind
                .bytes()
                .skip(1)
                .position(|byte| matches!(byte, b';' | b'&'))
                .map(|end| end + 1);
            let length = match end {
                Some(end) if behind.as_bytes()[end] == b';' => {
                    self.refer(attribute, &behind[..=end], Space::Blanks);
                    end + 1
                }
                end => {
                    let length = end.unwrap_or(behind.len());
                    self.end_half();
                    self.mended.literal += 1;
                    self.add_text(attribute, Content::Text(&behind[..length], Space::Blanks));
                    length
                }
            };
            value = &behind[length..];
        }
        self.end_half();
        if !value.is_empty() {
            self.add_text(attribute, Content::Text(value, Space::Blanks));
        }
    }

    fn refer(&mut self, node: u32, reference: &'w str, space: Space) {
        let high = self.high.take();
        let referred = refer(&reference[1..reference.len() - 1]);
        if let (Some(high), Referred::Low(low)) = (high, &referred) {
            if let Some(character) = pair(high, *low) {
                self.add_text(node, Content::Character(character));
            }
            return;
        }
        self.mended.dropped += u64::from(high.is_some());
        match referred {
            Referred::Character(character) => self.add_text(node, Content::Character(character)),
            Referred::Named(character) => {
                self.mended.entities += 1;
                self.add_text(node, Content::Character(character));
            }
            Referred::High(high) => self.high = Some(high),
            Referred::Low(_) | Referred::Nothing => self.mended.dropped += 1,
            Referred::Unknown => {
                self.mended.literal += 1;
                self.add_text(node, Content::Text(reference, space));
            }
        }
    }

    /// Half of a pair that no other half followed is no character.
    fn end_half(&mut self) {
        self.mended.dropped += u64::from(self.high.take().is_some());
    }

    /// Whether there is room for one part more. Without it the record is at fault.
    fn room(&mut self) -> bool {
        let room = self.nodes.len() + self.pieces.len() < PARTS_MAX;
        if !room {
            self.at_fault(|| {
                format!("more than {PARTS_MAX} elements, attributes and pieces of text")
            });
        }
        room
    }

    fn add(&mut self, name: Name<'w>, attribute: bool) -> u32 {
        let index = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        let parent = self.current;
        self.nodes.push(Node {
            name,
            attribute,
            nil: false,
            list: false,
            by_written: false,
            repeats: false,
            twin: NONE,
            parent,
            first: NONE,
            next: NONE,
            last: NONE,
            count: 0,
            text: NONE,
            text_last: NONE,
        });
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.count += 1;
            let before = std::mem::replace(&mut parent.last, index);
            if before == NONE {
                parent.first = index;
            } else {
                self.nodes[before as usize].next = index;
            }
        }
        index
    }

    fn add_text(&mut self, node: u32, content: Content<'w>) {
        if !self.room() {
            return;
        }
        let index = u32::try_from(self.pieces.len()).unwrap_or(NONE);
        self.pieces.push(Piece { content, next: NONE });
        let node = &mut self.nodes[node as usize];
        let before = std::mem::replace(&mut node.text_last, index);
        if before == NONE {
            node.text = index;
        } else {
            self.pieces[before as usize].next = index;
        }
    }

    /// The names from the innermost element outwards, without the record's.
    fn names(&self) -> impl Iterator<Item = Name<'w>> {
        let up = |node: &&Node<'w>| self.nodes.get(node.parent as usize);
        std::iter::successors(self.nodes.get(self.current as usize), up).map(|node| node.name)
    }

    /// Links those within an element that have the same key.
    fn find_twins(&mut self, element: u32, count: u32) {
        if count > COMPARED_MAX || !self.compare(element) {
            self.sort(element);
        }
    }

    /// Links by comparing each with those before it. Answers `false`, with nothing linked, where prefixes differ.
    fn compare(&mut self, element: u32) -> bool {
        let mut heads = [(NONE, NONE); COMPARED_MAX as usize];
        let mut length = 0;
        let mut at = self.nodes[element as usize].first;
        let first = at;
        while at != NONE {
            let node = &self.nodes[at as usize];
            let next = node.next;
            // Those of a list stand one behind the other as a rule: the last key is looked at first.
            let same = heads[..length]
                .iter()
                .rposition(|(head, _)| same_name(&self.nodes[*head as usize], node));
            match same {
                Some(same) => {
                    let (head, last) = heads[same];
                    if node.name.space.is_none()
                        && self.nodes[head as usize].name.prefix() != node.name.prefix()
                    {
                        self.unlink(first);
                        return false;
                    }
                    self.link(last, at);
                    heads[same].1 = at;
                }
                None => {
                    heads[length] = (at, at);
                    length += 1;
                }
            }
            at = next;
        }
        true
    }

    fn unlink(&mut self, mut at: u32) {
        while let Some(node) = self.nodes.get_mut(at as usize) {
            (node.twin, node.repeats, at) = (NONE, false, node.next);
        }
    }

    /// Links by sorting, and gives those that differ by an undeclared prefix alone the names as they are written.
    fn sort(&mut self, element: u32) {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let nodes = &self.nodes;
        let mut at = nodes[element as usize].first;
        while let Some(node) = nodes.get(at as usize) {
            order.push(at);
            at = node.next;
        }
        order.sort_unstable_by_key(|at| {
            let node = &nodes[*at as usize];
            let prefix = if node.name.space.is_none() { node.name.prefix() } else { "" };
            (node.attribute, node.name.space, node.name.local(), prefix, *at)
        });
        let mut head = order[0];
        for pair in order.windows(2) {
            let (before, at) = (&self.nodes[head as usize], &self.nodes[pair[1] as usize]);
            if !same_name(before, at) {
                head = pair[1];
            } else if at.name.space.is_some() || before.name.prefix() == at.name.prefix() {
                self.link(pair[0], pair[1]);
            } else {
                self.mended.prefixes = true;
                let prefixed = before.name.has_prefix();
                self.nodes[head as usize].by_written = prefixed;
                self.nodes[pair[1] as usize].by_written = true;
                head = pair[1];
            }
        }
        self.order = order;
    }

    fn link(&mut self, before: u32, at: u32) {
        self.mended.attributes |= self.nodes[at as usize].attribute;
        self.nodes[at as usize].repeats = true;
        self.nodes[before as usize].twin = at;
    }
}

/// Whether two have the same key, as far as prefixes do not matter.
fn same_name(one: &Node<'_>, other: &Node<'_>) -> bool {
    one.attribute == other.attribute
        && one.name.space == other.name.space
        && one.name.local() == other.name.local()
}
