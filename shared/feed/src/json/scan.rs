//! Where a value of JSON ends.

use memchr::memchr2;

/// Passes over one value, in pieces. It looks at strings and brackets only: what is between them is not checked.
#[derive(Debug)]
pub(super) struct Scan {
    inside: Inside,
    /// The closing brackets that are awaited.
    open: Vec<u8>,
    /// How many more brackets are open than are kept.
    deeper: usize,
    depth_max: usize,
    is_too_deep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// In front of it.
    Front,
    /// A number, a word, or what is none.
    Word,
    String,
    /// Behind a backslash.
    Escape,
    /// A list or an object.
    Brackets,
}

/// There is no telling where the value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    /// The place in the piece.
    pub(super) at: usize,
    pub(super) why: &'static str,
}

impl Scan {
    pub(super) fn new(depth_max: usize) -> Self {
        Self { inside: Inside::Front, open: Vec::new(), deeper: 0, depth_max, is_too_deep: false }
    }

    /// Whether more lists and objects stood within each other than may.
    pub(super) fn is_too_deep(&self) -> bool {
        self.is_too_deep
    }

    /// Where the value ends in `text`, which follows what was passed over before. `None` if it goes on: as a number
    /// may that nothing follows.
    pub(super) fn pass(&mut self, text: &[u8]) -> Result<Option<usize>, Broken> {
        let mut at = 0;
        while at < text.len() {
            match self.inside {
                Inside::String => {
                    let Some(next) = memchr2(b'"', b'\\', &text[at..]) else { return Ok(None) };
                    at += next + 1;
                    self.inside = match text[at - 1] {
                        b'\\' => Inside::Escape,
                        _ if self.open.is_empty() => return Ok(Some(at)),
                        _ => Inside::Brackets,
                    };
                }
                Inside::Escape => {
                    at += 1;
                    self.inside = Inside::String;
                }
                Inside::Word => match text[at..].iter().position(|byte| ends_word(*byte)) {
                    Some(length) => return Ok(Some(at + length)),
                    None => break,
                },
                Inside::Front | Inside::Brackets => {
                    at += 1;
                    if self.byte(text[at - 1]).map_err(|why| Broken { at: at - 1, why })? {
                        return Ok(Some(at));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes a byte outside strings and words. Answers with whether it was the value's last.
    fn byte(&mut self, byte: u8) -> Result<bool, &'static str> {
        match byte {
            b'"' => self.inside = Inside::String,
            b'{' | b'[' => {
                self.inside = Inside::Brackets;
                if self.open.len() < self.depth_max {
                    self.open.push(byte + 2);
                } else {
                    self.is_too_deep = true;
                    self.deeper += 1;
                }
            }
            b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' => match self.open.pop() {
                Some(awaited) if awaited == byte => return Ok(self.open.is_empty()),
                Some(b'}') => return Err("an object is closed by a bracket of a list"),
                Some(_) => return Err("a list is closed by a bracket of an object"),
                None => return Err("a bracket closes what was not opened"),
            },
            b',' | b':' if self.inside == Inside::Front => return Err("a value is missing"),
            _ if self.inside == Inside::Front => self.inside = Inside::Word,
            _ => {}
        }
        Ok(false)
    }
}

/// Whether a number or a word ends in front of this byte.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b',' | b':' | b']' | b'}' | b'[' | b'{' | b'"' | b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end_in_pieces_of_every_size() {
        for value in [
            r#"{"a":[1,{"b":"}]\"\\"}],"c":{}}"#,
            r#""a \" \\ ü""#,
            "-12.5e+7",
            "null",
            "[]",
            "[[[[[[1]]]],[[[]]]]]",
        ] {
            let text = format!("{value},rest");
            for piece in 1..=text.len() {
                let mut scan = Scan::new(3);
                let mut at = 0;
                let end = text.as_bytes().chunks(piece).find_map(|piece| {
                    let end = scan.pass(piece).unwrap().map(|end| at + end);
                    at += piece.len();
                    end
                });
                assert_eq!(end, Some(value.len()), "{value} in pieces of {piece}");
            }
        }
        assert_eq!(Scan::new(3).pass(b"12"), Ok(None));
        for (broken, at) in [("[}", 1), ("{]", 1), ("]", 0), (",", 0), ("[[1}", 3)] {
            assert_eq!(Scan::new(3).pass(broken.as_bytes()).unwrap_err().at, at, "{broken}");
        }
    }
}
