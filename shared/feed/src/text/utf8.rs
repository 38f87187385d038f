//! UTF-8 that comes in pieces.

use super::offsets::Offsets;

/// Checks UTF-8 once, and copies it once: into the window.
#[derive(Default)]
pub(super) struct Utf8 {
    /// The beginning of a character that the last piece broke off in.
    rest: [u8; 3],
    rest_length: usize,
    /// Bytes written so far.
    text: u64,
    /// Bytes of the file they came from.
    raw: u64,
}

impl Utf8 {
    /// Begins at an offset of the file.
    pub fn at(raw: u64) -> Self {
        Self { raw, ..Self::default() }
    }

    /// Appends a piece, and answers with how many sequences were replaced.
    pub fn push(&mut self, mut piece: &[u8], window: &mut String, offsets: &mut Offsets) -> u64 {
        let mut replaced = 0;
        while self.rest_length > 0
            && let Some((next, behind)) = piece.split_first()
        {
            let mut character = [0; 4];
            character[..self.rest_length].copy_from_slice(&self.rest[..self.rest_length]);
            character[self.rest_length] = *next;
            match std::str::from_utf8(&character[..=self.rest_length]) {
                Ok(whole) => {
                    self.write(whole, window);
                    self.rest_length = 0;
                    piece = behind;
                }
                Err(error) if error.error_len().is_none() => {
                    self.rest[self.rest_length] = *next;
                    self.rest_length += 1;
                    piece = behind;
                }
                Err(_) => replaced += self.replace_rest(window, offsets),
            }
        }
        let (mut piece, rest) = piece.split_at(piece.len() - broken_off(piece));
        loop {
            match std::str::from_utf8(piece) {
                Ok(sound) => {
                    self.write(sound, window);
                    break;
                }
                Err(error) => {
                    let (sound, behind) = piece.split_at(error.valid_up_to());
                    self.write(&String::from_utf8_lossy(sound), window);
                    let length = error.error_len().unwrap_or(behind.len());
                    self.replace(length, window, offsets);
                    replaced += 1;
                    piece = &behind[length..];
                }
            }
        }
        // The bytes of a character that was completed or replaced above are gone: there is room for these.
        if !rest.is_empty() {
            self.rest[..rest.len()].copy_from_slice(rest);
            self.rest_length = rest.len();
        }
        replaced
    }

    /// No more comes: a character that was broken off is replaced. Answers with how many that were.
    pub fn finish(&mut self, window: &mut String, offsets: &mut Offsets) -> u64 {
        if self.rest_length > 0 { self.replace_rest(window, offsets) } else { 0 }
    }

    fn write(&mut self, sound: &str, window: &mut String) {
        window.push_str(sound);
        self.text += sound.len() as u64;
        self.raw += sound.len() as u64;
    }

    fn replace_rest(&mut self, window: &mut String, offsets: &mut Offsets) -> u64 {
        self.replace(self.rest_length, window, offsets);
        self.rest_length = 0;
        1
    }

    fn replace(&mut self, length: usize, window: &mut String, offsets: &mut Offsets) {
        window.push(char::REPLACEMENT_CHARACTER);
        self.text += char::REPLACEMENT_CHARACTER.len_utf8() as u64;
        self.raw += length as u64;
        offsets.replaced(self.text, self.raw);
    }
}

/// How many bytes at the end are the beginning of a character.
fn broken_off(piece: &[u8]) -> usize {
    let beginning = |length: &usize| {
        let (_, end) = piece.split_at(piece.len() - length);
        end[0] >= 0xC0
            && std::str::from_utf8(end)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=piece.len().min(3)).find(beginning).unwrap_or(0)
}
