//! The fetcher, call by call.

use super::{
    guards::{Guard, Guards},
    state::{Advance, Fetcher, Message, Request, State, Void},
    store,
};

/// Makes the next call of fetcher `at`. To be invoked is a call: it takes the lease, which may have
/// run out at any moment and so says nothing about who else is at work.
pub fn step(state: &mut State, guards: Guards, at: usize) {
    state.fetchers[at] = match state.fetchers[at] {
        Fetcher::Idle => {
            state.cursor.fence += 1;
            Fetcher::Looking(state.cursor.fence)
        }
        Fetcher::Looking(fence) => match helped(state, guards) {
            Some(advance) => Fetcher::Advancing(fence, advance),
            None => Fetcher::Reading(fence, state.cursor.next, state.cursor.head),
        },
        Fetcher::Advancing(fence, advance) => {
            store::advance(state, guards, advance);
            Fetcher::Looking(fence)
        }
        Fetcher::Voiding(void) => {
            if store::void(state, guards, void) {
                Fetcher::Reading(void.fence, state.cursor.next, state.cursor.head)
            } else {
                Fetcher::Idle
            }
        }
        Fetcher::Reading(fence, number, from) => {
            let mut rows = state.rows().into_iter();
            rows.find(|row| row.version > from).map_or(Fetcher::Idle, |record| {
                Fetcher::Sending(Message { number, fence, from, record })
            })
        }
        Fetcher::Sending(message) => {
            if let Err(place) = state.queue.binary_search(&message) {
                state.queue.insert(place, message);
            }
            Fetcher::Sealing(message)
        }
        Fetcher::Sealing(message) => {
            if store::seal(state, guards, message) {
                Fetcher::Reading(message.fence, message.number + 1, message.record.version)
            } else {
                Fetcher::Idle
            }
        }
    };
}

/// The request to void, where fetcher `at` looks and finds the oldest page open. Whether the page has
/// made no progress for too long is anybody's guess, so every moment is one.
pub fn reap(state: &State, guards: Guards, at: usize) -> Option<Void> {
    let Fetcher::Looking(fence) = state.fetchers[at] else { return None };
    let committed = state.cursor.commit.number;
    let open = state.page(committed + 1).is_some_and(|page| !page.done);
    let reaps = guards.stands(Guard::Reap) && open && helped(state, guards).is_none();
    reaps.then_some(Void { fence, committed, next: state.cursor.next })
}

/// The next call of fetcher `at`, where it is a conditional write.
pub fn request(fetcher: Fetcher) -> Option<Request> {
    match fetcher {
        Fetcher::Advancing(_, advance) => Some(Request::Advance(advance)),
        Fetcher::Voiding(void) => Some(Request::Void(void)),
        Fetcher::Sealing(message) => Some(Request::Seal(message)),
        _ => None,
    }
}

fn helped(state: &State, guards: Guards) -> Option<Advance> {
    store::chain(state, guards).filter(|_| guards.stands(Guard::FetcherHelps))
}
