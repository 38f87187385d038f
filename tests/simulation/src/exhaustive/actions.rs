//! What can happen next.

use super::{
    canonical::canonical,
    fetcher,
    guards::{Guard, Guards},
    processor, properties,
    state::{Breach, ENTITIES, Fetcher, Lock, Message, Processor, State, Step},
    store,
};

/// How far the check goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Invocations of fetchers.
    pub fences_max: u8,
    /// Pages sealed.
    pub pages_max: u8,
    /// Crashes, lost messages, lost answers and late copies, all together.
    pub faults_max: u8,
}

/// One thing that happens. Actors go by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A fetcher makes its next call.
    Fetch(usize),
    /// A fetcher makes its next call, and a copy of the request stays on its way.
    FetchTwice(usize),
    /// A fetcher finds the oldest page without progress for too long.
    Reap(usize),
    /// A fetcher is no more: its time is up, or it crashes. There is no bound to it.
    Stop(usize),
    /// A processor takes a message.
    Receive(usize, Message),
    /// A processor makes its next call.
    Process(usize),
    /// A processor makes its next call, and a copy of the request stays on its way.
    ProcessTwice(usize),
    /// A processor hears nothing from the destination; the write lands later, or landed.
    GiveUp(usize),
    /// A processor's write never arrives, and it hears nothing.
    LoseWrite(usize),
    /// A processor is no more.
    CrashProcessor(usize),
    /// A processor's commit fails: it is left to the next one.
    LeaveCommit(usize),
    /// A write to this entity lands: the one at this place.
    Land(usize, usize),
    /// This entity's lock runs out, though its write may still land.
    Expire(usize),
    /// The copy of a request arrives.
    Arrive,
    /// The queue loses a message.
    Lose(Message),
    /// The source's first entity gets a newer version.
    Update,
}

impl Action {
    fn is_fault(self) -> bool {
        match self {
            Action::Fetch(_)
            | Action::Reap(_)
            | Action::Stop(_)
            | Action::Receive(..)
            | Action::Process(_)
            | Action::Land(..)
            | Action::Expire(_)
            | Action::Arrive
            | Action::Update => false,
            Action::FetchTwice(_)
            | Action::ProcessTwice(_)
            | Action::GiveUp(_)
            | Action::LoseWrite(_)
            | Action::CrashProcessor(_)
            | Action::LeaveCommit(_)
            | Action::Lose(_) => true,
        }
    }
}

/// All that can happen in `state`.
pub fn possible(state: &State, guards: Guards, bounds: Bounds, actions: &mut Vec<Action>) {
    if state.breach.is_some() {
        return;
    }

    fetchers(state, guards, bounds, actions);
    for (at, processor) in state.processors.iter().enumerate() {
        match processor {
            // One idle actor stands for all.
            Processor::Idle if at > 0 && state.processors[at - 1] == Processor::Idle => {}
            Processor::Idle => {
                actions.extend(state.queue.iter().map(|message| Action::Receive(at, *message)));
            }
            Processor::At(_, step) => steps(at, *step, actions),
        }
        if state.stray.is_none() && processor::request(*processor).is_some() {
            actions.push(Action::ProcessTwice(at));
        }
    }
    for entity in 0..ENTITIES {
        let writes = 0..state.entities[entity].flying.len();
        actions.extend(writes.map(|write| Action::Land(entity, write)));
        if matches!(state.entities[entity].lock, Lock::Held(_) | Lock::Orphaned)
            && !guards.stands(Guard::LockUntilLanded)
        {
            actions.push(Action::Expire(entity));
        }
    }
    if state.stray.is_some() {
        actions.push(Action::Arrive);
    }
    actions.extend(state.queue.iter().map(|message| Action::Lose(*message)));
    if !state.updated {
        actions.push(Action::Update);
    }
    if state.faults_left == 0 {
        actions.retain(|action| !action.is_fault());
    }
}

