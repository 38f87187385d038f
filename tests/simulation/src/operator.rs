//! What somebody does to the stream meanwhile, with the production code's own operations.

use tidegate_core::{
    app::{Predecessor, digest, list_parked, recover, replay, rewind, set_paused, status},
    model::{Ended, OnUnknown, Parked, Position, RecordId},
    ports::{Clock, CursorStore},
};
use tidegate_testkit::SplitMix;

use crate::{
    actors::ports,
    invariants::cursor,
    scenario::Scenario,
    seat::Seat,
    world::{INVOCATION_MS, World, position},
};

/// One thing that an operator does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Look,
    Pause,
    Resume,
    /// The destination takes from now on what it refused, and everything parked is tried again.
    FixAndReplay,
    /// To the position of some row, or the start; never beyond the watermark, for that would skip.
    Rewind,
    /// Somebody is told of new errors.
    Digest,
    /// The process that comes after one that was killed finds out what it left.
    Recover,
}

impl Deed {
    pub fn draw(rng: &mut SplitMix, scenario: Scenario) -> Self {
        match rng.below(10) {
            0..2 => Self::Pause,
            2..5 => Self::Resume,
            _ if scenario == Scenario::Rewinds => Self::Rewind,
            // Who rewinds charges again, and wants to.
            _ if scenario == Scenario::Charges => Self::FixAndReplay,
            5..7 => Self::FixAndReplay,
            7..9 => Self::Rewind,
            _ => Self::Look,
        }
    }
}

/// Does it once; an answer that is lost is not asked for again.
pub async fn operator(seat: Seat, deed: Deed) {
    let (ports, stream) = (ports(&seat), &seat.world.stream);
    seat.world.note(|| format!("{} will {deed:?}", seat.name));
    match deed {
        Deed::Look => drop(status(&ports, stream, &seat.world.settings).await),
        Deed::Pause => drop(set_paused(&ports, stream, true).await),
        Deed::Resume => drop(set_paused(&ports, stream, false).await),
        Deed::FixAndReplay => {
            seat.world.inner().poison.clear();
            let asked_ms = seat.now_ms();
            let again = |parked: &Parked| is_to_be_replayed(&seat.world, parked);
            if let Ok(parked) = list_parked(&ports, stream, again).await {
                let _ = replay(&ports, stream, &parked, asked_ms).await;
            }
        }
        // Whoever parks does so within its invocation.
        Deed::Digest => drop(digest(&ports.store, &ports.clock, &seat, INVOCATION_MS).await),
        Deed::Recover => {
            let now_ms = seat.now_ms();
            let ended = Ended { before_ms: now_ms, sent_until_ms: now_ms };
            let before = Predecessor { ended, holds_ms: seat.world.settings.landing_ms };
            if recover(&ports, stream, &seat.world.settings, before).await.is_ok() {
                seat.world.inner().recovers = false;
            }
        }
        Deed::Rewind => {
            // A first look, for the cursor may not be there yet.
            if matches!(ports.store.cursor(stream).await, Ok(Some(_))) {
                let to = somewhere_before(&seat.world);
                let _ = rewind(&ports, stream, &to).await;
            }
        }
    }
}

/// Whether an operator replays it: where nothing may be sent twice, whoever finds one parked as unknown
/// looks whether the destination has it.
pub fn is_to_be_replayed(world: &World, parked: &Parked) -> bool {
    let RecordId::Number(id) = parked.key.id else { unreachable!("ids are numbers here") };
    let looks = world.settings.on_unknown == OnUnknown::Park && parked.is_unknown();
    !looks || !world.inner().landed.contains_key(&id)
}

fn somewhere_before(world: &World) -> Position {
    let watermark = cursor(world).map(|cursor| cursor.watermark).unwrap_or_default();
    let inner = &mut *world.inner();
    let rows: Vec<Position> = inner
        .rows
        .iter()
        .map(|(id, row)| position(*id, *row))
        .filter(|position| *position <= watermark)
        .collect();
    let place = inner.rng.below(rows.len() as u64 + 1) as usize;
    rows.into_iter().nth(place).unwrap_or_default()
}
