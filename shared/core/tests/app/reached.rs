//! A source that says how far it was read, beyond its last record.

use std::{collections::VecDeque, sync::Mutex};

use tidegate_core::{
    app::{FetchReport, FetchRun, fetch},
    model::{EpochMs, FlowSettings, Mark, PageState, Position, Record, RecordId, Step, Version},
    ports::{Batch, BoxFuture, CursorStore, Source, SourceError, Walk},
};
use tidegate_testkit::{World, run};

/// Gives one of these in each run.
struct Scripted(Mutex<VecDeque<Batch>>);

impl Source for Scripted {
    fn walk(&self, _: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(Once(self.0.lock().unwrap().pop_front().expect("a batch for this run")))
    }
}

struct Once(Batch);

impl Walk for Once {
    fn next(&mut self, _: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        let batch = std::mem::take(&mut self.0);
        Box::pin(std::future::ready(Ok(Batch { end: true, ..batch })))
    }
}

fn step(number: u64) -> Step {
    Step { number, state: "{}".into() }
}

fn record(number: u64) -> Record {
    let id = RecordId::Number(number as i64);
    let mark = Mark { at: None, id: id.clone() };
    let step = Some(step(number));
    Record { mark, step, id, version: Version(0), deleted: false, data: "{}".into(), refused: None }
}

fn world(batches: Vec<Batch>) -> World {
    let mut world = World::new(FlowSettings::default());
    world.flow.source = Box::new(Scripted(Mutex::new(batches.into())));
    world
}

fn fetched(world: &World) -> FetchReport {
    let deadline = world.deadline();
    let run_of = FetchRun { deadline, records_max: None, send_delay_ms: 0 };
    run(fetch(&world.ports, &world.flow, run_of)).expect("memory answers")
}

#[test]
fn a_position_that_moves_with_records_is_their_pages_end() {
    let reached = Some(Position::Step(step(9)));
    let world = world(vec![Batch { records: vec![record(1)], reached, ..Batch::default() }]);
    let report = fetched(&world);
    assert_eq!((report.pages, report.records), (1, 1));
    assert_eq!(report.head, Position::Step(step(9)));
}

#[test]
fn a_position_that_moves_without_records_is_a_page_that_is_done() {
    let reached = |number| Some(Position::Step(step(number)));
    let world = world(vec![Batch { reached: reached(1), ..Batch::default() }, Batch::default()]);
    let report = fetched(&world);
    assert_eq!((report.pages, report.records), (1, 0));
    assert!(report.caught_up, "nothing is left to deliver");
    let stream = &world.flow.stream;
    let pages = run(world.ports.store.pages_after(stream, 0, 9)).expect("memory answers");
    assert_eq!((pages.len(), pages[0].state), (1, PageState::Done));
    // The next run commits it.
    let report = fetched(&world);
    assert!(report.caught_up);
    assert_eq!(report.watermark, Position::Step(step(1)));
}
