//! Sending a unit: its claims, its requests, and what they came to.

use std::{collections::HashSet, sync::Mutex};

use super::{
    packing::Packing,
    unit::{Answered, Chunk, Group, Item, Place, Unit, Versioned},
};
use crate::{
    app::{Flow, Ports},
    decide::{Deadline, SendSlot},
    guard::Guard,
    model::{
        Allowance, Blame, Ended, EpochMs, Later, OnUnknown, Ordering, Outcome, Parked, RecordId,
        Settled,
    },
    ports::{Clock, Ending, Ids, Outgoing, Platform},
};

/// What one invocation sends under.
#[derive(Clone, Copy)]
pub(in crate::app) struct Invocation {
    /// When it ends.
    pub deadline: Deadline,
    /// The cursor's generation, as it began.
    pub generation: u64,
    /// Invocations before it that are known to be over.
    pub ended: Option<Ended>,
}

/// What an operator who replays parked records has confirmed not to have been applied.
#[derive(Default)]
pub(in crate::app) struct Confirmed {
    /// By index: these were parked as unknown.
    pub records: Settled,
    /// What could have landed by then was looked for.
    pub until_ms: EpochMs,
}

/// Sends the records of some pages.
pub(in crate::app) struct Sender<'a, P: Platform> {
    pub ports: &'a Ports<P>,
    pub flow: &'a Flow,
    pub invocation: Invocation,
    /// The records, to be put into requests.
    pub packing: Packing<'a>,
    /// What an operator knows of the records of one page.
    pub confirmed: Confirmed,
    /// Entities of which this invocation holds a claim.
    pub in_hand: Mutex<HashSet<RecordId>>,
}

/// What came of one step of a unit's way.
#[derive(Default)]
pub(in crate::app) struct Step {
    /// Of those records that need nothing more in this invocation, each at its place.
    pub outcomes: Vec<(Place, Outcome)>,
    /// What is to be done with the others.
    pub next: Vec<Unit>,
    /// Claims that end, to be written with others before their pages are settled.
    pub endings: Vec<Ending>,
    /// What the answer said, where its records need another request before anything becomes of them.
    pub said: Vec<(Place, Outcome)>,
    /// How long the destination took, in ms; `None` when nothing was sent.
    pub took_ms: Option<u64>,
    /// What the answer says of the limits.
    pub allowance: Option<Allowance>,
    /// The destination may be at it still.
    pub in_flight: bool,
}

