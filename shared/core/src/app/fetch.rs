//! The fetcher: lease, help, reap, back-pressure, read, send, seal.

use std::collections::HashMap;

use futures_util::future::join;

use super::{
    Flow, Ports,
    commit::help,
    fetch_report::{End, FetchReport},
    stalls,
};
use crate::{
    decide::{Deadline, Draft, records_held, source_failed, source_halted, source_waits, stuck},
    guard::Guard,
    model::{
        Cursor, Emission, EpochMs, Fence, FetchState, Message, PageMessage, PageNumber, Parked,
        Position, Record, Refused, Stall,
    },
    ports::{
        Clock, CursorStore, Held, Ids, Lease, NewPage, PageQueue, ParkedStore, Platform, Seal,
        SourceError, Unavailable, Void, Walk,
    },
};

/// A batch that has waited this long is sent, full or not.
const PATIENCE_MS: EpochMs = 1_000;
/// Tries of one send or seal within an invocation.
const TRIES: usize = 3;

/// One scheduled run.
#[derive(Debug, Clone, Copy)]
pub struct FetchRun {
    /// When to stop.
    pub deadline: Deadline,
    /// Most records to take on; `None` for no such limit.
    pub records_max: Option<u64>,
    /// How long a message stays invisible, so that its seal comes first. In ms.
    pub send_delay_ms: u64,
}

/// Runs the fetcher once. An error means that the state table or the queue gave no answer: what was
/// done holds, and the next run goes on from there.
pub async fn fetch<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    run: FetchRun,
) -> Result<FetchReport, Unavailable> {
    let owner = ports.entropy.unique(&flow.stream);
    let now_ms = ports.clock.now_ms();
    let until_ms = now_ms - flow.settings.settle_lag_ms;
    let lease = ports.store.acquire(&flow.stream, &owner, now_ms, run.deadline.at_ms).await?;
    let cursor = match lease {
        Lease::Acquired(cursor) => *cursor,
        Lease::Held { since_ms, until_ms: lease_until_ms } => {
            let stall = stalls::lease_is_held(since_ms, lease_until_ms, now_ms);
            return Ok(FetchReport::stalled(End::Held, stall, until_ms));
        }
        Lease::Paused { since_ms } => {
            let stall = stalls::is_paused(since_ms, now_ms);
            return Ok(FetchReport::stalled(End::Paused, stall, until_ms));
        }
    };
    let mut fetching = cursor.fetching.clone();
    let report = under_lease(ports, flow, run, cursor, until_ms, &mut fetching).await;
    // Without it the lease runs out by itself, and the next run finds out anew why nothing is read.
    let released = ports.store.release(&flow.stream, &owner, &fetching).await;
    if let Err(error) = released {
        tracing::debug!(stream = %flow.stream, %error, "the lease was not released");
    }
    report
}

async fn under_lease<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    run: FetchRun,
    cursor: Cursor,
    until_ms: EpochMs,
    fetching: &mut FetchState,
) -> Result<FetchReport, Unavailable> {
    let fence = cursor.fence;
    let mut report = FetchReport::new(End::Source, until_ms);
    let cursor = match P::stands(Guard::FetcherHelps) {
        true => help::<P>(&ports.store, &flow.stream, cursor).await?,
        false => cursor,
    };
    if cursor.fence != fence {
        return Ok(FetchReport { end: End::Fenced, ..report });
    }
    let Some((cursor, voided, unheld)) = reap(ports, flow, cursor).await? else {
        return Ok(FetchReport { end: End::Fenced, ..report });
    };
    report.voided = voided;
    report.watermark = cursor.watermark.clone();
    if voided > 0 {
        // What was read up to then is read again.
        fetching.read_to = None;
    }

    let mut emitter = Emitter { ports, flow, fence, run, parked: 0 };
    let mut reader = Reader::new(ports, flow, run, &cursor, until_ms);
    reader.kept = fetching.stall.clone();
    report.head = cursor.head.clone();
    let delivering = cursor.delivering.stall.clone().filter(|_| cursor.pages_open() > 0);
    report.delivering = delivering.or(unheld);
    reader.waits_for_source(fetching);

    let mut batch = reader.fill().await;
    while !batch.is_empty() {
        // The next pages are read while these are sent and sealed.
        let (sealed, next) = join(emitter.emit(&batch), reader.fill()).await;
        match sealed? {
            Seal::Sealed => {}
            Seal::Lost => {
                reader.end = Some(End::Fenced);
                break;
            }
        }
        report.pages += batch.len() as u64;
        report.records += batch.iter().map(|sending| sending.records).sum::<u64>();
        report.head = batch.last().expect("it is not empty").page.to.clone();
        batch = next;
    }
    // No page came after these.
    emitter.park(reader.number, &reader.refused).await?;
    report.source_requests = reader.requests;
    report.parked = emitter.parked;
    report.end = reader.end.unwrap_or(End::Source);
    if let Some(held) = reader.held {
        report.until_ms = report.until_ms.min(held.read_to_ms);
        report.held_until_ms = Some(held.until_ms);
        let now_ms = ports.clock.now_ms();
        let stall = || records_held(fetching.stall.as_ref(), held.until_ms, now_ms);
        reader.stall.get_or_insert_with(stall);
    }
    // A page may have nothing but a later position.
    report.caught_up = report.end == End::Source
        && (report.records, report.parked) == (0, 0)
        && cursor.pages_open() == 0;
    report.stall = reader.stall;
    let last = cursor.next - 1 + report.pages;
    let pages = (cursor.committed, last);
    let (answered, now_ms) = (reader.answered, ports.clock.now_ms());
    stalls::keep(&flow.stream, fetching, &mut report, pages, answered, now_ms);
    Ok(report)
}

