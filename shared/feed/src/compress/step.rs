//! What a file is packed by, and how far it was unpacked.

/// What a file is packed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Nothing: its bytes are its text.
    Plain,
    /// gzip, of one or more members.
    Gzip,
    /// A zip file. Its [`Directory`](crate::Directory) stands at its end.
    Zip,
}

impl Packing {
    /// What a file with these `first` bytes is packed by. Four bytes are enough; a shorter file is plain, but
    /// for the beginning of a gzip file that was cut.
    #[must_use]
    pub fn of(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // An archive without entries begins with its directory's end.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ => Self::Plain,
        }
    }
}

/// How far a piece of a file was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
    /// How many bytes of the piece are done with.
    pub taken: usize,
    /// Whether there may be more to come of what was taken: then the room is used up, and what is left of the
    /// piece, even if that is nothing, is to be given again with new room.
    pub more: bool,
}

/// Where unpacking can begin anew, with [`Unpacker::gzip_from`](crate::Unpacker::gzip_from).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// The offset in the packed file.
    pub raw: u64,
    /// How many bytes were unpacked from what stands before it.
    pub unpacked: u64,
}
