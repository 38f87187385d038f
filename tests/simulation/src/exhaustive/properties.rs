//! The invariants.

use stateright::Property;

use super::{
    Protocol,
    actions::{self, Action},
    fetcher,
    guards::Guards,
    state::{Breach, ENTITIES, Fetcher, Lock, Message, Processor, Record, State, Step},
};

/// Rounds within which a protocol without faults comes to its end.
const ROUNDS_MAX: usize = 6;

/// One property an invariant, and one that says that the check is about something.
pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always("I1 never back", |_, state: &State| {
            state.breach != Some(Breach::WentBack)
        }),
        Property::always("I2 never ahead", |_, state: &State| state.breach != Some(Breach::Ahead)),
        Property::always("I3 never stale", |_, state: &State| state.breach != Some(Breach::Stale)),
        Property::always("I4 never lost", |_, state: &State| state.breach != Some(Breach::Lost)),
        Property::always("I5 never stuck", |_, state: &State| state.breach != Some(Breach::Stuck)),
        Property::always("I6 never torn", |_, state: &State| state.breach != Some(Breach::Torn)),
        Property::always("I8 never two writes", |_, state: &State| {
            state.breach != Some(Breach::TwoWrites)
        }),
        Property::always("I9 never dropped", |_, state: &State| {
            state.breach != Some(Breach::Dropped)
        }),
        Property::sometimes(REACHES_END, |_, state: &State| state.updated && is_at_end(state)),
    ]
}

/// The property that the watermark comes to the end, with the newer version and all.
pub const REACHES_END: &str = "reaches the end";

/// Notes in `after` what one step must not do: go back (I1), or commit what has not landed (I2).
pub fn compare(before: &State, after: &mut State) {
    let (old, new) = (&before.cursor, &after.cursor);
    let back = new.fence < old.fence
        || new.commit.number < old.commit.number
        || new.commit.watermark < old.commit.watermark
        || (0..ENTITIES).any(|at| after.entities[at].applied < before.entities[at].applied);
    if back {
        after.breach(Breach::WentBack);
    }
    if !is_landed(after, after.cursor.commit.watermark) {
        after.breach(Breach::Ahead);
    }
}

/// Every row up to there has landed. No entity's version at the destination goes back, so that what is
/// there is the newest that landed.
fn is_landed(state: &State, position: u8) -> bool {
    let rows = state.rows();
    let mut rows = rows.iter().filter(|row| row.version <= position);
    rows.all(|row| state.entities[usize::from(row.entity)].destination >= row.version)
}

fn is_at_end(state: &State) -> bool {
    state.cursor.commit.watermark == state.rows()[ENTITIES - 1].version
}

/// What is wrong with a quiet state, if faults stop here: fetchers and processors are invoked in
/// turns, nothing fails, and all must come to its end (I5), with every record there (I3, I4). `told`
/// hears of each step before it is made.
pub fn at_rest(
    state: &State,
    guards: Guards,
    told: &mut impl FnMut(&State, Action),
) -> Option<Breach> {
    let mut rest = Rest { state: state.clone(), guards, told };
    for _ in 0..ROUNDS_MAX {
        let state = &rest.state;
        if state.breach.is_some() {
            return state.breach;
        }
        if is_at_end(state) && state.queue.is_empty() {
            let landed =
                |row: &Record| state.entities[usize::from(row.entity)].destination == row.version;
            return (!state.rows().iter().all(landed)).then_some(Breach::Lost);
        }
        rest.run_fetcher();
        for message in rest.state.queue.clone() {
            rest.run_processor(message);
        }
    }
    Some(rest.state.breach.unwrap_or(Breach::Stuck))
}

/// The time after the last fault.
struct Rest<'a, F> {
    state: State,
    guards: Guards,
    told: &'a mut F,
}

impl<F: FnMut(&State, Action)> Rest<'_, F> {
    fn act(&mut self, action: Action) {
        (self.told)(&self.state, action);
        actions::act(&mut self.state, self.guards, action);
        if !is_landed(&self.state, self.state.cursor.commit.watermark) {
            self.state.breach(Breach::Ahead);
        }
    }

    fn run_fetcher(&mut self) {
        self.act(Action::Fetch(0));
        while self.state.fetchers[0] != Fetcher::Idle {
            let reaps =
                !self.oldest_is_carried() && fetcher::reap(&self.state, self.guards, 0).is_some();
            self.act(if reaps { Action::Reap(0) } else { Action::Fetch(0) });
        }
    }

    /// The oldest open page has its message, and only waits for a processor.
    fn oldest_is_carried(&self) -> bool {
        let oldest = self.state.cursor.commit.number + 1;
        let emission = self.state.page(oldest).map(|page| page.emission);
        let mut messages = self.state.queue.iter();
        messages.any(|message| message.number == oldest && Some(message.fence) == emission)
    }

    fn run_processor(&mut self, message: Message) {
        let entity = usize::from(message.record.entity);
        if self.state.entities[entity].lock != Lock::Free {
            // Whoever had it is long gone.
            self.act(Action::Expire(entity));
        }
        self.act(Action::Receive(0, message));
        while let Processor::At(_, step) = self.state.processors[0] {
            let waits = step == Step::Await;
            self.act(if waits { Action::Land(entity, 0) } else { Action::Process(0) });
        }
    }
}
