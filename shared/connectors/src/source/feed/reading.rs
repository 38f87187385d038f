//! A file that is being read: its bytes become records, and each gets the position behind it.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use tidegate_core::{
    model::{Mark, Position, Record},
    ports::{Batch, SourceError},
};
use tidegate_feed::{FileReader, Packing, Place, Record as FileRecord, Unpacker, text::Charset};
use tidegate_transfer::{Answer, Ask, Opened, Seam, Trail, TransferError};
use tokio::time::{Duration, Instant};

use super::{
    base::Base,
    errors,
    gone::Leaving,
    lists::{Entry, List, Listed},
    source::{FeedSource, Known},
    state::{Packed, Pass, State, There},
};
use crate::source::steps::Steps;

/// A batch has so many bytes of JSON at the least, unless the file ends, or time presses.
const BATCH_BYTES: usize = 1 << 20;
/// What was read is given after so long, be it much or little.
const PATIENCE: Duration = Duration::from_millis(900);
/// A transfer that broke off this often without getting on is left to the next run.
const CUTS_IN_VAIN_MAX: u32 = 3;

/// What stands before a position is compared at most so many bytes before it.
const SEAM_BYTES: u64 = 32 << 10;

/// Records in a batch, at the most.
const BATCH_RECORDS: usize = 5_000;
/// By so many bytes it is told what a file is packed by.
const HEAD_BYTES: usize = 4;

/// A file that is being read.
pub(super) struct Reading<'a> {
    source: &'a FeedSource,
    steps: Steps,
    pass: Pass,
    opened: Opened,
    /// Pieces that were looked at already.
    pending: VecDeque<Bytes>,
    /// The byte of the file at which the next piece begins.
    offset: u64,
    /// The byte at which the piece that was read last began.
    piece_at: u64,
    reader: FileReader,
    trail: Trail,
    /// What stands before the records that are read next: by it the file is known again.
    seam: Option<Seam>,
    /// What must come there, or the file is another one than that which was read before.
    expected: Option<Seam>,
    base: Option<Base>,
    list: Option<List>,
    there: There,
    /// What was read and is not given.
    found: Vec<Found>,
    found_bytes: usize,
    cuts_in_vain: u32,
    requests: u32,
}

/// A record on its way.
struct Found {
    record: FileRecord,
    known: Known,
    /// The beginning of its position.
    common: Arc<str>,
}

/// What was read.
pub(super) struct Read {
    pub(super) batch: Batch,
    /// It fails behind that.
    pub(super) failed: Option<SourceError>,
    /// All of the file was read, and it is sound.
    pub(super) ended: bool,
}

impl<'a> Reading<'a> {
    /// Reads a file from its first byte on.
    pub(super) async fn begin(
        source: &'a FeedSource,
        steps: Steps,
        mut pass: Pass,
        mut opened: Opened,
        until: Instant,
    ) -> Result<Self, SourceError> {
        let (mut pending, mut head) = (VecDeque::new(), Vec::new());
        while head.len() < HEAD_BYTES {
            let piece = opened.body.next(until).await.map_err(errors::of_transfer)?;
            let Some(piece) = piece else { break };
            head.extend(piece.iter().take(HEAD_BYTES - head.len()));
            pending.push_back(piece);
        }
        pass.packed = match Packing::of(&head) {
            Packing::Plain => None,
            Packing::Gzip => Some(Packed::Gzip),
            Packing::Zip => return Err(errors::of_a_zip(&source.shown)),
        };
        let unpacker = pass.packed.map(|Packed::Gzip| Unpacker::gzip(source.limits));
        let transfer = opened.charset.as_deref().and_then(Charset::named);
        let charset = Charset { forced: source.encoding, transfer };
        let reader = source.format.reader(None, source.limits).map_err(errors::of_format)?;
        let reader = FileReader::new(reader, unpacker, charset, source.limits);
        // Of a file whose end is no other than that of its connection, nothing can be concluded.
        let there = There { unread: !opened.is_delimited, ..There::default() };
        let mut reading = Self::new(source, steps, pass, opened, reader, there).await?;
        reading.pending = pending;
        Ok(reading)
    }