fn fetchers(state: &State, guards: Guards, bounds: Bounds, actions: &mut Vec<Action>) {
    for (at, fetcher) in state.fetchers.iter().enumerate() {
        match fetcher {
            Fetcher::Idle => {
                let twin = at > 0 && state.fetchers[at - 1] == Fetcher::Idle;
                if !twin && state.cursor.fence < bounds.fences_max {
                    actions.push(Action::Fetch(at));
                }
                continue;
            }
            Fetcher::Reading(_, number, _) if *number > bounds.pages_max => {}
            _ => actions.push(Action::Fetch(at)),
        }
        actions.push(Action::Stop(at));
        if fetcher::reap(state, guards, at).is_some() {
            actions.push(Action::Reap(at));
        }
        if state.stray.is_none() && fetcher::request(*fetcher).is_some() {
            actions.push(Action::FetchTwice(at));
        }
    }
}

fn steps(at: usize, step: Step, actions: &mut Vec<Action>) {
    if step != Step::Await {
        actions.push(Action::Process(at));
    }
    match step {
        // It has done nothing yet: a crash leaves all as if it had not been invoked.
        Step::Judge | Step::Claim => {}
        Step::Write => actions.push(Action::LoseWrite(at)),
        Step::Await => actions.push(Action::GiveUp(at)),
        Step::Look | Step::Advance(_) => {
            actions.extend([Action::LeaveCommit(at), Action::CrashProcessor(at)]);
        }
        Step::Finish | Step::Settle | Step::Acknowledge => {
            actions.push(Action::CrashProcessor(at));
        }
    }
}

/// The state after `action`, with all that it breaks.
pub fn after(state: &State, guards: Guards, action: Action) -> State {
    let mut next = watched(state, guards, action);
    if next.breach.is_none() && next.is_quiet() {
        next.breach = properties::at_rest(&next, guards, &mut |_, _| {});
    }
    if action.is_fault() {
        next.faults_left -= 1;
    }
    canonical(next, guards)
}

/// The state right after `action`, with what the step itself breaks.
pub fn watched(state: &State, guards: Guards, action: Action) -> State {
    let mut next = state.clone();
    act(&mut next, guards, action);
    properties::compare(state, &mut next);
    next
}

/// Does it.
pub fn act(state: &mut State, guards: Guards, action: Action) {
    match action {
        Action::Fetch(at) => fetcher::step(state, guards, at),
        Action::FetchTwice(at) => {
            state.stray = fetcher::request(state.fetchers[at]);
            fetcher::step(state, guards, at);
        }
        Action::Reap(at) => {
            if let Some(void) = fetcher::reap(state, guards, at) {
                state.fetchers[at] = Fetcher::Voiding(void);
            }
        }
        Action::Stop(at) => state.fetchers[at] = Fetcher::Idle,
        Action::Receive(at, message) => processor::receive(state, guards, at, message),
        Action::Process(at) => processor::step(state, guards, at),
        Action::ProcessTwice(at) => {
            state.stray = processor::request(state.processors[at]);
            processor::step(state, guards, at);
        }
        Action::GiveUp(at) | Action::LoseWrite(at) => processor::give_up(state, guards, at),
        Action::CrashProcessor(at) => processor::abandon(state, at),
        Action::LeaveCommit(at) => {
            if let Processor::At(_, step) = &mut state.processors[at] {
                *step = Step::Acknowledge;
            }
        }
        Action::Land(entity, write) => land(state, entity, write),
        Action::Expire(entity) => {
            let lock = &mut state.entities[entity].lock;
            *lock = lock.expired();
        }
        Action::Arrive => {
            if let Some(request) = state.stray.take() {
                store::arrive(state, guards, request);
            }
        }
        Action::Lose(message) => state.queue.retain(|other| *other != message),
        Action::Update => state.updated = true,
    }
}

/// The last write to land wins. Its processor hears of it at once: later would be no different.
fn land(state: &mut State, entity: usize, write: usize) {
    let entity = &mut state.entities[entity];
    let write = entity.flying.remove(write);
    let before = std::mem::replace(&mut entity.destination, write.version);
    if let Some(by) = write.by
        && let Processor::At(_, step) = &mut state.processors[usize::from(by)]
    {
        *step = Step::Finish;
    }
    if write.version < before {
        state.breach(Breach::Stale);
    }
}