impl<P: Platform> Sender<'_, P> {
    pub(super) fn by_entity(&self) -> bool {
        self.flow.settings.ordering != Ordering::None
    }

    /// Does one unit. `timeout_ms` ends before the deadline's reserve.
    pub(in crate::app) async fn act(
        &self,
        unit: Unit,
        slot: Option<SendSlot>,
        timeout_ms: u64,
    ) -> Step {
        match unit {
            Unit::Send(chunk) => self.send(chunk, slot, timeout_ms).await,
            Unit::LookUp(group) => self.look_up(group, slot, timeout_ms).await,
            Unit::Ask(item, claim) => self.ask(item, claim, slot, timeout_ms).await,
        }
    }

    /// Whether a unit's records are to be claimed, or asked for in what is known of them, before it is done.
    /// A send slot of a budget is not spent on waiting for that.
    pub(in crate::app) fn prepares(&self, leases_slots: bool) -> bool {
        self.flow.lookup.is_some() || self.gathers() || (self.by_entity() && leases_slots)
    }

    /// Claims a unit's records, and finds out what is known of them. Sends nothing.
    pub(in crate::app) async fn prepare(&self, unit: Unit) -> Step {
        match unit {
            Unit::Send(Chunk { items, decided, claim: None }) => {
                let mut step = Step { outcomes: decided, ..Step::default() };
                let owner = self.ports.entropy.unique(&self.flow.stream);
                let items = self.claim(&owner, items, &mut step.outcomes).await;
                let items = self.resolve_unknown(&owner, items, &mut step);
                if !items.is_empty() {
                    let chunk = Chunk { items, decided: Vec::new(), claim: Some(owner) };
                    step.next.insert(0, Unit::Send(chunk));
                }
                step
            }
            Unit::LookUp(group) => self.prepare_group(group).await,
            other => Step { next: vec![other], ..Step::default() },
        }
    }

    /// Sends a chunk.
    async fn send(&self, chunk: Chunk, slot: Option<SendSlot>, timeout_ms: u64) -> Step {
        let Chunk { items, decided, claim } = chunk;
        let mut step = Step { outcomes: decided, ..Step::default() };
        let (owner, items) = match claim {
            Some(owner) => (owner, items),
            None if self.by_entity() => {
                let owner = self.ports.entropy.unique(&self.flow.stream);
                let items = self.claim(&owner, items, &mut step.outcomes).await;
                let items = self.resolve_unknown(&owner, items, &mut step);
                (owner, items)
            }
            None => (Box::default(), items),
        };
        let (items, others) = self.packing.apart(items);
        if !others.is_empty() {
            let claim = self.by_entity().then(|| owner.clone());
            step.next.push(Unit::Send(Chunk { items: others, decided: Vec::new(), claim }));
        }
        if items.is_empty() {
            return step;
        }
        let (items, more) = self.few_enough(items);
        if !more.is_empty() {
            let claim = self.by_entity().then(|| owner.clone());
            step.next.insert(0, Unit::Send(Chunk { items: more, decided: Vec::new(), claim }));
        }
        match self.start(slot, timeout_ms).await {
            Start::Now { timeout_ms } => self.deliver(owner, items, timeout_ms, &mut step).await,
            Start::Missed => {
                let claim = self.by_entity().then_some(owner);
                let chunk = Chunk { items, decided: Vec::new(), claim };
                step.next.insert(0, Unit::Send(chunk));
            }
            Start::TimeIsUp => self.leave(&owner, items, &mut step).await,
        }
        step
    }

    /// As many as go in one request, by what is known of requests that were refused for the sake of some; and the others.
    fn few_enough(
        &self,
        mut items: Vec<Item<Outgoing>>,
    ) -> (Vec<Item<Outgoing>>, Vec<Item<Outgoing>>) {
        let Some(parts) = self.flow.destination.parts() else { return (items, Vec::new()) };
        let more = items.split_off(parts.together(keys_of(&items)));
        (items, more)
    }

    async fn deliver(
        &self,
        owner: Box<str>,
        items: Vec<Item<Outgoing>>,
        timeout_ms: u64,
        step: &mut Step,
    ) {
        let started_ms = self.ports.clock.now_ms();
        let (places, records): (Vec<_>, Vec<Outgoing>) = items
            .into_iter()
            .map(|item| ((item.place, item.unknown_until_ms), item.record))
            .unzip();
        let delivery = self.flow.destination.deliver(&records, timeout_ms).await;
        let answered_ms = self.ports.clock.now_ms();
        let took_ms = u64::try_from(answered_ms - started_ms).unwrap_or(0);
        step.took_ms = Some(took_ms);
        step.allowance = delivery.allowance;
        step.in_flight = delivery.in_flight;
        let mut answers = delivery.outcomes;
        // A destination that answers for too few leaves the others unknown, and never settled.
        answers.resize_with(records.len(), unanswered);
        let items = places.into_iter().zip(records);
        let items = items.map(|((place, unknown_until_ms), record)| Item {
            place,
            record,
            unknown_until_ms,
        });
        let items: Vec<Item<Outgoing>> = items.collect();

        if delivery.again {
            step.said = items.iter().map(|item| item.place).zip(answers).collect();
            let claim = self.by_entity().then_some(owner);
            step.next.insert(0, Unit::Send(Chunk { items, decided: Vec::new(), claim }));
            return;
        }
        if is_cut_in_halves(&answers, self.flow.settings.is_serial()) {
            // Refused for the sake of some: halves are sent, down to single records, under their claims.
            let half = items.len() / 2;
            if let Some(parts) = self.flow.destination.parts() {
                parts.cut(keys_of(&items), items.len().div_ceil(2));
            }
            let mut first = items;
            let second = first.split_off(half);
            let claim = self.by_entity().then_some(owner);
            let chunk = |items| Chunk { items, decided: Vec::new(), claim: claim.clone() };
            step.next.splice(0..0, [Unit::Send(chunk(first)), Unit::Send(chunk(second))]);
            return;
        }
        let is_alone = answers.len() == 1;
        // Those that were refused for the sake of others, or were not sent with them, go without them.
        let (others, answered): (Vec<_>, Vec<_>) = items
            .into_iter()
            .zip(answers)
            .partition(|(_, answer)| !is_alone && goes_with_fewer(answer));
        if !others.is_empty() {
            let items = others.into_iter().map(|(item, _)| item).collect();
            let claim = self.by_entity().then(|| owner.clone());
            step.next.insert(0, Unit::Send(Chunk { items, decided: Vec::new(), claim }));
        }
        let (items, mut answers): (Vec<Item<Outgoing>>, Vec<Outcome>) =
            answered.into_iter().unzip();
        // When it was sent is not known, for this process may have stood still: before its answer came.
        let lands_until_ms = answered_ms + self.flow.settings.landing_ms;
        let answered = (!delivery.in_flight).then_some(Answered { lands_until_ms });
        self.conclude(&owner, &items, &mut answers, answered, &mut step.endings).await;
        if self.flow.settings.on_unknown == OnUnknown::Park {
            answers.iter_mut().for_each(park_unknown);
        }
        if let Some(parts) = self.flow.destination.parts() {
            let settled =
                items.iter().zip(&answers).filter(|(_, it)| !matches!(it, Outcome::Later(_)));
            parts.forget(settled.map(|(item, _)| &*item.record.key));
        }
        step.outcomes.extend(items.iter().map(|item| item.place).zip(answers));
    }

    /// Waits for the request's send slot, and says how long the request may take then.
    pub(super) async fn start(&self, slot: Option<SendSlot>, timeout_ms: u64) -> Start {
        let clock = &self.ports.clock;
        if let Some(slot) = slot {
            // Rounded up: early is over the limit.
            let at_ms = slot.at_us.div_euclid(1_000) + i64::from(slot.at_us % 1_000 != 0);
            clock.sleep_until(at_ms).await;
            let is_late = clock.now_ms().saturating_mul(1_000) > slot.expires_us;
            if is_late && P::stands(Guard::SlotExpires) {
                return Start::Missed;
            }
        }
        // What came before took time: what is left now decides.
        let timeout_ms = timeout_ms.min(self.invocation.deadline.left_ms(clock.now_ms()));
        if timeout_ms > 0 { Start::Now { timeout_ms } } else { Start::TimeIsUp }
    }

    /// Leaves a unit that cannot be done in this invocation to the next.
    pub(in crate::app) async fn abandon(&self, unit: Unit) -> Step {
        let mut step = Step::default();
        match unit {
            Unit::Send(Chunk { items, decided, claim }) => {
                step.outcomes = decided;
                self.leave(&claim.unwrap_or_default(), items, &mut step).await;
            }
            Unit::LookUp(Group { items, decided, claim, .. }) => {
                step.outcomes = decided;
                self.leave(&claim.unwrap_or_default(), items, &mut step).await;
            }
            Unit::Ask(item, owner) => self.leave(&owner, vec![item], &mut step).await,
        }
        step
    }

    /// Lets go of claimed records of which nothing was sent.
    pub(super) async fn leave<R: Versioned>(
        &self,
        owner: &str,
        items: Vec<Item<R>>,
        step: &mut Step,
    ) {
        self.let_go(owner, &items, &mut step.endings).await;
        let why = "the invocation's time was up";
        let leave = |item: &Item<R>| (item.place, not_attempted(Some(0), why));
        step.outcomes.extend(items.iter().map(leave));
    }
}

