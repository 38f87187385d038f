//! The destination: accepts a request, applies it some time later, and may say nothing.

use tidegate_core::{
    model::{Blame, EpochMs, Later, Ordering, Outcome, RecordId, Reset},
    ports::{Batching, BoxFuture, Clock, Delivery, Destination, Outgoing},
};

use super::Seat;
use crate::{
    faults::Fate,
    scenario::Scenario,
    world::{InFlight, LANDING_MS, LATE_LANDING_MS, Landing, Row, World},
};

pub const CALLS: &[&str] = &["deliver"];

/// No limit looks further back.
const LONGEST_WINDOW_MS: EpochMs = 700_000;

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
            let awaited = Awaited::enter(&self.0.world);
            if self.kills(records) {
                self.0.crash("deliver", Fate::CrashBefore, "in").await;
            }
            let accept = async || {
                let accepted = self.accept(records);
                if let Ok(accepted) = &accepted {
                    awaited.accepted(accepted.lands_ms);
                }
                accepted
            };
            let answer = self.0.call("deliver", accept).await;
            let now_ms = self.0.now_ms();
            let unknown = |in_flight| {
                let outcomes = vec![later(Blame::Request, true); records.len()];
                Delivery { outcomes, allowance: None, in_flight }
            };
            let Ok(accepted) = answer else { return unknown(true) };
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
struct Awaited {
    world: World,
    number: u64,
}

impl Awaited {
    fn enter(world: &World) -> Self {
        let settings = &world.settings;
        let limit = settings.concurrency_max as usize;
        let now_ms = world.now_ms();
        let inner = &mut *world.inner();
        let rates =
            settings.rates.iter().map(|rate| (u64::from(rate.count), rate.window_ms as EpochMs));
        let quotas = settings.quotas.iter().filter_map(|quota| match quota.reset {
            Reset::Sliding { window_ms } => Some((quota.count, window_ms)),
            Reset::Daily { .. } => None,
        });
        inner.requested_ms.push_back(now_ms);
        for (count, window_ms) in rates.chain(quotas) {
            let within = inner.requested_ms.iter().filter(|at| **at > now_ms - window_ms).count();
            if within as u64 > count {
                inner.breach = Some(format!("I7: more than {count} within {window_ms} ms"));
            }
        }
        inner.requested_ms.retain(|at| *at > now_ms - LONGEST_WINDOW_MS);
        let leased = world.leases_slots();
        inner.in_flight.retain(|it| {
            it.awaited || (leased && it.lands_ms.is_some_and(|lands_ms| lands_ms > now_ms))
        });
        inner.requests += 1;
        let number = inner.requests;
        inner.in_flight.push(InFlight { number, awaited: true, lands_ms: None });
        if inner.in_flight.len() > limit {
            inner.breach = Some(format!("I7: more than {limit} requests are in flight"));
        }
        Self { world: world.clone(), number }
    }

    fn accepted(&self, lands_ms: EpochMs) {
        let bound_ms = self.world.now_ms() + LANDING_MS;
        self.with(|it| it.lands_ms = Some(lands_ms.min(bound_ms)));
    }

    fn with(&self, act: impl FnOnce(&mut InFlight)) {
        let inner = &mut *self.world.inner();
        inner.in_flight.iter_mut().find(|it| it.number == self.number).map(act);
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.with(|it| it.awaited = false);
    }
}
