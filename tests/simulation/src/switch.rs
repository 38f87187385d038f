//! Taking out one guard at a time: for this thread, on which a whole run is.

use std::cell::Cell;

use tidegate_core::guard::Guard;

thread_local! {
    static OUT: Cell<Option<Guard>> = const { Cell::new(None) };
}

/// Whether a guard stands.
pub fn stands(guard: Guard) -> bool {
    OUT.get() != Some(guard)
}

/// Runs `act` without this guard.
pub fn without<T>(guard: Option<Guard>, act: impl FnOnce() -> T) -> T {
    let before = OUT.replace(guard);
    let answer = act();
    OUT.set(before);
    answer
}