fn keys_of(items: &[Item<Outgoing>]) -> impl ExactSizeIterator<Item = &str> {
    items.iter().map(|item| &*item.record.key)
}

/// Whether a request may be sent.
pub(super) enum Start {
    Now {
        timeout_ms: u64,
    },
    /// Its send slot has passed: another is to be had.
    Missed,
    TimeIsUp,
}

/// Whether a request was refused for the sake of some of its records, so that none of it counts. In a serial stream it is
/// not known of what comes before the one that failed, and nothing may overtake that.
fn is_cut_in_halves(answers: &[Outcome], is_serial: bool) -> bool {
    let is_settled_well = |it: &Outcome| matches!(it, Outcome::Delivered | Outcome::Skipped(_));
    answers.len() > 1
        && (answers.iter().all(is_for_the_others)
            || is_serial
                && answers.iter().any(is_for_the_others)
                && !answers.iter().any(is_settled_well))
}

/// Whether nothing became of a record but that it is to go without those that it was with.
fn goes_with_fewer(answer: &Outcome) -> bool {
    let fewer = [Blame::Batch, Blame::NotAttempted];
    matches!(answer, Outcome::Later(later) if fewer.contains(&later.blame))
}

fn is_for_the_others(answer: &Outcome) -> bool {
    matches!(answer, Outcome::Later(later) if later.blame == Blame::Batch)
}

/// Where the flow says so, what may have been applied is put aside at once.
fn park_unknown(answer: &mut Outcome) {
    if let Outcome::Later(later) = answer
        && later.unknown
    {
        *answer = unknown(&later.reason);
    }
}

pub(super) fn unknown(reason: &str) -> Outcome {
    Outcome::Refused { status: None, reason: Parked::unknown(reason) }
}

fn unanswered() -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Request,
        after_ms: None,
        unknown: true,
        reason: "the destination gave no result for it".into(),
    })
}

/// No request was made for the record.
pub(super) fn not_attempted(after_ms: Option<u64>, reason: &'static str) -> Outcome {
    let blame = Blame::NotAttempted;
    Outcome::Later(Later { blame, after_ms, unknown: false, reason: reason.into() })
}
