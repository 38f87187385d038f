//! Trying parked records again, with the same keys and under the same ledger.

use super::{
    Disposition, Flow, Ports, ProcessReport,
    deliver::{Invocation, chunk, deliver},
};
use crate::{
    decide::{Deadline, Verdict, verdict},
    guard::Guard,
    model::{Blame, Parked, ReplayMessage, WireRecord},
    ports::{Clock, Ids, PageQueue, Receipt, Store, Unavailable},
};

/// How long a replay waits that did not get through, in ms.
const REPLAY_AGAIN_MS: u64 = 30_000;

/// Processes one replay message. A record that is settled leaves the parked ones; one that is
/// refused again stays, with its newest reason. A crash leaves it parked: nothing is lost.
pub async fn process_replay<S: Store, Q: PageQueue, C: Clock, E: Ids>(
    ports: &Ports<S, Q, C, E>,
    flow: &Flow,
    receipt: Receipt,
    message: ReplayMessage,
    deadline: Deadline,
) -> Result<ProcessReport, Unavailable> {
    // Under the generation of today: what a rewind has delivered since then is not sent again.
    let cursor = ports.store.cursor(&flow.stream).await?;
    let generation = cursor.map_or(0, |cursor| cursor.generation);
    let invocation = Invocation { deadline, generation };
    let parked = ports.store.parked_by_key(&flow.stream, &message.keys).await?;
    if !Guard::ParkedUntilSettled.stands() {
        ports.store.unpark(&flow.stream, &message.keys).await?;
    }
    let records: Vec<WireRecord> = parked.iter().map(Parked::record).collect();
    let mut report = ProcessReport::default();
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let mut remaining = (0..count).peekable();
    let mut wait_ms = None;
    while remaining.peek().is_some() && wait_ms.is_none() {
        let timeout_ms = flow.settings.request_timeout_ms;
        let now_ms = ports.clock.now_ms();
        let Some(timeout_ms) = deadline.request_ms(now_ms, timeout_ms, 0) else {
            wait_ms = Some(0);
            break;
        };
        let chunk = chunk(flow, &records, &mut remaining);
        let delivered = deliver(ports, flow, &records, chunk, invocation, timeout_ms).await;
        report.tally.requests += u64::from(delivered.took_ms.is_some());
        let (mut gone, mut again) = (Vec::new(), Vec::new());
        for (index, outcome) in delivered.outcomes {
            let parked = &parked[index as usize];
            match verdict(outcome, false, false) {
                Verdict::Delivered => {
                    report.tally.delivered += 1;
                    gone.push(parked.key.clone());
                }
                Verdict::Skipped => {
                    report.tally.skipped += 1;
                    gone.push(parked.key.clone());
                }
                Verdict::Park { status, reason } => again.push(Parked {
                    status,
                    reason,
                    parked_at_ms: ports.clock.now_ms(),
                    ..parked.clone()
                }),
                Verdict::Later(later) => {
                    report.tally.throttled += u64::from(later.blame == Blame::Limit);
                    report.tally.retried += 1;
                    wait_ms = wait_ms.max(Some(later.after_ms.unwrap_or(REPLAY_AGAIN_MS)));
                }
            }
        }
        report.tally.parked += again.len() as u64;
        if !again.is_empty() {
            ports.store.park(&again).await?;
        }
        if !gone.is_empty() {
            ports.store.unpark(&flow.stream, &gone).await?;
        }
    }
    let disposition = match wait_ms {
        None => Disposition::Acknowledge,
        Some(delay_ms) => Disposition::GiveBack { delay_ms },
    };
    if let Disposition::GiveBack { delay_ms } = disposition {
        // It comes back all the same when its visibility timeout ends.
        let _ = ports.queue.give_back(&[(receipt.clone(), delay_ms)]).await;
    }
    report.dispositions.push((receipt, disposition));
    Ok(report)
}
