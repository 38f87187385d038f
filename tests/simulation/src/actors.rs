//! The actors: invocations of the production code, as a host would start them.

use tidegate_core::{
    app::{
        Arrival, Burial, Disposition, FetchRun, Flow, Ports, bury, fetch, process, process_replay,
    },
    decide::Deadline,
    guard::Guard,
    model::{Message, OnUnknown, PageMessage},
    ports::{Clock, Receipt},
};
use tidegate_testkit::{Same, yield_once};

use crate::{
    invariants,
    seat::{Seat, SimDestination, SimSource},
    switch::stands,
    world::{Carried, INVOCATION_MS, PROCESSORS, SHORT_LEASE_MS, VISIBILITY_MS, World},
};

pub fn ports(seat: &Seat) -> Ports<Seat> {
    Ports { store: seat.clone(), queue: seat.clone(), clock: seat.clone(), entropy: seat.clone() }
}

/// The flow, as `is_replay` says of parked records that an operator looked at.
fn flow(seat: &Seat, is_replay: bool) -> Flow {
    let mut settings = seat.world.settings.clone();
    // Two guards are the flow's own settings.
    if !stands(Guard::SettleLag) {
        settings.settle_lag_ms = 0;
    }
    if !stands(Guard::ResolveUnknown) {
        settings.on_unknown = OnUnknown::Retry;
    }
    Flow {
        stream: seat.world.stream.clone(),
        settings,
        source: Box::new(SimSource(seat.clone())),
        lookup: None,
        transform: Box::new(Same),
        destination: Box::new(SimDestination {
            seat: seat.clone(),
            is_replay,
            begun: std::sync::Mutex::default(),
        }),
    }
}

pub async fn fetcher(seat: Seat) {
    let now_ms = seat.now_ms();
    let oversleeps = seat.world.scenario.fetchers_oversleep();
    let lease_ms = if oversleeps { SHORT_LEASE_MS } else { INVOCATION_MS };
    let run = FetchRun {
        deadline: Deadline::new(now_ms, now_ms + lease_ms),
        records_max: None,
        send_delay_ms: 2_000,
    };
    let fence_before = invariants::cursor(&seat.world).map_or(0, |cursor| cursor.fence);
    // An error is a lost answer: the next run goes on.
    if let Ok(report) = fetch(&ports(&seat), &flow(&seat, false), run).await {
        seat.world.inner().voided += report.voided;
        invariants::fetched(&seat.world, fence_before, &report);
    }
}

pub async fn processor(seat: Seat, carried: Vec<Carried>) {
    let now_ms = seat.now_ms();
    let deadline = Deadline::new(now_ms, now_ms + INVOCATION_MS);
    let ports = ports(&seat);
    let (mut pages, mut replays) = (Vec::new(), Vec::new());
    for Carried { name, body, receives, .. } in carried {
        let receipt = Receipt(name.to_string().into());
        match tidegate_wire::decode(&body).expect("the application wrote it") {
            Message::Page(page) => pages.push(Arrival { receipt, receives, page }),
            Message::Replay(replay) => replays.push((receipt, replay)),
        }
    }
    let mut dispositions = Vec::new();
    if !pages.is_empty()
        && let Ok(report) = process(&ports, &flow(&seat, false), pages, deadline, PROCESSORS).await
    {
        dispositions.extend(report.dispositions);
    }
    for (receipt, replay) in replays {
        if let Ok(report) =
            process_replay(&ports, &flow(&seat, true), receipt, replay, deadline, PROCESSORS).await
        {
            dispositions.extend(report.dispositions);
        }
    }
    for (receipt, disposition) in dispositions {
        if disposition == Disposition::Acknowledge || !stands(Guard::AcknowledgeLast) {
            let name: u64 = receipt.0.parse().expect("a receipt is the message's name");
            acknowledge(&seat, name).await;
        }
    }
}

/// The host deletes what the invocation acknowledged; a crash may come between.
async fn acknowledge(seat: &Seat, name: u64) {
    let _ = seat
        .call("acknowledge", async || {
            let message = seat.world.inner().messages.iter().find(|it| it.name == name).cloned();
            if let Some(page) = message.as_ref().and_then(page_of) {
                invariants::acknowledged(&seat.world, &page);
            }
            seat.world.inner().messages.retain(|message| message.name != name);
        })
        .await;
}

pub async fn burier(seat: Seat) {
    let Some(letter) = seat.world.inner().dead.first().cloned() else { return };
    yield_once().await;
    // What a replay was to try again is parked still.
    let buried = match page_of(&letter) {
        None => true,
        Some(page) => {
            let burial = bury(&ports(&seat), &flow(&seat, false), &page).await;
            matches!(burial, Ok(Burial::Buried(_)))
        }
    };
    if buried {
        seat.world.inner().dead.retain(|it| it.name != letter.name);
    }
}

/// What the event source mapping does: takes visible messages in any order.
pub fn receive(world: &World, max: usize) -> Vec<Carried> {
    let now_ms = world.now_ms();
    let inner = &mut *world.inner();
    let mut taken = Vec::new();
    while taken.len() < max {
        let visible: Vec<usize> = (0..inner.messages.len())
            .filter(|place| inner.messages[*place].visible_ms <= now_ms)
            .collect();
        if visible.is_empty() {
            break;
        }
        let place = visible[inner.rng.below(visible.len() as u64) as usize];
        inner.messages[place].receives += 1;
        if inner.messages[place].receives > world.receives_max {
            let dead = inner.messages.remove(place);
            inner.dead.push(dead);
            inner.dead_ever += 1;
            continue;
        }
        inner.messages[place].visible_ms = now_ms + VISIBILITY_MS;
        taken.push(inner.messages[place].clone());
    }
    taken
}

fn page_of(message: &Carried) -> Option<PageMessage> {
    match tidegate_wire::decode(&message.body).expect("the application wrote it") {
        Message::Page(page) => Some(page),
        Message::Replay(_) => None,
    }
}
