//! The texts that cells refer to.

use std::io;

use super::part::Archive;
use super::spill::Spill;
use super::xml::{Token, Xml};
use crate::{Damage, Spent};

/// Most bytes of texts that are held in memory.
const TEXT_MEMORY: usize = 24 << 20;
/// Most bytes of the texts' places, eight for each, that are held in memory.
const PLACE_MEMORY: usize = 8 << 20;

/// The shared texts of a workbook. How many a file says there are is not believed: they are counted.
pub(super) struct Strings {
    texts: Spill,
    /// Where each text ends.
    ends: Spill,
    /// One end, while it is read.
    end: Vec<u8>,
    count: u64,
}

impl Strings {
    pub(super) fn none() -> Self {
        Self::with_memory(TEXT_MEMORY, PLACE_MEMORY)
    }

    fn with_memory(texts: usize, places: usize) -> Self {
        Self { texts: Spill::new(texts), ends: Spill::new(places), end: Vec::new(), count: 0 }
    }

    /// Reads them from a part, and adds what that took to `spent`.
    ///
    /// # Errors
    /// The part is damaged, or there is no room for them.
    pub(super) fn read(archive: &Archive, name: &str, spent: &mut Spent) -> Result<Self, Damage> {
        let mut strings = Self::none();
        let mut xml = Xml::new(archive.part(name, *spent)?, name, archive.limits.depth_max);
        let mut text = Text::default();
        loop {
            match xml.next()? {
                Token::Start(tag) => text.begin(tag.name()),
                Token::Text(piece) => text.add(&piece),
                Token::End => {
                    if text.end() && xml.depth() == 1 {
                        strings.add(&unescape(&text.take())).map_err(|err| no_room(&err))?;
                    }
                }
                Token::Over => break,
            }
            if text.text.len() > archive.limits.record_bytes_max {
                return Err(xml.damage("a text is longer than a record may be (record_bytes_max)"));
            }
        }
        *spent = xml.spent();
        Ok(strings)
    }

    fn add(&mut self, text: &str) -> io::Result<()> {
        self.texts.append(text.as_bytes())?;
        self.ends.append(&self.texts.length().to_le_bytes())?;
        self.count += 1;
        Ok(())
    }

    fn end(&mut self, index: u64) -> io::Result<u64> {
        self.end.clear();
        self.ends.read(index * 8, 8, &mut self.end)?;
        let end = self.end.as_slice().try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
        Ok(u64::from_le_bytes(end))
    }

    /// Appends the text of this number to `into`; `false` if there is none.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn get(&mut self, index: u64, into: &mut Vec<u8>) -> Result<bool, Damage> {
        if index >= self.count {
            return Ok(false);
        }
        let mut read = || {
            let from = if index == 0 { 0 } else { self.end(index - 1)? };
            let length = usize::try_from(self.end(index)? - from).unwrap_or(usize::MAX);
            self.texts.read(from, length, into)
        };
        read().map_err(|err| no_room(&err))?;
        Ok(true)
    }
}

fn no_room(err: &io::Error) -> Damage {
    Damage(format!("the workbook's texts cannot be kept in a temporary file: {err}"))
}

/// Puts a text together from the runs that it is written in, and leaves out how it is pronounced.
#[derive(Default)]
pub(super) struct Text {
    pub(super) text: String,
    /// What stands open within it: whether each is text, and whether it is left out.
    open: Vec<(bool, bool)>,
}

impl Text {
    pub(super) fn begin(&mut self, name: &str) {
        let left_out = name == "rPh" || self.open.last().is_some_and(|(_, left_out)| *left_out);
        self.open.push((name == "t" && !left_out, left_out));
    }

    pub(super) fn add(&mut self, piece: &str) {
        if self.open.last().is_some_and(|(is_text, _)| *is_text) {
            self.text.push_str(piece);
        }
    }

    /// Whether anything stands open within it.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Ends what was begun last. Answers with whether there was anything.
    pub(super) fn end(&mut self) -> bool {
        self.open.pop().is_some()
    }

    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// Resolves `_xHHHH_`, which stands for a unit of UTF-16 that XML cannot hold.
pub(super) fn unescape(text: &str) -> String {
    let Some(first) = text.find("_x") else { return text.to_owned() };
    let mut out = text[..first].to_owned();
    let mut rest = &text[first..];
    while !rest.is_empty() {
        let mut units = Vec::new();
        while let Some(unit) = unit(rest) {
            units.push(unit);
            rest = &rest[7..];
        }
        out.extend(char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)));
        // The first character begins no escape.
        let next =
            rest.char_indices().skip(1).map(|(at, _)| at).find(|at| rest[*at..].starts_with("_x"));
        let plain = next.unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    out
}

/// The unit that is escaped at a text's beginning.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("_x")?.get(..4)?;
    let sound = digits.bytes().all(|digit| digit.is_ascii_hexdigit()) && text[6..].starts_with('_');
    if sound { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_once() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a_x000D_b", "a\rb"),
            ("_x005F_x000D_", "_x000D_"),
            ("_xD83D__xDE00_", "😀"),
            ("_xD83D_x", "\u{fffd}x"),
            ("_x00", "_x00"),
            ("_x00g0_", "_x00g0_"),
            ("__x0041_", "_A"),
            ("ü_x0041_ü", "üAü"),
            ("_xüü_", "_xüü_"),
            ("_x+041_", "_x+041_"),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }

    #[test]
    fn texts_are_found_by_number_in_memory_and_out_of_it() {
        for memory in [0, 100, 1 << 20] {
            let mut strings = Strings::with_memory(memory, memory);
            let texts: Vec<String> =
                (0..5000).map(|index| "ü".repeat(index % 7) + &index.to_string()).collect();
            for text in &texts {
                strings.add(text).unwrap();
            }
            for index in (0..5000).map(|index| index * 1001 % 5000) {
                let mut out = Vec::new();
                assert!(strings.get(index as u64, &mut out).unwrap());
                assert_eq!(out, texts[index].as_bytes());
            }
            assert!(!strings.get(5000, &mut Vec::new()).unwrap());
        }
    }
}
