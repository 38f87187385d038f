//! `--dry-run`: the first records of the list, and the requests that they would be sent by.

use std::sync::Arc;

use tidegate_core::{
    model::{Position, StreamId},
    ports::Clock,
};
use tidegate_flow::Connection;
use tidegate_runtime::WallClock;

use super::seen::Printer;
use crate::{
    connection::{self, FlowFile},
    embedded,
    failure::Failure,
    mapped,
};

/// The longest that reading may take, in ms.
const READ_MS: i64 = 60_000;

/// Reads as many records as are wanted from the list's beginning, and shows what would be sent. Its state goes with
/// the process.
pub(super) async fn run(
    file: &FlowFile,
    stream: StreamId,
    given: &Connection,
    wanted: u64,
) -> Result<(), Failure> {
    let state = embedded::open(None)?;
    let flow = connection::flow_seen_by(Arc::new(Printer), file, stream, given, &state.table)?;
    println!("dry run: nothing is sent to the destination");
    let now_ms = WallClock::default().now_ms();
    let mut walk = flow.source.walk(Position::Start, now_ms - flow.settings.settle_lag_ms);
    let mut left = usize::try_from(wanted).unwrap_or(usize::MAX);
    let mut parked = 0_u64;
    while left > 0 {
        let batch = walk.next(now_ms + READ_MS).await.map_err(Failure::run)?;
        for refused in batch.refused.iter().take(left) {
            println!("\nrecord {} would be parked: {}", refused.record.id, refused.reason);
            parked += 1;
            left -= 1;
        }
        for record in batch.records.iter().take(left) {
            println!("\nrecord {}:", record.id);
            let shown = match &record.refused {
                Some(reason) => Err(Failure::run(format!("this record would be parked: {reason}"))),
                None => mapped::show(&record.data, None, &file.spec, given),
            };
            if let Err(failure) = shown {
                println!("{}", failure.report);
                parked += 1;
            }
        }
        left = left.saturating_sub(batch.records.len());
        if batch.end {
            break;
        }
    }
    match parked {
        0 => Ok(()),
        _ => Err(Failure::run(format!("{parked} of these records would be parked"))),
    }
}
