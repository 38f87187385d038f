//! I1–I9, looked at after every step.

use std::{collections::HashMap, ops::Range};

use futures_util::FutureExt;
use tidegate_core::{
    app::{End, FetchReport},
    model::{
        Cursor, Emission, Fence, Page, PageMessage, PageNumber, PageState, Parked, Position,
        RecordId,
    },
    ports::{CursorStore, ParkedStore},
};

use crate::world::{Row, World, position};

/// What was seen before, to see what went back.
#[derive(Default)]
pub struct Watch {
    last: Option<Cursor>,
    emissions: HashMap<u64, Emission>,
}

impl Watch {
    /// Checks everything that must hold at every step.
    pub fn check(&mut self, world: &World) -> Result<(), String> {
        if let Some(breach) = world.inner().breach.take() {
            return Err(breach);
        }
        let Some(cursor) = cursor(world) else { return Ok(()) };
        if self.last.as_ref() == Some(&cursor) {
            return Ok(());
        }
        let rewound = self.last.as_ref().is_some_and(|last| last.generation < cursor.generation);
        if rewound {
            world.inner().rewound = Some((world.now_ms(), cursor.watermark.clone()));
        }
        if let Some(last) = &self.last {
            let went_back = cursor.committed < last.committed
                || (cursor.watermark < last.watermark && !rewound)
                || cursor.generation < last.generation
                || cursor.fence < last.fence
                || cursor.next < last.next;
            if went_back {
                return Err(format!(
                    "I1: the cursor went back\n  from {last:?}\n  to   {cursor:?}"
                ));
            }
        }
        if self.last.as_ref().is_none_or(|last| last.watermark != cursor.watermark) {
            settled_up_to(world, &cursor.watermark, "I2")?;
        }
        self.pages(world, &cursor)?;
        let sealed = self.last.as_ref().map_or(1, |last| last.next)..cursor.next;
        every_page_was_sent(world, sealed)?;
        self.last = Some(cursor);
        Ok(())
    }

    fn pages(&mut self, world: &World, cursor: &Cursor) -> Result<(), String> {
        let open = pages_after(world, cursor.committed);
        let mut end = (cursor.committed, cursor.watermark.clone());
        for page in &open {
            if page.number != end.0 + 1 || page.from != end.1 {
                return Err(format!("I6: page {} does not join the one before", page.number));
            }
            let emission = self.emissions.entry(page.number).or_insert(page.emission.clone());
            if *emission != page.emission {
                return Err(format!("I6: page {} has a second emission", page.number));
            }
            end = (page.number, page.to.clone());
        }
        if (end.0 + 1, &end.1) != (cursor.next, &cursor.head) {
            return Err(format!("I6: the last page ends at {end:?}, the head is {cursor:?}"));
        }
        Ok(())
    }
}

/// A page is sealed only after its message was sent: else nobody carries it, until it is reaped.
fn every_page_was_sent(world: &World, sealed: Range<PageNumber>) -> Result<(), String> {
    if sealed.is_empty() {
        return Ok(());
    }
    let pages = pages_after(world, sealed.start - 1);
    let inner = world.inner();
    match pages.iter().find(|page| !inner.emitted.contains(&page.emission)) {
        Some(page) => {
            Err(format!("page {} is sealed, and its message was never sent", page.number))
        }
        None => Ok(()),
    }
}

/// A run ends as fenced off only where somebody else raised the fence.
pub fn fetched(world: &World, fence_before: Fence, report: &FetchReport) {
    let fence = cursor(world).map_or(0, |cursor| cursor.fence);
    if report.end == End::Fenced && fence <= fence_before + 1 {
        let breach = "a fetcher says that it was fenced off, and nobody else came".to_owned();
        world.inner().breach = Some(breach);
    }
}

/// I9: a message is acknowledged only if settled, superseded or committed.
pub fn acknowledged(world: &World, message: &PageMessage) {
    let cursor = cursor(world).expect("a message comes after its cursor");
    if message.number <= cursor.committed {
        return;
    }
    let pages = pages_after(world, cursor.committed);
    let page = pages.iter().find(|page| page.number == message.number);
    let fine = match page {
        Some(page) if page.emission == message.emission => page.state == PageState::Done,
        Some(_) => true,
        None => message.fence < cursor.fence,
    };
    if !fine {
        let breach = format!("I9: page {} was acknowledged and is not settled", message.number);
        world.inner().breach = Some(breach);
    }
}

/// At rest: everything has landed at its newest version or is parked (I3, I4), the watermark is at
/// the end (I5), and what a rewind went back over was sent again.
pub fn at_rest(world: &World) -> Result<(), String> {
    let end = end_of_source(world);
    let cursor = cursor(world).unwrap_or_default();
    if cursor.watermark < end {
        return Err(format!("I5: the watermark stays at {}, the end is {end}", cursor.watermark));
    }
    settled_up_to(world, &end, "I4")?;
    let parked = parked(world);
    let inner = world.inner();
    if let Some(innocent) = parked.iter().find(|parked| !inner.may_have_killed(parked)) {
        return Err(format!("{:?} is parked: {}", innocent.key, innocent.reason));
    }
    for (id, row) in &inner.rows {
        let has = inner.landed.get(id);
        if has != Some(row) && !aside(&parked, *id, *row) {
            return Err(format!(
                "I3: the destination ends with {id} {has:?}, the source has {row}"
            ));
        }
        if world.scenario.marks() && !inner.marked.contains(id) && !aside(&parked, *id, *row) {
            return Err(format!("{id} {row} was delivered, and never marked at the source"));
        }
        let Some((rewound_ms, to)) = &inner.rewound else { continue };
        let sent_again = inner.sent_ms.get(id).is_some_and(|sent_ms| sent_ms >= rewound_ms);
        if position(*id, *row) > *to && !sent_again && !aside(&parked, *id, *row) {
            return Err(format!("a rewind to {to} at {rewound_ms} never sent {id} again"));
        }
    }
    Ok(())
}

/// Everything at or before `up_to` has landed at its version or newer, or is parked.
fn settled_up_to(world: &World, up_to: &Position, name: &str) -> Result<(), String> {
    let parked = parked(world);
    let inner = world.inner();
    for (id, row) in &inner.rows {
        let landed = inner.newest_landed.get(id).is_some_and(|it| *it >= row.at_ms);
        if landed || position(*id, *row) > *up_to || aside(&parked, *id, *row) {
            continue;
        }
        return Err(format!("{name}: {up_to} is ahead of {id} {row}, which has not landed"));
    }
    Ok(())
}

/// Whether it is parked, at this version or a newer one.
fn aside(parked: &[Parked], id: i64, row: Row) -> bool {
    parked.iter().any(|it| it.key.id == RecordId::Number(id) && it.key.version.0 >= row.at_ms)
}

pub fn end_of_source(world: &World) -> Position {
    let inner = world.inner();
    inner.rows.iter().map(|(id, row)| position(*id, *row)).max().unwrap_or_default()
}

pub fn cursor(world: &World) -> Option<Cursor> {
    now(world.store.cursor(&world.stream))
}

fn pages_after(world: &World, after: u64) -> Vec<Page> {
    now(world.store.pages_after(&world.stream, after, usize::MAX))
}

pub fn parked(world: &World) -> Vec<Parked> {
    now(world.store.parked(&world.stream, None, usize::MAX))
}

fn now<T, E: std::fmt::Debug>(answer: impl Future<Output = Result<T, E>>) -> T {
    answer.now_or_never().expect("memory answers at once").expect("memory always answers")
}
