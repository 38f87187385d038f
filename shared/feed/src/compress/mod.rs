//! Unpacking: gzip files and entries of zip files, piece by piece in bounded memory.
//!
//! What a file is packed by is told by its first bytes, not by its name or a header of the answer: both are
//! wrong often enough.

mod entry;
mod gzip;
mod inflate;
mod step;
mod zip;

use crate::{Damage, Limits, Notices};
use entry::EntryUnpacker;
use gzip::GzipUnpacker;
pub use inflate::Spent;
pub use step::{Packing, Restart, Unpacked};
pub use zip::{Directory, Entry, TAIL_BYTES, Tail, tail};

/// Unpacks one file, or one entry of a zip file.
#[derive(Debug)]
pub struct Unpacker(Kind);

#[derive(Debug)]
enum Kind {
    Plain,
    Gzip(Box<GzipUnpacker>),
    Entry(Box<EntryUnpacker>),
}

impl Unpacker {
    /// Passes bytes on as they are.
    #[must_use]
    pub fn plain() -> Self {
        Self(Kind::Plain)
    }

    /// Unpacks a gzip file from its beginning.
    #[must_use]
    pub fn gzip(limits: Limits) -> Self {
        Self::gzip_from(Restart { raw: 0, unpacked: 0 }, limits)
    }

    /// Unpacks a gzip file from the beginning of one of its members.
    #[must_use]
    pub fn gzip_from(from: Restart, limits: Limits) -> Self {
        Self(Kind::Gzip(Box::new(GzipUnpacker::new(from, limits))))
    }

    /// Unpacks an entry of a zip file. It is given the file's bytes from [`Entry::from`] on, until it
    /// [is done](Self::is_done). `spent` is what the entries before it took: the limits hold for all of them.
    #[must_use]
    pub fn entry(entry: &Entry, spent: Spent, limits: Limits) -> Self {
        Self(Kind::Entry(Box::new(EntryUnpacker::new(entry, spent, limits))))
    }

    /// Unpacks `raw` into the spare capacity of `out`, and no further: the caller decides on how much is held at a time.
    /// Without any, room for 64 KiB is made.
    ///
    /// # Errors
    /// The rest cannot be unpacked. What was before the damage is in `out`.
    pub fn push(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<Unpacked, Damage> {
        if out.len() == out.capacity() {
            out.reserve(64 << 10);
        }
        match &mut self.0 {
            Kind::Plain => {
                let taken = raw.len().min(out.capacity() - out.len());
                out.extend_from_slice(&raw[..taken]);
                Ok(Unpacked { taken, more: false })
            }
            Kind::Gzip(gzip) => gzip.push(raw, out),
            Kind::Entry(entry) => entry.push(raw, out),
        }
    }

    /// Says that the file has no more bytes.
    ///
    /// # Errors
    /// It ends too early.
    pub fn finish(&mut self) -> Result<(), Damage> {
        match &mut self.0 {
            Kind::Plain => Ok(()),
            Kind::Gzip(gzip) => gzip.finish(),
            Kind::Entry(entry) => entry.finish(),
        }
    }

    /// Whether nothing more can come, whatever is pushed: the end of a zip file's entry.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(&self.0, Kind::Entry(entry) if entry.is_done())
    }

    /// The last place at which unpacking can begin anew: where the last member of a gzip file began. `None` where
    /// it can begin from the front only, or, if the file is plain, anywhere.
    #[must_use]
    pub fn restart(&self) -> Option<Restart> {
        match &self.0 {
            Kind::Gzip(gzip) => Some(gzip.restart()),
            Kind::Plain | Kind::Entry(_) => None,
        }
    }

    /// What was taken and unpacked up to now, with what was spent before.
    #[must_use]
    pub fn spent(&self) -> Spent {
        match &self.0 {
            Kind::Plain => Spent::default(),
            Kind::Gzip(gzip) => gzip.spent(),
            Kind::Entry(entry) => entry.spent(),
        }
    }

    /// What was passed over since the last call.
    pub fn notices(&mut self) -> Notices {
        match &mut self.0 {
            Kind::Gzip(gzip) => std::mem::take(&mut gzip.notices),
            Kind::Plain | Kind::Entry(_) => Notices::default(),
        }
    }
}