/// Voids all open pages if the oldest has lost its message. Answers with how many, and whether the oldest
/// waits for a processor; `None` if another fetcher took over.
async fn reap<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    cursor: Cursor,
) -> Result<Option<(Cursor, u64, Option<Stall>)>, Unavailable> {
    let open = cursor.pages_open();
    if open == 0 || !P::stands(Guard::Reap) {
        return Ok(Some((cursor, 0, None)));
    }
    let oldest = ports.store.pages_after(&flow.stream, cursor.committed, 1).await?;
    let now_ms = ports.clock.now_ms();
    if !stuck(&cursor, oldest.first(), flow.settings.stuck_after_ms, now_ms) {
        let unheld = oldest.first().and_then(|it| stalls::unheld(it, &flow.settings, now_ms));
        return Ok(Some((cursor, 0, unheld)));
    }
    // An alarm goes by this line: a message was lost, or no processor runs.
    tracing::error!(
        stream = %flow.stream, page = cursor.committed + 1, open,
        "open pages made no progress: voided, to be read again from the watermark"
    );
    match ports.store.void(&flow.stream, cursor.fence, &cursor).await? {
        Void::Voided(cursor) => Ok(Some((*cursor, open, None))),
        Void::Lost => {
            // A processor moved the commit meanwhile: then nothing was lost; or we are fenced off.
            let now = ports.store.load(&flow.stream, &[], None).await?.cursor;
            Ok((now.fence == cursor.fence).then_some((now, 0, None)))
        }
    }
}

/// A page on its way out.
struct Sending {
    page: NewPage,
    body: String,
    records: u64,
    refused: Vec<Refused>,
}

/// Reads the source and cuts it into encoded pages.
struct Reader<'a, P: Platform> {
    walk: Box<dyn Walk + 'a>,
    ids: &'a P::Entropy,
    queue: &'a P::Queue,
    clock: &'a P::Clock,
    flow: &'a Flow,
    fence: Fence,
    run: FetchRun,
    pages_left: u64,
    records_left: u64,
    number: u64,
    draft: Draft,
    unread: std::vec::IntoIter<Record>,
    /// How far what was read goes behind its last record.
    reached: Option<Position>,
    /// Read and not yet with a page: they are parked before the next one is sealed.
    refused: Vec<Refused>,
    /// A page that did not fit the batch before.
    ready: Option<Sending>,
    source_ended: bool,
    held: Option<Held>,
    end: Option<End>,
    /// Why it ended, where the source is to blame.
    stall: Option<Stall>,
    /// The same of the run before.
    kept: Option<Stall>,
    /// The source gave an answer.
    answered: bool,
    requests: u64,
}

