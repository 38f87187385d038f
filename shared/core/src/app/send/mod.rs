//! Records on their way out: put into requests, looked up where the flow says so, claimed in the ledger
//! where it orders by entity, sent, and their outcomes noted.

mod block;
mod claim;
mod look_up;
mod mark;
mod unit;

use super::{Flow, Ports};
use crate::{
    decide::{Deadline, Moment},
    guard::Guard,
    model::{
        Allowance, Blame, Edition, Later, OnUnknown, Ordering, Outcome, Parked, RequestKind,
        Settled, WireRecord,
    },
    ports::{Clock, Ids, Outgoing, Store},
};

pub(super) use unit::{Chunk, Group, Item, Place, Places, Unit};

/// What one invocation sends under.
#[derive(Clone, Copy)]
pub(super) struct Invocation {
    /// When it ends.
    pub deadline: Deadline,
    /// The cursor's generation, as it began.
    pub generation: u64,
}

impl Invocation {
    fn edition(self, record: &Outgoing) -> Edition {
        Edition { version: record.version, generation: self.generation }
    }
}

/// Sends the records of some pages.
pub(super) struct Sender<'a, S, Q, C, E> {
    pub ports: &'a Ports<S, Q, C, E>,
    pub flow: &'a Flow,
    pub invocation: Invocation,
    /// The records, page by page.
    pub pages: Vec<&'a [WireRecord]>,
    /// Of one page: somebody looked at these, and wants them to be sent, though they may have been applied.
    pub looked_at: Settled,
}

/// What came of a unit.
#[derive(Default)]
pub(super) struct Sent {
    /// Of those records that need nothing more in this invocation, each at its place.
    pub outcomes: Vec<(Place, Outcome)>,
    /// What is to be done with the others.
    pub next: Vec<Unit>,
    /// How long the destination took, in ms; `None` when nothing was sent.
    pub took_ms: Option<u64>,
    /// What the answer says of the limits.
    pub allowance: Option<Allowance>,
    /// The destination may be at it still.
    pub in_flight: bool,
}

impl<S, Q, C, E> Sender<'_, S, Q, C, E> {
    pub(super) fn record(&self, place: Place) -> &WireRecord {
        &self.pages[place.page][place.index as usize]
    }
}

