//! The source as one invocation walks it: a request sees the rows of its moment.

use tidegate_core::{
    model::{EpochMs, Position, Record, RecordId, Version},
    ports::{Batch, BoxFuture, Marker, Source, SourceError, Unavailable, Walk},
};

use super::Seat;
use crate::world::{Row, mark, position};

pub const CALLS: &[&str] = &["read", "mark"];

pub struct SimSource(pub Seat);

struct SimWalk {
    seat: Seat,
    at: Position,
    until_ms: EpochMs,
    /// When the last record changed that it gave.
    given_to_ms: Option<EpochMs>,
}

impl Source for SimSource {
    fn walk(&self, from: Position, until_ms: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(SimWalk { seat: self.0.clone(), at: from, until_ms, given_to_ms: None })
    }

    fn marker(&self) -> Option<&dyn Marker> {
        if self.0.world.scenario.marks() { Some(self) } else { None }
    }
}

impl Marker for SimSource {
    fn mark<'a>(
        &'a self,
        id: &'a RecordId,
        _data: &'a [u8],
        _timeout_ms: u64,
    ) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let RecordId::Number(id) = id else { unreachable!("ids are numbers here") };
            // Without its guard it was marked before, and that failed.
            if self.0.world.inner().unmarked.remove(id) {
                return Err(no_answer(Unavailable("mark".into())));
            }
            let marked = self.0.call("mark", async || {
                self.0.world.inner().marked.insert(*id);
            });
            marked.await.map_err(no_answer)
        })
    }
}

impl Walk for SimWalk {
    fn next(&mut self, _deadline_ms: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        Box::pin(async move {
            let read = self.seat.call("read", async || {
                let inner = self.seat.world.inner();
                let due =
                    |id: i64, row: Row| row.at_ms <= self.until_ms && position(id, row) > self.at;
                // A table shows the newest state of each row, a log every one.
                let mut rows: Vec<(i64, Row)> = if self.seat.world.scenario.is_log() {
                    let row = |(at_ms, id, deleted)| (id, Row { at_ms, deleted });
                    inner.log.iter().copied().map(row).collect()
                } else {
                    inner.rows.iter().map(|(id, row)| (*id, *row)).collect()
                };
                rows.retain(|(id, row)| due(*id, *row));
                rows.sort_unstable_by_key(|(id, row)| (row.at_ms, *id));
                let rows_max = self.seat.world.settings.page_records_max as usize + 1;
                let end = rows.len() <= rows_max;
                rows.truncate(rows_max);
                (rows, end)
            });
            let (rows, end) = read.await.map_err(no_answer)?;
            let records: Vec<Record> = rows
                .into_iter()
                .map(|(id, row)| Record {
                    mark: mark(id, row.at_ms),
                    step: None,
                    id: RecordId::Number(id),
                    version: Version(row.at_ms),
                    deleted: row.deleted,
                    data: format!(r#"{{"id":{id},"at":{}}}"#, row.at_ms).into(),
                    refused: None,
                })
                .collect();
            if let Some(last) = records.last() {
                self.at = Position::At(last.mark.clone());
                self.given_to_ms = last.mark.at.as_ref().map(|at| at.ns / 1_000_000);
            }
            // All of the last timestamp was read: the position moves behind it, with the last records or after
            // them.
            let given_to_ms =
                self.given_to_ms.filter(|_| end && self.seat.world.scenario.reaches());
            let reached = given_to_ms.map(|at_ms| Position::At(mark(i64::MAX, at_ms)));
            let reached = reached.filter(|reached| *reached > self.at);
            Ok(Batch { records, reached, end, requests: 1, ..Batch::default() })
        })
    }
}

fn no_answer(error: Unavailable) -> SourceError {
    SourceError::Later { reason: error.0, after_ms: None }
}
