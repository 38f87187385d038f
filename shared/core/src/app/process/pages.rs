//! An invocation's pages as the dispatcher's sink: parked and settled in the table, and given back.

use crate::{
    app::{
        Flow, Ports,
        dispatch::{FEW_RECORDS, Refusal, Sink, Standing, Written},
    },
    decide::{ISOLATE_FROM_RECEIVES, backoff_ms, give_back_ms},
    guard::Guard,
    model::{OnUnknown, Page, PageMessage, PageNumber, PageState, Parked, RetryPolicy, Settling},
    ports::{
        Clock, CursorStore, PageQueue, ParkedStore, Platform, Receipt, Settle, Unavailable,
        WholePage,
    },
};

/// Pages looked at for signs that others get through.
const EVIDENCE_PAGES: usize = 20;
/// What was taken so shortly before a record's first try was taken meanwhile, in ms. It is long, for its tries may have
/// had to wait for other things than the retry policy: the circuit, or the lock of a processor that crashed.
const SOON_MS: u64 = 3_600_000;

/// A received page message.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// This receipt.
    pub receipt: Receipt,
    /// How often the message was received, this time included.
    pub receives: u32,
    /// What it carries.
    pub page: PageMessage,
}

/// A page to be worked on.
pub(super) struct Job {
    pub arrival: Arrival,
    pub page: Page,
    /// One of its records may crash its processor.
    pub isolated: bool,
}

/// The pages of one invocation.
pub(super) struct Pages<'a, P: Platform> {
    pub ports: &'a Ports<P>,
    pub flow: &'a Flow,
    pub jobs: &'a [Job],
    /// How long an invocation lasts at the most, in ms.
    pub lasts_ms: u64,
}

/// What is written of a page.
pub(super) struct Entry {
    parked: Vec<Parked>,
    settling: Settling,
}

impl<P: Platform> Pages<'_, P> {
    fn parked_of(&self, message: &PageMessage, refused: &[Refusal]) -> Vec<Parked> {
        let now_ms = self.ports.clock.now_ms();
        let parked = |Refusal { index, status, reason }: &Refusal| {
            let record = &message.records[*index as usize];
            let (stream, reason) = (&self.flow.stream, reason.clone());
            Parked::new(stream, message.number, record, *status, reason, now_ms)
        };
        refused.iter().map(parked).collect()
    }
}

impl<P: Platform> Pages<'_, P> {
    /// Whether so few records of the stream are left, after others were taken, that it is they that fail: no others
    /// are there to get through meanwhile. The last page of a stream would be tried for ever.
    async fn few_are_left(&self, page: &Page) -> bool {
        let after = page.number.saturating_sub(EVIDENCE_PAGES as PageNumber / 2);
        let pages = self.ports.store.pages_after(&self.flow.stream, after, EVIDENCE_PAGES);
        let Ok(pages) = pages.await else { return false };
        let open = || pages.iter().filter(|page| page.state == PageState::Open);
        let records: usize = open().map(|page| page.count as usize).sum();
        let settled: usize = open().map(|page| page.settled.iter().count()).sum();
        let left = records.saturating_sub(settled);
        // As long as its tries take.
        let RetryPolicy { attempts_max, .. } = self.flow.settings.retry;
        let tries_ms =
            u64::from(attempts_max).saturating_mul(self.try_ms()).saturating_add(SOON_MS);
        let since_ms = page.last_progress_ms.saturating_sub_unsigned(tries_ms);
        let lately =
            |other: &Page| other.state == PageState::Done && other.last_progress_ms >= since_ms;
        let others_were_taken = settled > 0 || pages.iter().any(lately);
        others_were_taken && (left <= FEW_RECORDS || left < settled)
    }
}

impl<P: Platform> Pages<'_, P> {
    /// How long it takes from one try of a record to the next, at the most. Where nothing may be sent twice each waits for
    /// the lock of the one before, and once more where another copy of the record takes turns with it.
    fn try_ms(&self) -> u64 {
        let settings = &self.flow.settings;
        let landing_ms = u64::try_from(settings.landing_ms).unwrap_or(0);
        let locked_ms = match settings.on_unknown {
            OnUnknown::Retry => 0,
            OnUnknown::Park | OnUnknown::LookUp => self.lasts_ms.saturating_add(landing_ms),
        };
        settings.retry.cap_ms.saturating_add(locked_ms.saturating_mul(2))
    }
}