impl<S: Store, Q, C: Clock, E: Ids> Sender<'_, S, Q, C, E> {
    fn by_entity(&self) -> bool {
        self.flow.settings.ordering != Ordering::None
    }

    /// Does one unit. `timeout_ms` ends before the deadline's reserve.
    pub(super) async fn act(&self, unit: Unit, moment: Option<Moment>, timeout_ms: u64) -> Sent {
        match unit {
            Unit::Send(chunk) => self.send(chunk, moment, timeout_ms).await,
            Unit::LookUp(group) => self.look_up(group, moment, timeout_ms).await,
            Unit::Ask(item, claim) => self.ask(item, claim, moment, timeout_ms).await,
        }
    }

    /// Whether a unit's records are to be claimed, or asked for in what is known of them, before it is done.
    /// A moment of a budget is not spent on waiting for that.
    pub(super) fn prepares(&self, leases_moments: bool) -> bool {
        self.flow.lookup.is_some() || (self.by_entity() && leases_moments)
    }

    /// What the next unit's first request is for.
    pub(super) fn next_kind(&self) -> RequestKind {
        match self.flow.lookup {
            None => RequestKind::Deliver,
            Some(_) => RequestKind::LookUp,
        }
    }

    /// Takes the next unit.
    pub(super) fn next_unit(&self, places: &mut impl Places) -> Unit {
        match &self.flow.lookup {
            None => Unit::Send(self.chunk(places)),
            Some(lookup) => Unit::LookUp(self.group(places, &**lookup)),
        }
    }

    /// Claims a unit's records, and finds out what is known of them. Sends nothing.
    pub(super) async fn prepare(&self, unit: Unit) -> Sent {
        match unit {
            Unit::Send(Chunk { items, decided, claim: None }) => {
                let mut sent = Sent { outcomes: decided, ..Sent::default() };
                let owner = self.ports.entropy.unique(&self.flow.stream);
                let items = self.claim(&owner, items, &mut sent.outcomes).await;
                let items = self.without_doubt(&owner, items, &mut sent).await;
                if !items.is_empty() {
                    let chunk = Chunk { items, decided: Vec::new(), claim: Some(owner) };
                    sent.next.insert(0, Unit::Send(chunk));
                }
                sent
            }
            Unit::LookUp(group) => self.prepare_group(group).await,
            other => Sent { next: vec![other], ..Sent::default() },
        }
    }

    /// Sends a chunk.
    async fn send(&self, chunk: Chunk, moment: Option<Moment>, timeout_ms: u64) -> Sent {
        let Chunk { items, decided, claim } = chunk;
        let mut sent = Sent { outcomes: decided, ..Sent::default() };
        let (owner, items) = match claim {
            Some(owner) => (owner, items),
            None if self.by_entity() => {
                let owner = self.ports.entropy.unique(&self.flow.stream);
                let items = self.claim(&owner, items, &mut sent.outcomes).await;
                (owner.clone(), self.without_doubt(&owner, items, &mut sent).await)
            }
            None => (Box::default(), items),
        };
        let (items, others) = self.apart(items);
        if !others.is_empty() {
            let claim = self.by_entity().then(|| owner.clone());
            sent.next.push(Unit::Send(Chunk { items: others, decided: Vec::new(), claim }));
        }
        if items.is_empty() {
            return sent;
        }
        match self.start(moment, timeout_ms).await {
            Start::Now { timeout_ms } => self.deliver(owner, items, timeout_ms, &mut sent).await,
            Start::Missed => {
                let claim = self.by_entity().then_some(owner);
                let chunk = Chunk { items, decided: Vec::new(), claim };
                sent.next.insert(0, Unit::Send(chunk));
            }
            Start::TimeIsUp => self.leave(&owner, items, &mut sent).await,
        }
        sent
    }

    async fn deliver(&self, owner: Box<str>, items: Vec<Item>, timeout_ms: u64, sent: &mut Sent) {
        let started_ms = self.ports.clock.now_ms();
        let (places, records): (Vec<(Place, bool)>, Vec<Outgoing>) =
            items.into_iter().map(|item| ((item.place, item.doubt), item.record)).unzip();
        let delivery = self.flow.destination.deliver(&records, timeout_ms).await;
        let took_ms = u64::try_from(self.ports.clock.now_ms() - started_ms).unwrap_or(0);
        sent.took_ms = Some(took_ms);
        sent.allowance = delivery.allowance;
        sent.in_flight = delivery.in_flight;
        let mut answers = delivery.outcomes;
        // A destination that answers for too few leaves the others unknown, and never settled.
        answers.resize_with(records.len(), unanswered);
        let items = places.into_iter().zip(records);
        let items: Vec<Item> =
            items.map(|((place, doubt), record)| Item { place, record, doubt }).collect();

        if answers.len() > 1 && answers.iter().all(is_for_the_others) {
            // Refused for the sake of some: halves are sent, down to single records, under their claims.
            let half = items.len() / 2;
            let mut first = items;
            let second = first.split_off(half);
            let claim = self.by_entity().then_some(owner);
            let chunk = |items| Chunk { items, decided: Vec::new(), claim: claim.clone() };
            sent.next.splice(0..0, [Unit::Send(chunk(first)), Unit::Send(chunk(second))]);
            return;
        }
        self.conclude(&owner, &items, &mut answers).await;
        if self.parks_unknown() {
            answers.iter_mut().for_each(park_unknown);
        }
        sent.outcomes.extend(items.iter().map(|item| item.place).zip(answers));
    }

    fn parks_unknown(&self) -> bool {
        self.flow.settings.on_unknown == OnUnknown::Park && Guard::Doubt.stands()
    }

    /// Waits for the request's moment, and says how long the request may take then.
    async fn start(&self, moment: Option<Moment>, timeout_ms: u64) -> Start {
        let clock = &self.ports.clock;
        if let Some(moment) = moment {
            // Rounded up: early is over the limit.
            let at_ms = moment.at_us.div_euclid(1_000) + i64::from(moment.at_us % 1_000 != 0);
            clock.sleep_until(at_ms).await;
            let is_late = clock.now_ms().saturating_mul(1_000) > moment.use_by_us;
            if is_late && Guard::UseBy.stands() {
                return Start::Missed;
            }
        }
        // Whatever came before took time: what is left now decides.
        let timeout_ms = timeout_ms.min(self.invocation.deadline.left_ms(clock.now_ms()));
        if timeout_ms > 0 { Start::Now { timeout_ms } } else { Start::TimeIsUp }
    }

    /// Leaves a unit that cannot be done in this invocation to the next.
    pub(super) async fn abandon(&self, unit: Unit) -> Sent {
        let mut sent = Sent::default();
        let (owner, items, decided) = match unit {
            Unit::Send(Chunk { items, decided, claim }) => (claim, items, decided),
            Unit::LookUp(Group { items, decided, claim, .. }) => (claim, items, decided),
            Unit::Ask(item, owner) => (Some(owner), vec![item], Vec::new()),
        };
        sent.outcomes = decided;
        let owner = owner.unwrap_or_default();
        self.leave(&owner, items, &mut sent).await;
        sent
    }

    /// Lets go of claimed records of which nothing was sent.
    async fn leave(&self, owner: &str, items: Vec<Item>, sent: &mut Sent) {
        self.let_go(owner, &items).await;
        let why = "the invocation's time was up";
        let leave = |item: &Item| (item.place, later(Blame::Entity, Some(0), why));
        sent.outcomes.extend(items.iter().map(leave));
    }
}

/// Whether a request may be sent.
enum Start {
    Now {
        timeout_ms: u64,
    },
    /// Its moment has passed: another is to be had.
    Missed,
    TimeIsUp,
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

fn unknown(reason: &str) -> Outcome {
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

fn later(blame: Blame, after_ms: Option<u64>, reason: &'static str) -> Outcome {
    Outcome::Later(Later { blame, after_ms, unknown: false, reason: reason.into() })
}
