//! The processor, call by call.

use super::{
    guards::{Guard, Guards},
    state::{Breach, Lock, Message, Processor, Request, State, Step, Write},
    store::{self, Claim, Standing},
};

/// Takes a message, and judges it by the cursor and the page. It stays in the queue, where another may
/// take it too. Two calls in one step: what is received says nothing until it is judged.
pub fn receive(state: &mut State, guards: Guards, at: usize, message: Message) {
    let next = if state.page(message.number).is_none() && !guards.stands(Guard::CursorFirst) {
        Some(Step::Judge)
    } else {
        judge(state, guards, message)
    };
    if !guards.stands(Guard::AcknowledgeLast) {
        acknowledge(state, message);
    }
    state.processors[at] = next.map_or(Processor::Idle, |step| Processor::At(message, step));
}

fn judge(state: &State, guards: Guards, message: Message) -> Option<Step> {
    match store::judge(state, guards, message) {
        Standing::Stale => Some(Step::Acknowledge),
        Standing::Unsealed if guards.stands(Guard::UnsealedWaits) => None,
        Standing::Unsealed => Some(Step::Acknowledge),
        // Nothing of it is left to be sent: it is settled once more, which finds it DONE.
        Standing::Live if state.page(message.number).is_some_and(|page| page.done) => {
            Some(Step::Settle)
        }
        Standing::Live => Some(Step::Claim),
    }
}

/// Makes the next call of processor `at`, and nothing goes wrong. There is none while it awaits the
/// destination: the landing ends that.
pub fn step(state: &mut State, guards: Guards, at: usize) {
    let Processor::At(message, step) = state.processors[at] else { return };
    let by = u8::try_from(at).expect("there are two");
    let next = match step {
        // What it knows of the page is that it was not there.
        Step::Judge if message.fence < state.cursor.fence => Some(Step::Acknowledge),
        Step::Judge => None,
        Step::Claim => match store::claim(state, guards, message.record, Lock::Held(by)) {
            Claim::Mine => Some(Step::Write),
            Claim::Skip => Some(Step::Settle),
            Claim::Later => None,
        },
        Step::Write => {
            let flying = &mut state.entity(message.record).flying;
            let outstanding = !flying.is_empty();
            flying.push(Write { version: message.record.version, by: Some(by) });
            if outstanding {
                state.breach(Breach::TwoWrites);
            }
            Some(Step::Await)
        }
        Step::Await => return,
        Step::Finish => {
            store::finish(state, guards, message.record, by);
            Some(Step::Settle)
        }
        Step::Settle => {
            let done = store::settle(state, guards, message);
            Some(if done { Step::Look } else { Step::Acknowledge })
        }
        Step::Look => Some(match store::chain(state, guards) {
            Some(advance) => Step::Advance(advance),
            None => Step::Acknowledge,
        }),
        Step::Advance(advance) => {
            store::advance(state, guards, advance);
            Some(Step::Look)
        }
        Step::Acknowledge => {
            acknowledge(state, message);
            None
        }
    };
    state.processors[at] = next.map_or(Processor::Idle, |step| Processor::At(message, step));
}

/// Processor `at` hears nothing from the destination, and gives its message back.
pub fn give_up(state: &mut State, guards: Guards, at: usize) {
    let Processor::At(message, _) = state.processors[at] else { return };
    abandon(state, at);
    if !guards.stands(Guard::LockOnUnknown) {
        state.entity(message.record).lock = Lock::Free;
    }
}

/// Processor `at` is no more. What it holds stays held, and what it sent still lands.
pub fn abandon(state: &mut State, at: usize) {
    let by = u8::try_from(at).expect("there are two");
    state.processors[at] = Processor::Idle;
    for entity in &mut state.entities {
        entity.lock = match entity.lock {
            Lock::Held(owner) if owner == by => Lock::Orphaned,
            Lock::Expired(owner) if owner == by => Lock::Free,
            lock => lock,
        };
        for write in &mut entity.flying {
            write.by = write.by.filter(|owner| *owner != by);
        }
    }
}

/// The next call of a processor, where it is a conditional write whose repeat could do harm.
pub fn request(processor: Processor) -> Option<Request> {
    match processor {
        Processor::At(message, Step::Claim) => Some(Request::Claim(message.record)),
        Processor::At(_, Step::Advance(advance)) => Some(Request::Advance(advance)),
        _ => None,
    }
}

/// Removes the message, which nobody may need any more.
fn acknowledge(state: &mut State, message: Message) {
    let Message { number, fence, .. } = message;
    let settled = match state.page(number) {
        Some(page) => page.done || page.emission != fence,
        None => fence < state.cursor.fence,
    };
    if !settled && number > state.cursor.commit.number {
        state.breach(Breach::Dropped);
    }
    state.queue.retain(|other| *other != message);
}
