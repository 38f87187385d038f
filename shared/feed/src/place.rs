//! Where in a file to go on.

use std::collections::VecDeque;

use crate::Restart;

/// A member of a packed file is remembered as a place to begin anew if so many bytes lie between it and the last.
const RESTART_BYTES: u64 = 16 << 10;

/// Where in a file to go on behind a record. The same file read from there gives the records that follow it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The offset in the file, or in the bytes of a zip file's entry, as it lies there: of a gzip file that of the last
    /// member that is known to begin before the record's end.
    pub at: u64,
    /// How many bytes what stands before the offset unpacks to; 0 if nothing is packed.
    pub unpacked: u64,
    /// How many unpacked bytes to pass over from there; 0 if nothing is packed.
    pub pass: u64,
    /// How many records to pass over from there: 0 but where reading can begin at the front only.
    pub skip: u64,
    /// How many records of the file came, with this one.
    pub record: u64,
}

impl Place {
    /// Where unpacking is to begin, for [`Unpacker::gzip_from`](crate::Unpacker::gzip_from).
    #[must_use]
    pub fn restart(&self) -> Restart {
        Restart { raw: self.at, unpacked: self.unpacked }
    }

    pub(crate) fn is_front(&self) -> bool {
        self.at == 0 && self.pass == 0
    }

    /// Where the text that is to be read begins: in the file, or in what it unpacks to.
    pub(crate) fn text_at(&self, packed: bool) -> u64 {
        if packed { self.unpacked + self.pass } else { self.at }
    }
}

/// Where unpacking of a file can begin anew, in the order of the file.
pub(crate) struct Restarts(VecDeque<Restart>);

impl Restarts {
    pub fn new(from: Restart) -> Self {
        Self(VecDeque::from([from]))
    }

    /// Notes one behind those that are known.
    pub fn note(&mut self, restart: Restart) {
        if self.0.back().is_none_or(|last| restart.raw >= last.raw + RESTART_BYTES) {
            self.0.push_back(restart);
        }
    }

    /// The last one before a place in what is unpacked. The places that are asked of ascend.
    pub fn before(&mut self, unpacked: u64) -> Restart {
        while self.0.get(1).is_some_and(|next| next.unpacked <= unpacked) {
            self.0.pop_front();
        }
        self.0.front().copied().unwrap_or(Restart { raw: 0, unpacked: 0 })
    }
}
