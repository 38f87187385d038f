//! The state table's calls. Each is one atomic step, and every write is conditional.

use super::{
    guards::{Guard, Guards},
    state::{Advance, Breach, Commit, Lock, Message, Page, Record, Request, State, Void},
};

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Write it.
    Mine,
    /// It is applied, or a newer version is claimed.
    Skip,
    /// Another write may still be in flight.
    Later,
}

/// What a message is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It carries nothing.
    Stale,
    /// Its page is not sealed yet.
    Unsealed,
    /// It carries its page, which may be DONE.
    Live,
}

/// Puts the page, if it is the next one and the fence is still ours. Answers whether the page is ours.
pub fn seal(state: &mut State, guards: Guards, message: Message) -> bool {
    let Message { number, fence, from, record } = message;
    if state.page(number).is_some_and(|page| page.emission == fence) {
        return true;
    }
    let cursor = &mut state.cursor;
    if guards.stands(Guard::FenceInSeal) && cursor.fence != fence
        || guards.stands(Guard::NextInSeal) && cursor.next != number
    {
        return false;
    }
    let torn = cursor.next != number || cursor.head != from;
    cursor.next = number + 1;
    cursor.head = record.version;
    state.pages.truncate(usize::from(number) - 1);
    state.pages.push(Page { emission: fence, from, to: record.version, done: false });
    if torn {
        state.breach(Breach::Torn);
    }
    true
}

/// Voids every open page, if nothing moved since. Answers whether it did.
pub fn void(state: &mut State, guards: Guards, void: Void) -> bool {
    let cursor = &mut state.cursor;
    if guards.stands(Guard::FenceInVoid) && cursor.fence != void.fence
        || guards.stands(Guard::SeenInVoid)
            && (cursor.commit.number, cursor.next) != (void.committed, void.next)
    {
        return false;
    }
    cursor.head = cursor.commit.watermark;
    cursor.commit.number = void.next - 1;
    true
}

/// Where the commit can go from here: over DONE pages that follow each other.
pub fn chain(state: &State, guards: Guards) -> Option<Advance> {
    let from = state.cursor.commit;
    let mut to = from;
    for (number, page) in (1..).zip(&state.pages).filter(|(number, _)| *number > from.number) {
        let joined = number == to.number + 1 && page.from == to.watermark;
        if page.done && (joined || !guards.stands(Guard::Contiguous)) {
            to = Commit { number, watermark: page.to };
        } else if guards.stands(Guard::Contiguous) {
            break;
        }
    }
    (to != from).then_some(Advance { from, to })
}

/// Moves the commit, if it is where it was seen.
pub fn advance(state: &mut State, guards: Guards, advance: Advance) {
    if state.cursor.commit == advance.from || !guards.stands(Guard::SeenInAdvance) {
        state.cursor.commit = advance.to;
    }
}

/// Judges a message by the page item.
pub fn judge(state: &State, guards: Guards, message: Message) -> Standing {
    if message.number <= state.cursor.commit.number {
        return Standing::Stale;
    }
    match state.page(message.number) {
        Some(page) if page.emission == message.fence || !guards.stands(Guard::Emission) => {
            Standing::Live
        }
        Some(_) => Standing::Stale,
        // A fetcher with an older fence can never seal it.
        None if message.fence < state.cursor.fence => Standing::Stale,
        None => Standing::Unsealed,
    }
}

/// Sets the page DONE, if its emission is the message's. Answers whether it did.
pub fn settle(state: &mut State, guards: Guards, message: Message) -> bool {
    let page = state.pages.get_mut(usize::from(message.number) - 1);
    let live = |page: &&mut Page| page.emission == message.fence || !guards.stands(Guard::Emission);
    page.filter(live).map(|page| page.done = true).is_some()
}

/// Claims the right to write this version, as `owner`.
pub fn claim(state: &mut State, guards: Guards, record: Record, owner: Lock) -> Claim {
    let version = record.version;
    let entity = state.entity(record);
    if entity.applied >= version
        || !guards.stands(Guard::ClaimIsNotApplied) && entity.claimed >= version
    {
        return Claim::Skip;
    }
    if guards.stands(Guard::EntityLock) && matches!(entity.lock, Lock::Held(_) | Lock::Orphaned) {
        return Claim::Later;
    }
    if guards.stands(Guard::YieldToNewer) && entity.claimed > version {
        return Claim::Skip;
    }
    entity.claimed = version;
    entity.lock = owner;
    Claim::Mine
}

/// Ends a claim: its version has landed.
pub fn finish(state: &mut State, guards: Guards, record: Record, by: u8) {
    let entity = state.entity(record);
    let owned = [Lock::Held(by), Lock::Expired(by)].contains(&entity.lock);
    if owned || !guards.stands(Guard::OwnerInFinish) {
        entity.lock = Lock::Free;
        entity.applied = entity.applied.max(record.version);
    }
}

/// A copy of a request arrives, and nobody hears the answer.
pub fn arrive(state: &mut State, guards: Guards, request: Request) {
    match request {
        Request::Seal(message) => drop(seal(state, guards, message)),
        Request::Void(wish) => drop(void(state, guards, wish)),
        Request::Advance(wish) => advance(state, guards, wish),
        Request::Claim(record) => drop(claim(state, guards, record, Lock::Orphaned)),
    }
}
