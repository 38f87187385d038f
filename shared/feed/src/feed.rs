//! A file from its bytes to its records.

use crate::{
    Damage, Limits, Notices, Place, Record, RecordReader, Unpacker,
    cutter::Cutter,
    place::Restarts,
    text::{Charset, Encoding, Transcoder},
};

/// At most so many bytes are taken in at once, whatever the size of a piece; and so many are unpacked at a time.
const STEP_BYTES: usize = 64 << 10;

/// Reads a file whose bytes are pushed, in pieces of any size.
///
/// Memory: text is collected to 256 KiB before it is read, and further only while a record is not complete, to the
/// longest record allowed and 192 KiB at most; a `String` may have twice the room it needs. A reader that found
/// nothing is asked again when twice as much came, so the time is linear in the file however long its records are.
/// Besides that there are 64 KiB of unpacked bytes, and what the [reader](RecordReader) of the format needs.
pub struct FileReader {
    unpacker: Option<Unpacker>,
    unpacked: Vec<u8>,
    /// How many unpacked bytes there are to pass over.
    pass: u64,
    cutter: Cutter,
    end: End,
}

enum End {
    Open,
    Sound,
    Damaged(Damage),
}

impl FileReader {
    /// Reads a file from its first byte on. It is unpacked if an `unpacker` is given.
    #[must_use]
    pub fn new(
        reader: Box<dyn RecordReader>,
        unpacker: Option<Unpacker>,
        charset: Charset,
        limits: Limits,
    ) -> Self {
        Self::begin(reader, unpacker, Transcoder::new(charset), Place::default(), limits)
    }

    /// Goes on behind a record: the bytes of the file from [`Place::at`] on are to be pushed.
    ///
    /// The `reader` is one that was told the record's context, if it has one, and the `encoding` the one that was
    /// [found](Self::encoding) then. The unpacker of a packed file begins [there](Place::restart), too.
    #[must_use]
    pub fn resume(
        reader: Box<dyn RecordReader>,
        unpacker: Option<Unpacker>,
        encoding: &'static Encoding,
        place: Place,
        limits: Limits,
    ) -> Self {
        let text = if place.is_front() {
            Transcoder::new(Charset { forced: Some(encoding), transfer: None })
        } else {
            Transcoder::resume(encoding, place.text_at(unpacker.is_some()))
        };
        Self::begin(reader, unpacker, text, place, limits)
    }

    fn begin(
        reader: Box<dyn RecordReader>,
        unpacker: Option<Unpacker>,
        text: Transcoder,
        from: Place,
        limits: Limits,
    ) -> Self {
        let restarts = unpacker.as_ref().map(|_| Restarts::new(from.restart()));
        Self {
            unpacked: Vec::with_capacity(if unpacker.is_some() { STEP_BYTES } else { 0 }),
            unpacker,
            pass: from.pass,
            cutter: Cutter::new(text, reader, restarts, from, limits.record_bytes_max),
            end: End::Open,
        }
    }

    /// Takes in a piece of the file, and appends the records that it completes.
    ///
    /// # Errors
    /// The rest of the file cannot be read. What stands before the damage was appended.
    pub fn push(&mut self, piece: &[u8], records: &mut Vec<Record>) -> Result<(), Damage> {
        self.while_open(|feed| {
            piece.chunks(STEP_BYTES).try_for_each(|step| {
                if feed.unpacker.is_some() {
                    feed.unpack(step, records)
                } else {
                    feed.cutter.push(step, records)
                }
            })
        })
    }

    /// Appends the records that stand whole in what came so far, however little that is: for a file that comes slowly.
    ///
    /// # Errors
    /// The rest of the file cannot be read. What stands before the damage was appended.
    pub fn read_now(&mut self, records: &mut Vec<Record>) -> Result<(), Damage> {
        self.while_open(|feed| feed.cutter.read_now(records))
    }

    /// Says that the file has no more bytes, and appends the records that are left.
    ///
    /// # Errors
    /// It ends too early, or has a damage at its end.
    pub fn finish(&mut self, records: &mut Vec<Record>) -> Result<(), Damage> {
        self.while_open(|feed| {
            if let Some(Err(damage)) = feed.unpacker.as_mut().map(Unpacker::finish) {
                return feed.break_off(&damage, records);
            }
            feed.cutter.finish(records)?;
            feed.end = End::Sound;
            Ok(())
        })
    }

    /// The encoding of the file, once some of it was read.
    #[must_use]
    pub fn encoding(&self) -> Option<&'static Encoding> {
        self.cutter.encoding()
    }

    /// Whether the file was read to a sound end. Nothing may be concluded from what is absent in one that was not.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.end, End::Sound) && self.cutter.reader.is_whole()
    }

    /// Whether nothing more can come, whatever is pushed: behind the entry of a zip file.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.unpacker.as_ref().is_some_and(Unpacker::is_done)
    }

    /// The unpacker as it is now: what it spent counts for the next entry of the same file.
    #[must_use]
    pub fn unpacker(&self) -> Option<&Unpacker> {
        self.unpacker.as_ref()
    }

    /// What was mended or passed over since the last call.
    pub fn notices(&mut self) -> Notices {
        let mut notices = self.cutter.notices();
        if let Some(unpacker) = &mut self.unpacker {
            notices.add(unpacker.notices());
        }
        notices
    }

    /// Does something with a file that is neither damaged nor at its end, and keeps in mind what came of it.
    fn while_open(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        match &self.end {
            End::Open => work(self).inspect_err(|damage| self.end = End::Damaged(damage.clone())),
            End::Sound => Err(Damage("the file was read to its end already".to_owned())),
            End::Damaged(damage) => Err(damage.clone()),
        }
    }

    fn unpack(&mut self, mut piece: &[u8], records: &mut Vec<Record>) -> Result<(), Damage> {
        while let Some(unpacker) = &mut self.unpacker {
            self.unpacked.clear();
            let outcome = unpacker.push(piece, &mut self.unpacked);
            let done = unpacker.is_done();
            if let (Some(restart), Some(restarts)) = (unpacker.restart(), &mut self.cutter.restarts)
            {
                restarts.note(restart);
            }
            let pass = self.unpacked.len().min(usize::try_from(self.pass).unwrap_or(usize::MAX));
            self.pass -= pass as u64;
            self.cutter.push(&self.unpacked[pass..], records)?;
            match outcome {
                Ok(step) => {
                    piece = &piece[step.taken..];
                    if done || (piece.is_empty() && !step.more) {
                        break;
                    }
                }
                Err(damage) => return self.break_off(&damage, records),
            }
        }
        Ok(())
    }

    /// The bytes are damaged: the records that stand whole before that are not lost.
    fn break_off(&mut self, damage: &Damage, records: &mut Vec<Record>) -> Result<(), Damage> {
        self.cutter.break_off(records)?;
        Err(self.cutter.behind(damage))
    }
}
