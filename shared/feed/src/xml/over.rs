//! Passing over what is longer than it may be.

use memchr::{memchr, memchr3, memmem};

/// Passes over an element, or over one comment and the like, without keeping any of it.
pub(super) struct Over {
    inside: Inside,
    /// How many elements stand open, of those that are passed over.
    depth: usize,
    /// Whether it ends with the token it began with.
    token: bool,
}

/// What the place is in.
#[derive(Clone, Copy)]
enum Inside {
    Text,
    Comment,
    Cdata,
    Instruction,
    /// An end tag, or a declaration, up to its `>`.
    Markup,
    /// A start tag, outside quotes.
    Tag,
    Quoted(u8),
}

/// Where passing over has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// More must come.
    On,
    /// In front of the end tag of the element.
    BeforeEnd,
    /// Behind it all.
    Behind,
}

impl Over {
    /// An element, from its `<` on.
    pub fn element() -> Self {
        Self { inside: Inside::Text, depth: 0, token: false }
    }

    /// A comment, CDATA or instruction, from its `<` on.
    pub fn token() -> Self {
        Self { inside: Inside::Text, depth: 0, token: true }
    }

    /// Passes over text, and answers with how many bytes that were. The few that are not may mean something else
    /// with those that follow.
    pub fn pass(&mut self, text: &str) -> (usize, Passed) {
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let (length, next) = match self.inside {
                Inside::Text => match self.markup(rest) {
                    Markup::Begins { length, inside } => (length, Some(inside)),
                    Markup::End(length) if self.depth <= 1 && !self.token => {
                        return (at + length, Passed::BeforeEnd);
                    }
                    Markup::End(length) => {
                        self.depth -= 1;
                        (length, Some(Inside::Markup))
                    }
                    Markup::Unknown(length) => (length, None),
                },
                Inside::Comment => until(rest, b"-->"),
                Inside::Cdata => until(rest, b"]]>"),
                Inside::Instruction => until(rest, b"?>"),
                Inside::Markup => until(rest, b">"),
                Inside::Quoted(quote) => match memchr(quote, rest) {
                    Some(end) => (end + 1, Some(Inside::Tag)),
                    None => (rest.len(), None),
                },
                Inside::Tag => match memchr3(b'>', b'"', b'\'', rest) {
                    Some(end) if rest[end] == b'>' => {
                        let empty = end > 0 && rest[end - 1] == b'/';
                        if empty && self.depth == 0 {
                            return (at + end + 1, Passed::Behind);
                        }
                        self.depth += usize::from(!empty);
                        (end + 1, Some(Inside::Text))
                    }
                    Some(quote) => (quote + 1, Some(Inside::Quoted(rest[quote]))),
                    // A `/` at the end is looked at again with what follows.
                    None => (rest.len() - usize::from(rest.ends_with(b"/")), None),
                },
            };
            at += length;
            let Some(next) = next else { return (text.floor_char_boundary(at), Passed::On) };
            self.inside = next;
            if self.token && matches!(next, Inside::Text) {
                return (at, Passed::Behind);
            }
        }
    }

    /// What the next `<` begins.
    fn markup(&self, rest: &[u8]) -> Markup {
        let Some(at) = memchr(b'<', rest) else { return Markup::Unknown(rest.len()) };
        let rest = &rest[at..];
        for (beginning, inside) in [
            (&b"<!--"[..], Inside::Comment),
            (b"<![CDATA[", Inside::Cdata),
            (b"<?", Inside::Instruction),
        ] {
            if rest.starts_with(beginning) {
                return Markup::Begins { length: at + beginning.len(), inside };
            }
            if beginning.starts_with(rest) {
                return Markup::Unknown(at);
            }
        }
        match rest[1] {
            b'/' => Markup::End(at),
            b'!' => Markup::Begins { length: at + 1, inside: Inside::Markup },
            _ => Markup::Begins { length: at + 1, inside: Inside::Tag },
        }
    }
}

enum Markup {
    /// So many bytes up to and with its beginning.
    Begins { length: usize, inside: Inside },
    /// An end tag behind so many bytes.
    End(usize),
    /// It cannot be told yet what begins behind so many bytes.
    Unknown(usize),
}

/// Up to and with an end; without it, but for bytes that may be the beginning of one.
fn until(rest: &[u8], end: &[u8]) -> (usize, Option<Inside>) {
    match memmem::find(rest, end) {
        Some(at) => (at + end.len(), Some(Inside::Text)),
        None => (rest.len().saturating_sub(end.len() - 1), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELEMENT: &str = "<a x='>' y=\"/>'\"><b/><c>ü</c ><!-- </a> -- ><d> --><![CDATA[</a>]] >]]><?p </a>?><d/ ></d><e\n z='/'/></a>REST";

    /// Passes over a text that comes in pieces; answers with what is left of it.
    fn rest(mut over: Over, text: &str, size: usize, ends: Passed) -> String {
        let mut window = String::new();
        let characters: Vec<char> = text.chars().collect();
        let mut pieces = characters.chunks(size);
        while let Some(piece) = pieces.next() {
            window.extend(piece);
            let (length, passed) = over.pass(&window);
            window.drain(..length);
            if passed != Passed::On {
                assert_eq!(passed, ends);
                window.extend(pieces.flatten());
                return window;
            }
            assert!(window.len() <= 10, "{window} is kept");
        }
        panic!("no end of {text} in pieces of {size}");
    }

    #[test]
    fn an_element_ends_where_it_ends_in_pieces_of_every_size() {
        for size in 1..ELEMENT.len() {
            assert_eq!(rest(Over::element(), ELEMENT, size, Passed::BeforeEnd), "</a>REST");
            assert_eq!(rest(Over::element(), "<a b='/>' />REST", size, Passed::Behind), "REST");
            assert_eq!(rest(Over::element(), "<a></a>REST", size, Passed::BeforeEnd), "</a>REST");
        }
    }

    #[test]
    fn a_token_ends_where_it_ends() {
        for token in ["<!-- <a> - -- > -->", "<![CDATA[ ]] > ]]]]>", "<?php > ? >?>"] {
            for size in 1..token.len() {
                assert_eq!(
                    rest(Over::token(), &format!("{token}REST"), size, Passed::Behind),
                    "REST"
                );
            }
        }
    }
}