    /// Goes on behind what was read of it.
    pub(super) async fn resume(
        source: &'a FeedSource,
        steps: Steps,
        state: State,
        opened: Opened,
        until: Instant,
    ) -> Result<Self, SourceError> {
        let State { pass, there } = state;
        let place = Place::from(there.at);
        let opened = opened.skip_to(place.at, until).await.map_err(errors::of_transfer)?;
        let opened = opened.ok_or_else(errors::changed_meanwhile)?;
        let unpacker =
            pass.packed.map(|Packed::Gzip| Unpacker::gzip_from(place.restart(), source.limits));
        let reader = source
            .format
            .reader(pass.context.as_deref(), source.limits)
            .map_err(errors::of_format)?;
        let named = pass.encoding.as_deref().and_then(Charset::named);
        let encoding = source.encoding.or(named).unwrap_or(encoding_rs::UTF_8);
        let reader = FileReader::resume(reader, unpacker, encoding, place, source.limits);
        let seam = there.seam.clone();
        let mut reading = Self::new(source, steps, pass, opened, reader, there).await?;
        // What lies before the place was compared already, unless the file is packed, and was unpacked from before it.
        reading.expected =
            seam.clone().filter(|seam| seam.at > place.at && seam.start() >= place.at);
        reading.seam = seam;
        Ok(reading)
    }

    async fn new(
        source: &'a FeedSource,
        steps: Steps,
        pass: Pass,
        opened: Opened,
        reader: FileReader,
        there: There,
    ) -> Result<Self, SourceError> {
        let lists = &source.lists;
        let base = match &pass.base {
            Some(base) if source.changed_only => match lists.open(Some(base)).await? {
                Some(list) => Some(Base::read(lists, &list).await?),
                None => None,
            },
            _ => None,
        };
        let list = match source.lists_what_is_there() {
            true => Some(lists.open(there.list.as_ref()).await?.ok_or_else(errors::list_expired)?),
            false => None,
        };
        Ok(Self {
            source,
            steps,
            pass,
            offset: opened.start,
            piece_at: opened.start,
            opened,
            pending: VecDeque::new(),
            reader,
            trail: Trail::default(),
            seam: None,
            expected: None,
            base,
            list,
            there,
            found: Vec::new(),
            found_bytes: 0,
            cuts_in_vain: 0,
            requests: 0,
        })
    }

    /// Reads on, and gives what was read.
    pub(super) async fn next(&mut self, until: Instant) -> Result<Read, SourceError> {
        let began = Instant::now();
        let (mut failed, mut ended) = (None, false);
        while self.found_bytes < BATCH_BYTES && self.found.len() < BATCH_RECORDS {
            if began.elapsed() >= PATIENCE || Instant::now() >= until {
                break;
            }
            match self.piece(until).await {
                Ok(Some(piece)) => failed = self.take(piece).err(),
                Ok(None) => (ended, failed) = self.finish(),
                Err(error) => failed = Some(error),
            }
            if ended || failed.is_some() {
                break;
            }
        }
        if self.found.is_empty() && !ended {
            failed = self.take_little().err().or(failed);
        }
        let batch = self.give().await?;
        Ok(Read { batch, failed, ended })
    }

    /// All of it was given.
    pub(super) fn ends(self) -> Leaving {
        Leaving::new(self.steps, self.pass, self.there)
    }