impl<'a, P: Platform> Reader<'a, P> {
    /// Reads on from the cursor's head.
    fn new(
        ports: &'a Ports<P>,
        flow: &'a Flow,
        run: FetchRun,
        cursor: &Cursor,
        until_ms: EpochMs,
    ) -> Self {
        Self {
            walk: flow.source.walk(cursor.head.clone(), until_ms),
            ids: &ports.entropy,
            queue: &ports.queue,
            clock: &ports.clock,
            flow,
            fence: cursor.fence,
            run,
            pages_left: flow.settings.window_pages().saturating_sub(cursor.pages_open()),
            records_left: run.records_max.unwrap_or(u64::MAX),
            number: cursor.next,
            draft: Draft::new(cursor.head.clone(), ports.queue.limits().page_bytes_max),
            unread: Vec::new().into_iter(),
            reached: None,
            refused: Vec::new(),
            ready: None,
            source_ended: false,
            held: None,
            end: None,
            stall: None,
            kept: None,
            answered: false,
            requests: 0,
        }
    }

    /// The next batch of pages; empty when the run is over, and then `end` says why.
    async fn fill(&mut self) -> Vec<Sending> {
        let started_ms = self.clock.now_ms();
        if self.run.deadline.left_ms(started_ms) == 0 {
            // What is read and not sent waits for the next run, like all the rest.
            self.end.get_or_insert(End::Deadline);
            return Vec::new();
        }
        let limits = self.queue.limits();
        let mut batch: Vec<Sending> = Vec::new();
        let mut bytes = 0;
        loop {
            // Cut what has been read.
            while let Some(sending) = self.ready.take().or_else(|| self.cut()) {
                if !batch.is_empty() && bytes + sending.body.len() > limits.batch_bytes_max {
                    self.ready = Some(sending);
                    return batch;
                }
                bytes += sending.body.len();
                batch.push(sending);
                if batch.len() == limits.batch_max {
                    return batch;
                }
            }
            if self.end.is_some() {
                return batch;
            }
            let now_ms = self.clock.now_ms();
            if self.run.deadline.left_ms(now_ms) == 0 {
                self.end = Some(End::Deadline);
                continue;
            }
            if !batch.is_empty() && now_ms - started_ms >= PATIENCE_MS {
                return batch;
            }
            match self.walk.next(self.run.deadline.stop_ms).await {
                Ok(read) => {
                    self.requests += u64::from(read.requests);
                    self.answered = true;
                    self.source_ended = read.end;
                    self.held = read.held;
                    if read.end || read.reached.is_some() || !read.records.is_empty() {
                        // It got on: a failure from here on is a new one.
                        self.kept = None;
                    }
                    self.refused.extend(read.refused);
                    self.unread = read.records.into_iter();
                    self.reached = read.reached;
                }
                Err(error) => {
                    self.requests += 1;
                    self.stops(&error);
                }
            }
        }
    }

    /// A source that asked for time, or failed just now, is not asked before that time is over.
    fn waits_for_source(&mut self, fetching: &FetchState) {
        if let Some(stall) = source_waits(fetching, self.clock.now_ms()) {
            self.end = Some(End::SourceLater(stall.reason.to_string()));
            self.stall = Some(stall.clone());
        }
    }

    /// The source gives nothing more in this run.
    fn stops(&mut self, error: &SourceError) {
        let (now_ms, kept, reason) = (self.clock.now_ms(), self.kept.as_ref(), error.to_string());
        let (stall, end) = match error {
            SourceError::Later { after_ms, .. } => {
                (source_failed(kept, &reason, *after_ms, now_ms), End::SourceLater(reason))
            }
            SourceError::Halt(_) => (source_halted(kept, &reason, now_ms), End::SourceHalt(reason)),
        };
        self.stall = Some(stall);
        self.end = Some(end);
    }

    /// The next page, if enough has been read for one or nothing more is to come.
    fn cut(&mut self) -> Option<Sending> {
        if self.pages_left == 0 {
            self.end.get_or_insert(End::Window);
            return None;
        }
        let records_max = self.flow.settings.page_records_max;
        while let Some(record) = self.unread.as_slice().first() {
            if self.draft.is_full_for(record, records_max) {
                return Some(self.seal_draft());
            }
            if self.records_left == 0 {
                self.end.get_or_insert(End::Records);
                break;
            }
            self.records_left -= 1;
            let record = self.unread.next().expect("it was just seen");
            self.draft.push(record);
        }
        if self.unread.as_slice().is_empty()
            && let Some(reached) = self.reached.take()
        {
            self.draft.reach(reached);
        }
        if self.draft.is_full(records_max) {
            return Some(self.seal_draft());
        }
        if self.source_ended && self.unread.as_slice().is_empty() {
            self.end.get_or_insert(End::Source);
        }
        (self.end.is_some() && (self.draft.has_moved() || !self.draft.is_empty()))
            .then(|| self.seal_draft())
    }

