//! The processor: load, judge, deliver, settle, commit, acknowledge or give back.

mod pages;

use std::sync::Mutex;

use super::{
    Flow, Ports,
    commit::help,
    dispatch::{Dispatched, Dispatcher, PageWork},
    report::{Disposition, ProcessReport},
    send::{Confirmed, Invocation, Packing, Sender},
    stalls,
    standing::{Standing, judge, look},
    throttle::Throttle,
};
use crate::{
    decide::{Deadline, Delivery, ISOLATE_FROM_RECEIVES, ms_until},
    guard::Guard,
    model::{Cursor, Page},
    ports::{Clock, Loaded, PageQueue, Platform, Route, Unavailable},
};
pub use pages::Arrival;
use pages::{Job, Pages};

/// How long a message waits whose page is not sealed yet, in ms.
const UNSEALED_MS: u64 = 5_000;

/// So often a page's message is received before it begins with another record than its first.
const RECEIVES_IN_ORDER: u32 = 3;

/// Processes page messages of one stream. An error means that the state table gave no answer at the
/// start: nothing was done, and every message comes back.
pub async fn process<P: Platform>(
    ports: &Ports<P>,
    flow: &Flow,
    arrivals: Vec<Arrival>,
    deadline: Deadline,
    processors: u32,
) -> Result<ProcessReport, Unavailable> {
    let began_ms = ports.clock.now_ms();
    let messages: Vec<_> = arrivals.iter().map(|arrival| &arrival.page).collect();
    let Loaded { cursor, pages, budget } = look(ports, flow, &messages).await?;
    let Sorted { jobs, mut report, done_before } = sort::<P>(&cursor, &pages, arrivals);

    let lasts_ms = ms_until(began_ms, deadline.at_ms);
    let sink = Pages { ports, flow, jobs: &jobs, lasts_ms };
    let invocation = Invocation { deadline, generation: cursor.generation, ended: cursor.ended };
    let records = jobs.iter().map(|job| &*job.arrival.page.records).collect();
    let packing = Packing { flow, pages: records };
    let confirmed = Confirmed::default();
    let in_hand = Mutex::default();
    flow.destination.begins(invocation.generation);
    let sender = Sender { ports, flow, invocation, packing, confirmed, in_hand };
    let throttle = Throttle::new(ports, flow, deadline, processors, budget);
    let knows_a_whole = |route| flow.destination.batching(Route(route)).known_as_a_whole;
    let begins_elsewhere =
        !flow.settings.is_serial() && !(0..flow.destination.routes()).any(knows_a_whole);
    let work = jobs.iter().map(|job| work_on(job, begins_elsewhere)).collect();
    let refused = cursor.delivering.refused;
    let done = Dispatcher::new(&sender, &sink, throttle, work, Some(refused)).run().await;
    let Dispatched { finished, tally, pages_done, errors, quota_until_ms, delivery } = done;
    let oldest_ms = jobs.iter().map(|job| job.page.last_progress_ms).min();
    if let Some(oldest_ms) = oldest_ms {
        let delivery = Delivery { oldest_ms, ..delivery };
        report.settled = delivery.settled;
        report.stall = stalls::note(ports, flow, &cursor.delivering, &delivery).await;
    }
    (report.began_ms, report.ended_ms) = (began_ms, ports.clock.now_ms());
    report.tally = tally;
    report.pages_done = pages_done;
    report.quota_until_ms = quota_until_ms;
    report.errors = errors.digest().groups;
    let receipt = |page: usize| jobs[page].arrival.receipt.clone();
    report.dispositions.extend(finished.into_iter().map(|(page, it)| (receipt(page), it)));
    if let Some(until_ms) = quota_until_ms {
        tracing::info!(stream = %flow.stream, until_ms, "a quota is used up: the rest goes on then");
    }

    if pages_done > 0 || done_before {
        // Should this fail, the next fetcher helps.
        if let Err(error) = help::<P>(&ports.store, &flow.stream, cursor).await {
            tracing::warn!(stream = %flow.stream, %error, "the commit is left to the next run");
        }
    }
    let back = report.given_back();
    if !back.is_empty()
        && let Err(error) = ports.queue.give_back(&back).await
    {
        // They come back all the same, when the time is over for which the queue hides them.
        tracing::warn!(stream = %flow.stream, %error, "messages were not given back early");
    }
    Ok(report)
}

/// Messages by what they are worth.
struct Sorted {
    /// Those that carry a page.
    jobs: Vec<Job>,
    /// What becomes of the others.
    report: ProcessReport,
    /// Some page was settled before, and is perhaps not committed yet.
    done_before: bool,
}

fn sort<P: Platform>(cursor: &Cursor, pages: &[Page], arrivals: Vec<Arrival>) -> Sorted {
    let mut sorted =
        Sorted { jobs: Vec::new(), report: ProcessReport::default(), done_before: false };
    let Sorted { jobs, report, done_before } = &mut sorted;
    for arrival in arrivals {
        match judge::<P>(cursor, pages, &arrival.page) {
            Standing::Stale => {
                report.pages_stale += 1;
                report.dispositions.push((arrival.receipt, Disposition::Acknowledge));
            }
            Standing::Unsealed => {
                let give_back = Disposition::GiveBack { delay_ms: UNSEALED_MS };
                report.dispositions.push((arrival.receipt, give_back));
            }
            Standing::Done => {
                *done_before = true;
                report.pages_stale += 1;
                report.dispositions.push((arrival.receipt, Disposition::Acknowledge));
            }
            Standing::Live(page) => {
                // Perhaps one of its records crashes its processor.
                let unheard_of = arrival.receives.saturating_sub(page.receives_at_clean_exit);
                let isolated = P::stands(Guard::Isolation)
                    && (unheard_of >= ISOLATE_FROM_RECEIVES || page.from < cursor.isolate_to);
                jobs.push(Job { page: page.clone(), arrival, isolated });
            }
        }
    }
    // The oldest page first: the watermark waits for it. But what came back much more often, and failed
    // perhaps, comes after the others: they show whether it is the destination that fails.
    jobs.sort_by_key(|job| (job.arrival.receives.max(1).ilog2(), job.page.number));
    sorted
}

/// A page that comes back again and again begins with another of its records each time, where their order is free: else
/// one that always fails, and uses up what a limit permits, would keep all others of the page from being tried.
fn work_on(Job { arrival, page, isolated }: &Job, begins_elsewhere: bool) -> PageWork {
    let carried = arrival.page.records.len();
    let mut work = PageWork::new(page.count, carried, page.settled.clone(), *isolated);
    if begins_elsewhere && !isolated {
        work.begin_with(arrival.receives.saturating_sub(RECEIVES_IN_ORDER));
    }
    work
}