    /// The next piece of the file. A transfer that broke off is taken up again where it did.
    async fn piece(&mut self, until: Instant) -> Result<Option<Bytes>, SourceError> {
        if let Some(piece) = self.pending.pop_front() {
            return Ok(Some(piece));
        }
        loop {
            match self.opened.body.next(until).await {
                Ok(piece) => {
                    self.cuts_in_vain = 0;
                    return Ok(piece);
                }
                Err(error @ TransferError::Later { .. }) => {
                    self.cuts_in_vain += 1;
                    if self.cuts_in_vain > CUTS_IN_VAIN_MAX || Instant::now() >= until {
                        return Err(errors::of_transfer(error));
                    }
                    tracing::info!(file = %self.source.shown, byte = self.offset, %error, "the transfer is taken up again");
                    self.reopen(until).await?;
                }
                Err(error) => return Err(errors::of_transfer(error)),
            }
        }
    }

    async fn reopen(&mut self, until: Instant) -> Result<(), SourceError> {
        self.requests += 1;
        let ask = Ask::Rest { of: &self.pass.file, from: self.offset };
        let opened = match self.source.open(ask, until).await? {
            Answer::Opened(opened) if !self.pass.file.contradicts(&opened.identity) => opened,
            _ => return Err(errors::changed_meanwhile()),
        };
        let opened = opened.skip_to(self.offset, until).await.map_err(errors::of_transfer)?;
        self.opened = opened.ok_or_else(errors::changed_meanwhile)?;
        Ok(())
    }

    /// Makes records of a piece.
    fn take(&mut self, piece: Bytes) -> Result<(), SourceError> {
        self.trail.push(self.offset, piece.clone());
        self.piece_at = self.offset;
        self.offset += piece.len() as u64;
        let mut records = Vec::new();
        let pushed = self.reader.push(&piece, &mut records);
        if let Some(expected) = &self.expected
            && (self.offset >= expected.at || !records.is_empty())
        {
            // It says of itself that it is the same; of two files that were packed, the rests do not go together.
            if self.trail.seam(expected.at).as_ref() != Some(expected) {
                return Err(errors::changed_meanwhile());
            }
            self.expected = None;
        }
        self.keep(records);
        pushed.map_err(|damage| errors::damaged(&self.source.shown, &damage, self.last_read()))
    }

    /// Makes records of what came, be it ever so little: otherwise a run of short invocations reads a slow file's same
    /// bytes again and again.
    fn take_little(&mut self) -> Result<(), SourceError> {
        // Of a packed file that was gone on with it must be known first that it is the same.
        if self.expected.is_some() {
            return Ok(());
        }
        let mut records = Vec::new();
        let read = self.reader.read_now(&mut records);
        self.keep(records);
        read.map_err(|damage| errors::damaged(&self.source.shown, &damage, self.last_read()))
    }

    /// The file has no more bytes. Answers whether it was sound, and how it fails if not.
    fn finish(&mut self) -> (bool, Option<SourceError>) {
        let mut records = Vec::new();
        let finished = self.reader.finish(&mut records);
        self.keep(records);
        let record = self.last_read();
        match finished {
            Err(damage) => (false, Some(errors::damaged(&self.source.shown, &damage, record))),
            Ok(()) if !self.reader.is_whole() => {
                (false, Some(errors::not_whole(&self.source.shown, record)))
            }
            Ok(()) => (true, None),
        }
    }

    /// Keeps records to be given, with what their positions have in common.
    fn keep(&mut self, records: Vec<FileRecord>) {
        if records.is_empty() {
            return;
        }
        if self.pass.encoding.is_none() {
            self.pass.encoding = self.reader.encoding().map(|encoding| encoding.name().into());
        }
        let known: Vec<Known> = records.iter().map(|it| self.source.identify(it)).collect();
        self.there.unread |= known.iter().any(|known| known.is_unread);
        let mut common: Option<Arc<str>> = None;
        for (record, known) in records.into_iter().zip(known) {
            if record.context.as_deref() != self.pass.context.as_deref() {
                self.pass.context = record.context.as_deref().map(Into::into);
                common = None;
            }
            if self.resew(record.place.at) {
                common = None;
            }
            let common = Arc::clone(common.get_or_insert_with(|| self.common()));
            self.found_bytes += record.data.len();
            self.found.push(Found { record, known, common });
        }
        self.sew();
    }