    fn seal_draft(&mut self) -> Sending {
        let next = Draft::new(self.draft.to.clone(), self.queue.limits().page_bytes_max);
        let draft = std::mem::replace(&mut self.draft, next);
        let page = NewPage {
            number: self.number,
            emission: Emission(self.ids.unique(&self.flow.stream)),
            from: draft.from,
            to: draft.to,
            count: u32::try_from(draft.records.len()).expect("a page's records are few"),
        };
        self.number += 1;
        self.pages_left -= 1;
        let message = Message::Page(PageMessage {
            stream: self.flow.stream.clone(),
            number: page.number,
            emission: page.emission.clone(),
            fence: self.fence,
            from: page.from.clone(),
            to: page.to.clone(),
            records: draft.records,
        });
        let body = self.queue.encode(&message);
        let mut refused = std::mem::take(&mut self.refused);
        refused.extend(draft.refused);
        Sending { records: u64::from(page.count), page, body, refused }
    }
}

/// Sends and seals pages.
struct Emitter<'a, P: Platform> {
    ports: &'a Ports<P>,
    flow: &'a Flow,
    fence: Fence,
    run: FetchRun,
    parked: u64,
}

impl<P: Platform> Emitter<'_, P> {
    async fn emit(&mut self, batch: &[Sending]) -> Result<Seal, Unavailable> {
        // Before the seal moves the head over them.
        for sending in batch {
            self.park(sending.page.number, &sending.refused).await?;
        }
        self.send(batch).await?;
        // Only now: a seal without its message would leave a page that no message carries.
        self.seal(batch).await
    }

    async fn send(&self, batch: &[Sending]) -> Result<(), Unavailable> {
        // A page without records is done as it is sealed: it needs no message.
        let carried = batch.iter().filter(|sending| sending.records > 0);
        let bodies: Vec<String> = carried.map(|sending| sending.body.clone()).collect();
        if bodies.is_empty() {
            return Ok(());
        }
        let delay_ms = self.run.send_delay_ms;
        // A repeat after a lost answer sends copies of the same emission, which is harmless.
        let mut tries = 1;
        while let Err(error) = self.ports.queue.send(&bodies, delay_ms).await {
            if tries == TRIES {
                return Err(error);
            }
            tries += 1;
        }
        Ok(())
    }

    async fn seal(&self, batch: &[Sending]) -> Result<Seal, Unavailable> {
        let pages: Vec<NewPage> = batch.iter().map(|sending| sending.page.clone()).collect();
        let now_ms = self.ports.clock.now_ms();
        let mut tries = 1;
        loop {
            match self.ports.store.seal(&self.flow.stream, self.fence, &pages, now_ms).await {
                Err(_) if tries < TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    /// Parks what cannot be delivered. What is parked already, just as it is, stays as it was: a walk may
    /// give a record without a place in the order every time.
    async fn park(&mut self, page: PageNumber, refused: &[Refused]) -> Result<(), Unavailable> {
        if refused.is_empty() {
            return Ok(());
        }
        let (stream, store) = (&self.flow.stream, &self.ports.store);
        let keys: Vec<_> = refused.iter().map(|refused| refused.record.key()).collect();
        let known = store.parked_by_key(stream, &keys).await?;
        let known: HashMap<_, _> = known.iter().map(|parked| (&parked.key, &parked.data)).collect();
        let parked_at_ms = self.ports.clock.now_ms();
        let parked: Vec<Parked> = refused
            .iter()
            .filter(|Refused { record, .. }| known.get(&record.key()) != Some(&&record.data))
            .map(|Refused { record, reason }| {
                Parked::new(stream, page, record, None, reason.clone(), parked_at_ms)
            })
            .collect();
        if !parked.is_empty() {
            store.park(&parked).await?;
            self.parked += parked.len() as u64;
        }
        Ok(())
    }
}
