//! One state for all that behave alike, so that each is looked at once.

use super::{
    guards::{Guard, Guards},
    state::{Fetcher, Lock, Page, Processor, Request, State, Step},
    store::{self, Standing},
};

/// What stands for the page items that no call looks at any more.
const COMMITTED: Page = Page { emission: 0, from: 0, to: 0, done: true };

/// Drops what can have no effect any more, and puts actors of a kind in order. Each rule needs the
/// guard that it relies on: where that is out, what it would drop does matter.
pub fn canonical(mut state: State, guards: Guards) -> State {
    let committed = usize::from(state.cursor.commit.number).min(state.pages.len());
    state.pages[..committed].fill(COMMITTED);
    if guards.stands(Guard::FenceInSeal) && guards.stands(Guard::FenceInVoid) {
        drop_zombies(&mut state);
    }
    if guards.stands(Guard::FenceInSeal) && guards.stands(Guard::Emission) {
        drop_stale_messages(&mut state, guards);
    }
    if guards.stands(Guard::SeenInAdvance) {
        let commit = state.cursor.commit;
        for processor in &mut state.processors {
            if let Processor::At(_, step @ Step::Advance(_)) = processor
                && !matches!(step, Step::Advance(advance) if advance.from == commit)
            {
                *step = Step::Look;
            }
        }
        for fetcher in &mut state.fetchers {
            if let Fetcher::Advancing(fence, advance) = *fetcher
                && advance.from != commit
            {
                *fetcher = Fetcher::Looking(fence);
            }
        }
    }
    end_locks(&mut state);
    in_order(&mut state);
    state
}

/// An older fence comes never back: no request under it does anything, and no message counts. Only the
/// help of an old fetcher is as good as any.
fn drop_zombies(state: &mut State) {
    let newest = state.cursor.fence;
    for fetcher in &mut state.fetchers {
        let fence = match *fetcher {
            Fetcher::Idle | Fetcher::Looking(_) | Fetcher::Advancing(..) => continue,
            Fetcher::Voiding(void) => void.fence,
            Fetcher::Reading(fence, ..) => fence,
            Fetcher::Sending(message) | Fetcher::Sealing(message) => message.fence,
        };
        if fence < newest {
            *fetcher = Fetcher::Idle;
        }
    }
}

/// A message that is stale stays so, and whoever has it has nothing left to do but acknowledge it.
fn drop_stale_messages(state: &mut State, guards: Guards) {
    let mut queue = std::mem::take(&mut state.queue);
    queue.retain(|message| match store::judge(state, guards, *message) {
        Standing::Live => true,
        // Until it is sealed whoever receives it gives it back; and who could still seal it?
        Standing::Unsealed => {
            let sealing = Fetcher::Sealing(*message);
            !guards.stands(Guard::UnsealedWaits)
                || state.fetchers.contains(&sealing)
                || state.stray == Some(Request::Seal(*message))
        }
        Standing::Stale => false,
    });
    state.queue = queue;
    for at in 0..state.processors.len() {
        if let Processor::At(message, Step::Settle | Step::Acknowledge) = state.processors[at]
            && store::judge(state, guards, message) == Standing::Stale
        {
            state.processors[at] = Processor::Idle;
        }
    }
}

/// A lock outlives its owner's invocation and any write of it; only a word to end the claim may still
/// be on its way. From then on it may run out at any moment, and does at once: whoever came before
/// that would only be told to come again.
fn end_locks(state: &mut State) {
    for entity in &mut state.entities {
        let is_over = match entity.lock {
            Lock::Held(by) => {
                matches!(state.processors[usize::from(by)], Processor::At(_, Step::Finish))
            }
            _ => true,
        };
        if is_over && entity.flying.is_empty() {
            entity.lock = entity.lock.expired();
        }
    }
}

/// Which of two actors is first makes no difference.
fn in_order(state: &mut State) {
    state.fetchers.sort_unstable();
    if state.processors[0] > state.processors[1] {
        state.processors.swap(0, 1);
        for entity in &mut state.entities {
            match &mut entity.lock {
                Lock::Held(by) | Lock::Expired(by) => *by = 1 - *by,
                Lock::Free | Lock::Orphaned => {}
            }
            for write in &mut entity.flying {
                write.by = write.by.map(|by| 1 - by);
            }
        }
    }
}