impl<P: Platform> Sink for Pages<'_, P> {
    type Entry = Entry;

    fn entry(&self, page: usize, standing: Standing<'_>) -> Option<Entry> {
        let Job { arrival, page, .. } = &self.jobs[page];
        let Standing { settled, refused, done, tried, gives_back_ms } = standing;
        let now_ms = self.ports.clock.now_ms();
        // While its records are handled one by one it is not left at a clean exit: an invocation that comes
        // after a crash is to isolate them again.
        let mut receives = page.receives_at_clean_exit;
        let mut waits_until_ms = 0;
        if let Some(delay_ms) = gives_back_ms {
            receives = arrival.receives;
            // The reaper is told of waits that it would take for a loss; short ones cost no request.
            let often_ms = self.flow.settings.stuck_after_ms / 4;
            let hidden_until_ms = now_ms.saturating_add_unsigned(delay_ms);
            let hides = P::stands(Guard::HiddenIsNotLost) && hidden_until_ms - now_ms > often_ms;
            if hides {
                waits_until_ms = hidden_until_ms;
            }
            // While the destination is down or time is short, a message that comes and goes is no failed
            // try. The page is touched only so often that the reaper knows it is carried, and that its
            // receipts are not taken for crashes.
            let quiet_ms = now_ms - page.last_progress_ms;
            let unheard_of = arrival.receives.saturating_sub(page.receives_at_clean_exit) + 1;
            let touches = P::stands(Guard::CarriedIsNotLost)
                && (quiet_ms > often_ms || unheard_of >= ISOLATE_FROM_RECEIVES);
            let is_as_it_was = settled.is_empty() && !done && !tried;
            if is_as_it_was && !hides && !touches {
                return None;
            }
        }
        let settled = settled.clone();
        let settling = Settling { settled, done, tried, receives, now_ms, waits_until_ms };
        Some(Entry { parked: self.parked_of(&arrival.page, refused), settling })
    }

    async fn write(&self, page: usize, entry: &Entry) -> Result<Settle, Unavailable> {
        let Entry { parked, settling } = entry;
        let Page { number, emission, .. } = &self.jobs[page].page;
        if !parked.is_empty() {
            self.ports.store.park(parked).await?;
        }
        self.ports.store.settle(&self.flow.stream, *number, emission, settling).await
    }

    /// Where nothing may be sent twice no page waits for others.
    fn joins(&self, Entry { parked, settling }: &Entry) -> bool {
        let repeats = self.flow.settings.on_unknown == OnUnknown::Retry;
        repeats && settling.done && parked.is_empty() && self.jobs.len() > 1
    }

    async fn write_together(&self, entries: Vec<(usize, Entry)>) -> Vec<Written<Entry>> {
        let whole = |(page, entry): &(usize, Entry)| {
            let Page { number, emission, .. } = &self.jobs[*page].page;
            let settling = entry.settling.clone();
            WholePage { number: *number, emission: emission.clone(), settling }
        };
        let pages: Vec<WholePage> = entries.iter().map(whole).collect();
        let answers = self.ports.store.settle_whole(&self.flow.stream, &pages).await;
        let written = |((page, entry), answer)| Written { page, entry, answer };
        entries.into_iter().zip(answers).map(written).collect()
    }

    fn parked(entry: Entry) -> Vec<Parked> {
        entry.parked
    }

    fn is_last_try(&self, page: usize) -> bool {
        self.jobs[page].page.attempts + 1 >= self.flow.settings.retry.attempts_max
    }

    /// Whether the destination has lately taken pages after this one.
    async fn others_get_through(&self, page: usize) -> bool {
        let page = &self.jobs[page].page;
        let cap_ms = i64::try_from(self.flow.settings.retry.cap_ms).unwrap_or(i64::MAX);
        let since_ms = page.last_progress_ms.saturating_sub(cap_ms);
        let pages = self.ports.store.pages_after(&self.flow.stream, page.number, EVIDENCE_PAGES);
        pages.await.is_ok_and(|pages| {
            let lately = |other: &Page| other.last_progress_ms >= since_ms;
            pages.iter().any(|other| other.state == PageState::Done && lately(other))
        }) || self.few_are_left(page).await
    }

    fn backoff_ms(&self, page: usize) -> u64 {
        backoff_ms(&self.flow.settings.retry, self.jobs[page].page.attempts)
    }

    fn give_back_ms(&self, page: usize, wait_ms: u64) -> u64 {
        match P::stands(Guard::ReceiptsLast) {
            true => {
                let receives = self.jobs[page].arrival.receives;
                let receives_max = self.ports.queue.limits().receives_max;
                give_back_ms(&self.flow.settings.retry, wait_ms, receives, receives_max)
            }
            false => wait_ms,
        }
    }
}
