//! The destination: accepts a request, applies it some time later, and may say nothing.

use tidegate_core::{
    model::{Blame, EpochMs, Later, Ordering, Outcome, RecordId},
    ports::{Batching, BoxFuture, Clock, Delivery, Destination, Outgoing},
};

use super::Seat;
use crate::{
    faults::Fate,
    scenario::Scenario,
    world::{LANDING_MS, LATE_LANDING_MS, Landing, Row, World},
};

pub const CALLS: &[&str] = &["deliver"];

pub struct SimDestination(pub Seat);

/// What came of a request.
struct Accepted {
    outcomes: Vec<Outcome>,
    lands_ms: EpochMs,
}

impl Destination for SimDestination {
    fn batching(&self) -> Batching {
        Batching { records_max: 2, bytes_max: 1_000_000 }
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let _in_flight = InFlight::enter(&self.0.world);
            if self.kills(records) {
                self.0.crash("deliver", Fate::CrashBefore, "in").await;
            }
            let answer = self.0.call("deliver", async || self.accept(records)).await;
            let now_ms = self.0.now_ms();
            let Ok(accepted) = answer else {
                return vec![later(Blame::Request, true); records.len()].into();
            };
            let Accepted { outcomes, lands_ms } = match accepted {
                Ok(accepted) => accepted,
                Err(blame) => return vec![later(blame, false); records.len()].into(),
            };
            // The caller learns of it when it has landed, or not at all.
            let gives_up_ms = now_ms.saturating_add_unsigned(timeout_ms);
            let answers_ms = lands_ms + self.0.skew_ms;
            self.0.sleep_until(answers_ms.min(gives_up_ms)).await;
            let lost = answers_ms > gives_up_ms || {
                let inner = &mut *self.0.world.inner();
                inner.rng.chance(inner.faults.unknown_outcome)
            };
            if lost {
                vec![later(Blame::Request, true); records.len()].into()
            } else {
                outcomes.into()
            }
        })
    }
}

impl SimDestination {
    /// Whether one of these ends the process, as by its memory or an abort.
    fn kills(&self, records: &[Outgoing]) -> bool {
        let inner = &mut *self.0.world.inner();
        let kills = records.iter().any(|record| {
            inner.killers.iter().any(|killer| record.id == RecordId::Number(*killer))
        });
        inner.killed += u32::from(kills);
        kills
    }

    /// Takes a request, or is unavailable: a scripted outage speaks of the destination, a drawn one
    /// may be the request's affair.
    fn accept(&self, records: &[Outgoing]) -> Result<Accepted, Blame> {
        let world = &self.0.world;
        let now_ms = world.now_ms();
        let conditional = world.scenario.is_conditional();
        let one_write_at_a_time = world.settings.ordering != Ordering::None && !conditional;
        let inner = &mut *world.inner();
        if inner.down_for_requests > 0 {
            inner.down_for_requests -= 1;
            return Err(Blame::Destination);
        }
        if let Some((_, blame)) = inner.down.as_ref().filter(|(when, _)| when.contains(&now_ms)) {
            let blame = *blame;
            inner.probed_ms.push(now_ms);
            return Err(blame);
        }
        if inner.rng.chance(inner.faults.unavailable) {
            return Err(Blame::Request);
        }
        let takes_ms = match world.scenario {
            _ if inner.lands_after_ms.is_some() => inner.lands_after_ms.unwrap_or_default(),
            Scenario::LateLandings => LANDING_MS - 1 - inner.rng.below(500) as EpochMs,
            Scenario::Conditional if inner.rng.chance(0.3) => {
                inner.rng.below(LATE_LANDING_MS as u64) as EpochMs
            }
            _ => inner.rng.below(LANDING_MS as u64) as EpochMs,
        };
        // Time that passes is what lands it: nothing lands at once.
        let lands_ms = now_ms + takes_ms.max(1);
        let outcomes = records.iter().map(|record| {
            let RecordId::Number(id) = record.id else { unreachable!("ids are numbers here") };
            if inner.poison.contains(&id) {
                return Outcome::Refused { status: Some(422), reason: "poison".into() };
            }
            if one_write_at_a_time && inner.landing.iter().any(|other| other.id == id) {
                inner.breach = Some(format!("I8: two writes of {id} are outstanding"));
            }
            let row = Row { at_ms: record.version.0, deleted: record.deleted };
            inner.landing.push(Landing { lands_ms, id, row });
            inner.sent_ms.insert(id, now_ms);
            Outcome::Delivered
        });
        Ok(Accepted { outcomes: outcomes.collect(), lands_ms })
    }
}

fn later(blame: Blame, unknown: bool) -> Outcome {
    let reason = "it did not answer".into();
    Outcome::Later(Later { blame, after_ms: None, unknown, reason })
}

/// One request that somebody waits for; a killed invocation waits no more.
struct InFlight(World);

impl InFlight {
    fn enter(world: &World) -> Self {
        let limit = world.settings.concurrency_max as usize;
        let now_ms = world.now_ms();
        let inner = &mut *world.inner();
        for rate in &world.settings.rates {
            let window_ms = rate.window_ms as EpochMs;
            inner.requested_ms.push_back(now_ms);
            inner.requested_ms.retain(|at| *at > now_ms - window_ms);
            if inner.requested_ms.len() > rate.count as usize {
                inner.breach = Some(format!("I7: more than {rate:?} within a window"));
            }
        }
        inner.requests_in_flight += 1;
        if inner.requests_in_flight > limit {
            inner.breach = Some(format!("I7: more than {limit} requests are in flight"));
        }
        Self(world.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.inner().requests_in_flight -= 1;
    }
}
