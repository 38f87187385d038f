//! The destination: accepts a request, applies it some time later, and may say nothing.

use std::{collections::HashSet, sync::Mutex};

use tidegate_core::{
    guard::Guard,
    model::{
        Blame, EpochMs, Later, OnUnknown, Ordering, Outcome, Parked, RecordId, RecordKey, Reset,
    },
    ports::{Batching, BoxFuture, Clock, Delivery, Destination, Outgoing, Route},
};

use super::Seat;
use crate::{
    faults::Fate,
    invariants::parked,
    scenario::Scenario,
    switch::stands,
    world::{InFlight, LANDING_MS, LATE_LANDING_MS, Landing, Row, World},
};

pub const CALLS: &[&str] = &["deliver", "has"];

/// No limit looks further back.
const LONGEST_WINDOW_MS: EpochMs = 700_000;

pub struct SimDestination {
    pub seat: Seat,
    /// An operator looked at what is sent.
    pub is_replay: bool,
    /// The first of two requests was taken for these.
    pub begun: Mutex<HashSet<(i64, EpochMs)>>,
}

/// What came of a request.
struct Accepted {
    outcomes: Vec<Outcome>,
    lands_ms: EpochMs,
}

impl Destination for SimDestination {
    fn begins(&self, _: u64) {}

    fn routes(&self) -> usize {
        self.seat.world.routes
    }

    /// Where there are two, every other record takes the second.
    fn route(&self, record: &[u8], _: bool) -> Result<Route, Outcome> {
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let id = record.iter().skip_while(|it| !is_digit(it)).take_while(is_digit).last();
        Ok(Route(usize::from(id.copied().unwrap_or(b'0') - b'0') % self.seat.world.routes))
    }

    fn takes_unshaped(&self, _: &[u8], _: bool) -> bool {
        false
    }

    fn batching(&self, _: Route) -> Batching {
        Batching { records_max: 2, bytes_max: 1_000_000, ..Batching::ONE }
    }

    fn deliver<'a>(&'a self, records: &'a [Outgoing], timeout_ms: u64) -> BoxFuture<'a, Delivery> {
        Box::pin(async move {
            let awaited = Awaited::enter(&self.seat.world);
            if self.kills(records) {
                self.seat.crash("deliver", Fate::CrashBefore, "in").await;
            }
            if self.is_first_of_two(records) {
                return self.begin(records).await;
            }
            let accept = async || {
                let accepted = self.accept(records);
                if let Ok(accepted) = &accepted {
                    awaited.accepted(accepted.lands_ms);
                }
                accepted
            };
            let answer = self.seat.call("deliver", accept).await;
            let now_ms = self.seat.now_ms();
            // Without its guard an unknown outcome is taken for a failure.
            let is_unknown = stands(Guard::LockOnUnknown);
            let unknown = |in_flight| {
                let outcomes = vec![later(Blame::Request, is_unknown); records.len()];
                Delivery { outcomes, allowance: None, in_flight, again: false }
            };
            let Ok(accepted) = answer else { return unknown(true) };
            let Accepted { outcomes, lands_ms } = match accepted {
                Ok(accepted) => accepted,
                Err(blame) => return vec![later(blame, false); records.len()].into(),
            };
            if self.seat.world.inner().answers_at_once() {
                // Something in front of it answers for it, while it is at it still.
                self.answered(records, lands_ms);
                awaited.accepted(now_ms);
                return unknown(false);
            }
            // The caller learns of it when it has landed, or not at all.
            let gives_up_ms = now_ms.saturating_add_unsigned(timeout_ms);
            let answers_ms = lands_ms + self.seat.skew_ms;
            self.seat.sleep_until(answers_ms.min(gives_up_ms)).await;
            if answers_ms > gives_up_ms {
                unknown(true)
            } else if self.seat.world.inner().leaves_unknown() {
                unknown(false)
            } else {
                outcomes.into()
            }
        })
    }

    fn has<'a>(
        &'a self,
        record: &'a Outgoing,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<bool, Later>> {
        Box::pin(async move {
            let _awaited = Awaited::enter(&self.seat.world);
            let gives_up_ms = self.seat.now_ms().saturating_add_unsigned(timeout_ms);
            let unheard = || no_answer(Blame::Request, false);
            // As it is when the request comes: what lands later it does not know of.
            let look = async || {
                let inner = &mut *self.seat.world.inner();
                let known = inner.newest_landed.get(&number(record));
                let has = known.is_some_and(|newest_ms| *newest_ms >= record.version.0);
                (has, inner.rng.below(LANDING_MS as u64) as EpochMs)
            };
            let (has, takes_ms) = self.seat.call("has", look).await.map_err(|_| unheard())?;
            let answers_ms = self.seat.now_ms() + takes_ms;
            self.seat.sleep_until(answers_ms.min(gives_up_ms)).await;
            if answers_ms > gives_up_ms { Err(unheard()) } else { Ok(has) }
        })
    }
}

impl SimDestination {
    /// Whether one of these ends the process, as by its memory or an abort.
    fn kills(&self, records: &[Outgoing]) -> bool {
        let inner = &mut *self.seat.world.inner();
        let kills = records.iter().any(|record| {
            inner.killers.iter().any(|killer| record.id == RecordId::Number(*killer))
        });
        inner.killed += u32::from(kills);
        kills
    }

