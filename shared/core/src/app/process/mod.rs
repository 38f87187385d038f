//! The processor: load, judge, deliver, settle, commit, acknowledge or give back.

mod careful;
mod settle;
mod work;

use serde::Serialize;

use super::{
    Disposition, Flow, Ports, Tally,
    commit::help,
    given_back,
    permits::Shared,
    send::{Invocation, Sender},
};
use crate::{
    decide::{CAREFUL_FROM_RECEIVES, Deadline},
    guard::Guard,
    model::{Cursor, EpochMs, ErrorGroup, Page, PageMessage, PageNumber, PageState, Settled},
    ports::{Clock, Ids, Loaded, PageQueue, Random, Receipt, Store, Unavailable},
};
use work::{Job, Work};

/// How long a message waits whose page is not sealed yet, in ms.
const UNSEALED_MS: u64 = 5_000;

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

/// What an invocation did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProcessReport {
    /// Records and requests.
    #[serde(flatten)]
    pub tally: Tally,
    /// Pages that this invocation finished.
    pub pages_done: u64,
    /// Messages whose page was superseded, void or committed already.
    pub pages_stale: u64,
    /// A quota is used up, and what is left goes on then.
    pub quota_until_ms: Option<EpochMs>,
    /// Why records were parked.
    #[serde(skip)]
    pub errors: Vec<ErrorGroup>,
    /// What becomes of each message.
    #[serde(skip)]
    pub dispositions: Vec<(Receipt, Disposition)>,
}

/// Processes page messages of one stream. An error means that the state table gave no answer at the
/// start: nothing was done, and every message comes back.
pub async fn process<S: Store, Q: PageQueue, C: Clock, E: Random + Ids>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    arrivals: Vec<Arrival>,
    deadline: Deadline,
    processors: u32,
) -> Result<ProcessReport, Unavailable> {
    let messages: Vec<_> = arrivals.iter().map(|arrival| &arrival.page).collect();
    let Loaded { cursor, pages, budget } = look(&ports.store, flow, &messages).await?;

    let mut report = ProcessReport::default();
    let mut done_before = false;
    let mut jobs = Vec::new();
    for arrival in arrivals {
        match judge(&cursor, &pages, &arrival.page) {
            Standing::Stale => {
                report.pages_stale += 1;
                report.dispositions.push((arrival.receipt, Disposition::Acknowledge));
            }
            Standing::Unsealed => {
                let give_back = Disposition::GiveBack { delay_ms: UNSEALED_MS };
                report.dispositions.push((arrival.receipt, give_back));
            }
            Standing::Done => {
                done_before = true;
                report.pages_stale += 1;
                report.dispositions.push((arrival.receipt, Disposition::Acknowledge));
            }
            Standing::Live(page) => {
                // Perhaps one of its records kills whoever handles it.
                let unheard_of = arrival.receives.saturating_sub(page.carried);
                let careful = Guard::Careful.stands()
                    && (unheard_of >= CAREFUL_FROM_RECEIVES || page.from < cursor.careful_to);
                jobs.push(Job { page: page.clone(), arrival, careful });
            }
        }
    }
    // The oldest page first: the watermark waits for it. But what came back much more often, and failed
    // perhaps, comes after the others: they show whether it is the destination that fails.
    jobs.sort_by_key(|job| (job.arrival.receives.max(1).ilog2(), job.page.number));

    let invocation = Invocation { deadline, generation: cursor.generation };
    let pages = jobs.iter().map(|job| &*job.arrival.page.records).collect();
    let sender = Sender { ports, flow, invocation, pages, looked_at: Settled::default() };
    let shared = Shared::new(ports, flow, budget);
    let mut work = Work::new(&sender, &shared, &jobs, processors);
    work.run().await;
    let Work { finished, tally, pages_done, permits, errors, .. } = work;
    report.tally = tally;
    report.pages_done = pages_done;
    report.quota_until_ms = permits.quota_until_ms();
    report.errors = errors.digest().groups;
    report.dispositions.extend(finished);
    if let Some(until_ms) = report.quota_until_ms {
        tracing::info!(stream = %flow.stream, until_ms, "a quota is used up: the rest goes on then");
    }

    if pages_done > 0 || done_before {
        // Should this fail, the next fetcher helps.
        if let Err(error) = help(&ports.store, &flow.stream, cursor).await {
            tracing::warn!(stream = %flow.stream, %error, "the commit is left to the next run");
        }
    }
    let back = given_back(&report.dispositions);
    if !back.is_empty()
        && let Err(error) = ports.queue.give_back(&back).await
    {
        // They come back all the same, when their visibility timeout ends.
        tracing::warn!(stream = %flow.stream, %error, "messages were not given back early");
    }
    Ok(report)
}

/// The cursor, the budget, and the pages of these messages, as [`judge`] needs them.
pub(super) async fn look<S: Store>(
    store: &S,
    flow: &Flow,
    messages: &[&PageMessage],
) -> Result<Loaded, Unavailable> {
    let numbers: Vec<PageNumber> = messages.iter().map(|message| message.number).collect();
    let budget = flow.settings.budget_of(&flow.stream).key();
    let mut loaded = store.load(&flow.stream, &numbers, Some(&budget)).await?;
    // One request, and yet no snapshot: a page may have been looked for before it was sealed, and the
    // cursor read after the next fetcher's lease. Only what is not there after that never will be.
    let absent = |message: &&&PageMessage| {
        message.number > loaded.cursor.committed
            && message.fence < loaded.cursor.fence
            && loaded.pages.iter().all(|page| page.number != message.number)
    };
    let again: Vec<PageNumber> =
        messages.iter().filter(absent).map(|message| message.number).collect();
    if !again.is_empty() && Guard::LookTwice.stands() {
        let found = store.load(&flow.stream, &again, None).await?;
        loaded.pages.extend(found.pages);
    }
    Ok(loaded)
}

/// What a message is worth.
pub(super) enum Standing<'a> {
    /// Its page is committed or void, or another emission's: it carries nothing.
    Stale,
    /// Its page is not sealed yet.
    Unsealed,
    /// Its page is settled, and perhaps not committed yet.
    Done,
    /// It carries this page.
    Live(&'a Page),
}

/// Judges a message by the page item: the rule of the protocol.
pub(super) fn judge<'a>(cursor: &Cursor, pages: &'a [Page], message: &PageMessage) -> Standing<'a> {
    if message.number <= cursor.committed {
        return Standing::Stale;
    }
    match pages.iter().find(|page| page.number == message.number) {
        Some(page) if page.emission == message.emission || !Guard::Emission.stands() => {
            match page.state {
                PageState::Done => Standing::Done,
                PageState::Open => Standing::Live(page),
            }
        }
        Some(_) => Standing::Stale,
        // A fetcher with an older fence can never seal it any more.
        None if message.fence < cursor.fence => Standing::Stale,
        None if !Guard::UnsealedWaits.stands() => Standing::Stale,
        None => Standing::Unsealed,
    }
}