    /// Notes what stands before the records to come. Of a file that is packed that is what stands before the piece that was
    /// read last, for its records have no place of their own, and those to come may begin in that piece.
    fn sew(&mut self) {
        let is_packed = self.pass.packed.is_some();
        let last = self.found.last().map(|found| found.record.place.at);
        let Some(at) = last.map(|at| if is_packed { self.piece_at } else { at }) else { return };
        if let Some(seam) = self.trail.seam(at) {
            self.seam = Some(seam);
        }
        self.trail.forget_before(at);
    }

    /// Notes what stands before this place, where what is noted stands far from it: what lies between is read again
    /// by a run that goes on there. Answers whether it did.
    fn resew(&mut self, at: u64) -> bool {
        let most = if self.pass.packed.is_some() { 0 } else { SEAM_BYTES };
        let is_far = self.seam.as_ref().is_none_or(|seam| at.saturating_sub(seam.at) > most);
        let seam = is_far.then(|| self.trail.seam(at)).flatten();
        let is_new = seam.is_some();
        self.seam = seam.or_else(|| self.seam.take());
        is_new
    }

    /// What the positions of records have in common that come from one piece.
    fn common(&self) -> Arc<str> {
        let (seam, unread) = (self.seam.clone(), self.there.unread);
        let there = There { seam, unread, ..There::default() };
        State { pass: self.pass.clone(), there }.open_ended().into()
    }

    fn last_read(&self) -> u64 {
        let last = self.found.last().map(|found| found.record.place.record);
        last.unwrap_or(self.there.at.number())
    }

    /// Gives what was read: what is new or changed as records, and behind what is not the position.
    async fn give(&mut self) -> Result<Batch, SourceError> {
        self.tell();
        let mut batch = Batch { requests: std::mem::take(&mut self.requests), ..Batch::default() };
        self.found_bytes = 0;
        let found = std::mem::take(&mut self.found);
        let (entries, chunk) = self.list(&found).await?;
        for (index, Found { record, known, common }) in found.into_iter().enumerate() {
            self.there.at = record.place.into();
            self.there.list = chunk.map(|chunk| Listed::at(chunk, index + 1));
            let step = self.steps.next_text(self.there.close(&common))?;
            let is_as_before =
                |entry: &Entry| self.base.as_ref().is_some_and(|base| base.has(entry));
            if entries.get(index).is_some_and(is_as_before) {
                batch.reached = Some(Position::Step(step));
                continue;
            }
            batch.reached = None;
            let Known { id, refused, .. } = known;
            batch.records.push(Record {
                mark: Mark { at: None, id: id.clone() },
                step: Some(step),
                id,
                version: self.pass.version(record.place.record),
                deleted: false,
                data: record.data,
                refused,
            });
        }
        Ok(batch)
    }

    /// Lists what was read, before a position that names the list is given.
    async fn list(&mut self, found: &[Found]) -> Result<(Vec<Entry>, Option<u64>), SourceError> {
        let Some(list) = self.list.as_mut().filter(|_| !found.is_empty()) else {
            return Ok((Vec::new(), None));
        };
        let entry = |it: &Found| Entry::of(it.known.id.clone(), &it.record.data);
        let entries: Vec<Entry> = found.iter().map(entry).collect();
        let chunk = self.source.lists.add(list, &entries).await?;
        Ok((entries, Some(chunk)))
    }

    /// Tells operators what was mended or passed over.
    fn tell(&mut self) {
        let notices = self.reader.notices();
        for what in &notices.told {
            tracing::warn!(file = %self.source.shown, what, "something in the file was mended or passed over");
        }
        if notices.replaced + notices.dropped > 0 {
            tracing::warn!(
                file = %self.source.shown, replaced = notices.replaced, dropped = notices.dropped,
                "bytes that the encoding does not have were replaced, and characters that no XML may hold were dropped"
            );
        }
    }
}
