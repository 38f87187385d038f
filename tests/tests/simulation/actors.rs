//! The actors: invocations of the production code, as a host would start them.

use tidegate_core::{
    app::{Arrival, Disposition, FetchRun, Flow, Ports, bury, fetch, process},
    decide::Deadline,
    model::{Message, PageMessage},
    ports::{Clock, Receipt},
};

use super::{
    ports::{Same, Seat, SimDestination, SimSource, yield_once},
    world::{Carried, INVOCATION_MS, PROCESSORS, RECEIVES_MAX, VISIBILITY_MS, World},
};

fn ports(seat: &Seat) -> Ports<Seat, Seat, Seat, Seat> {
    Ports { store: seat.clone(), queue: seat.clone(), clock: seat.clone(), entropy: seat.clone() }
}

fn flow(seat: &Seat) -> Flow {
    Flow {
        stream: seat.world.stream.clone(),
        settings: seat.world.settings.clone(),
        source: Box::new(SimSource(seat.clone())),
        transform: Box::new(Same),
        destination: Box::new(SimDestination(seat.clone())),
    }
}

pub async fn fetcher(seat: Seat) {
    let now_ms = seat.now_ms();
    let run = FetchRun {
        deadline: Deadline::new(now_ms, now_ms + INVOCATION_MS),
        records_max: None,
        send_delay_ms: 2_000,
    };
    // An error is a lost answer: the next run goes on.
    let _ = fetch(&ports(&seat), &flow(&seat), run).await;
}

pub async fn processor(seat: Seat, carried: Vec<Carried>) {
    let now_ms = seat.now_ms();
    let deadline = Deadline::new(now_ms, now_ms + INVOCATION_MS);
    let arrivals = carried.iter().map(|message| Arrival {
        receipt: Receipt(message.name.to_string().into()),
        receives: message.receives,
        page: page_of(message),
    });
    let (ports, flow) = (ports(&seat), flow(&seat));
    let Ok(report) = process(&ports, &flow, arrivals.collect(), deadline, PROCESSORS).await else {
        return;
    };
    for (receipt, disposition) in report.dispositions {
        if disposition == Disposition::Acknowledge {
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
            if let Some(message) = message {
                super::invariants::acknowledged(&seat.world, &page_of(&message));
            }
            seat.world.inner().messages.retain(|message| message.name != name);
        })
        .await;
}

pub async fn burier(seat: Seat) {
    let Some(letter) = seat.world.inner().dead.first().cloned() else { return };
    yield_once().await;
    let buried = bury(&ports(&seat), &flow(&seat), &page_of(&letter)).await;
    if buried.is_ok_and(|report| report.buried) {
        seat.world.inner().dead.retain(|it| it.name != letter.name);
    }
}

/// What the event source mapping does: takes visible messages in any order.
pub fn receive(world: &World, max: usize) -> Vec<Carried> {
    let now_ms = world.clock.now_ms();
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
        if inner.messages[place].receives > RECEIVES_MAX {
            let dead = inner.messages.remove(place);
            inner.dead.push(dead);
            continue;
        }
        inner.messages[place].visible_ms = now_ms + VISIBILITY_MS;
        taken.push(inner.messages[place].clone());
    }
    taken
}

fn page_of(message: &Carried) -> PageMessage {
    match Message::decode(&message.body).expect("the fetcher wrote it") {
        Message::Page(page) => page,
        Message::Replay(_) => unreachable!("nobody replays here"),
    }
}