    /// Whether these have another request before them, in which nothing lands.
    fn is_first_of_two(&self, records: &[Outgoing]) -> bool {
        let begun = self.begun.lock().expect("no actor panicked");
        let is_begun = |record: &Outgoing| begun.contains(&(number(record), record.version.0));
        self.seat.world.in_parts && !records.iter().all(is_begun)
    }

    /// Sends the first of two requests.
    async fn begin(&self, records: &[Outgoing]) -> Delivery {
        let answer = self.seat.call("deliver", async || self.fails()).await;
        let outcome = match answer {
            Ok(None) => Outcome::Delivered,
            Ok(Some(blame)) => return vec![later(blame, false); records.len()].into(),
            Err(_) => later(Blame::Request, true),
        };
        let again = outcome == Outcome::Delivered;
        if again {
            let mut begun = self.begun.lock().expect("no actor panicked");
            begun.extend(records.iter().map(|record| (number(record), record.version.0)));
        }
        let outcomes = vec![outcome; records.len()];
        Delivery { outcomes, allowance: None, in_flight: !again, again }
    }

    /// Whether it is unavailable: a scripted outage speaks of the destination, a drawn one may be the request's
    /// affair.
    fn fails(&self) -> Option<Blame> {
        let now_ms = self.seat.world.now_ms();
        let inner = &mut *self.seat.world.inner();
        if inner.down_for_requests > 0 {
            inner.down_for_requests -= 1;
            return Some(Blame::Destination);
        }
        if let Some((_, blame)) = inner.down.as_ref().filter(|(when, _)| when.contains(&now_ms)) {
            let blame = *blame;
            inner.probed_ms.push(now_ms);
            return Some(blame);
        }
        inner.rng.chance(inner.faults.unavailable).then_some(Blame::Request)
    }

    /// Whether an operator knows of this one's unknown outcome, and wants it to be sent all the same.
    fn has_looked(&self, record: &Outgoing) -> bool {
        let key = RecordKey { id: record.id.clone(), version: record.version };
        let is_unknown = |parked: &Parked| parked.key == key && parked.is_unknown();
        self.is_replay
            && self.seat.world.settings.on_unknown == OnUnknown::Park
            && parked(&self.seat.world).iter().any(is_unknown)
    }

    /// Notes that these were answered for, which land then.
    fn answered(&self, records: &[Outgoing], lands_ms: EpochMs) {
        let inner = &mut *self.seat.world.inner();
        for landing in inner.landing.iter_mut().filter(|it| it.lands_ms == lands_ms) {
            landing.answered |= records.iter().any(|record| number(record) == landing.id);
        }
    }

    /// Takes a request, or is unavailable.
    fn accept(&self, records: &[Outgoing]) -> Result<Accepted, Blame> {
        let world = &self.seat.world;
        let now_ms = world.now_ms();
        let conditional = world.scenario.is_conditional();
        let one_write_at_a_time = world.settings.ordering != Ordering::None && !conditional;
        if let Some(blame) = self.fails() {
            return Err(blame);
        }
        let inner = &mut *world.inner();
        let takes_ms = match world.scenario {
            _ if inner.lands_after_ms.is_some() => inner.lands_after_ms.unwrap_or_default(),
            Scenario::LateLandings => LANDING_MS - 1 - inner.rng.below(500) as EpochMs,
            Scenario::Conditional if inner.rng.chance(0.3) => {
                inner.rng.below(LATE_LANDING_MS as u64) as EpochMs
            }
            _ => inner.rng.below(world.settings.landing_ms as u64) as EpochMs,
        };
        // Time that passes is what lands it: nothing lands at once.
        let lands_ms = now_ms + takes_ms.max(1);
        let outcomes = records.iter().map(|record| {
            let id = number(record);
            if inner.poison.contains(&id) {
                inner.refused.insert(id);
                return Outcome::Refused { status: Some(422), reason: "poison".into() };
            }
            let row = Row { at_ms: record.version.0, deleted: record.deleted };
            // A write of a process that is dead, or that was answered, may be repeated, as it was.
            let is_repeat = |other: &Landing| {
                let retries = world.settings.on_unknown == OnUnknown::Retry;
                let may_repeat = world.scenario.restarts() || (other.answered && retries);
                may_repeat && other.row == row
            };
            let other = inner.landing.iter().find(|other| other.id == id && !is_repeat(other));
            if one_write_at_a_time && let Some(Landing { row: before, lands_ms, .. }) = other {
                let both = format!("{row} while {before} lands at {lands_ms}");
                inner.breach = Some(format!("I8: two writes of {id} are outstanding: {both}"));
            }
            if world.settings.on_unknown != OnUnknown::Retry
                && !inner.charged.insert((id, row.at_ms))
                && !self.has_looked(record)
            {
                inner.breach = Some(format!("applied twice: {id} {row}"));
            }
            inner.landing.push(Landing { lands_ms, id, row, answered: false });
            inner.sent_ms.insert(id, now_ms);
            Outcome::Delivered
        });
        Ok(Accepted { outcomes: outcomes.collect(), lands_ms })
    }
}

fn number(record: &Outgoing) -> i64 {
    let RecordId::Number(id) = record.id else { unreachable!("ids are numbers here") };
    id
}

fn no_answer(blame: Blame, unknown: bool) -> Later {
    Later { blame, after_ms: None, unknown, reason: "it did not answer".into() }
}

fn later(blame: Blame, unknown: bool) -> Outcome {
    Outcome::Later(no_answer(blame, unknown))
}

/// One request whose answer is awaited; a killed invocation awaits nothing.
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
        let bound_ms = self.world.now_ms() + self.world.settings.landing_ms;
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
