//! The commit protocol, small and whole: every order in which things can happen is tried.
//!
//! Two fetchers, two processors, a source of two records of which one gets a newer version, pages of
//! one record. Every call of an actor is one step, and between any two steps anything else may happen:
//! an actor crashes, a lease or a lock runs out, a message is lost or received by two, the destination
//! answers late or never, a copy of a request arrives late. The simulation tries such things at random
//! on the real code and over longer runs; this leaves no order out, on a model of that code.
//!
//! Leases and locks run out as early as they may, and a retry after a lost answer is a copy of the
//! request that arrives at any later moment, once its sender has gone on. At every moment at which
//! nobody is at work, the rest of the story is told without faults and has to end well.
//!
//! Not in it: pages of several records, parked records, deletions, limits (I7), batches, rewinds.

mod actions;
mod canonical;
mod fetcher;
mod guards;
mod processor;
mod properties;
mod state;
mod store;
mod tell;
#[cfg(test)]
mod tests;

use stateright::{Checker, HasDiscoveries, Model, Property};

pub use self::guards::{Guard, Guards};
use self::{
    actions::{Action, Bounds},
    state::State,
};

/// What is tried, one after the other: wide in all at once it would take too long for a test.
const SCOPES: [Bounds; 2] = [
    // Actors that are slow, and pages that are voided, over and over.
    Bounds { fences_max: 3, pages_max: 5, faults_max: 0 },
    // Actors that fail as well.
    Bounds { fences_max: 2, pages_max: 3, faults_max: 2 },
];

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// States that differ by more than the names of actors.
    pub unique_states: usize,
    /// The watermark came to the end at least once.
    pub reaches_end: bool,
    /// How an invariant is broken: its name, then what happens, one step a line.
    pub counterexample: Option<String>,
}

/// Tries everything within its scopes, and stops where a counterexample is found.
pub fn check(guards: Guards) -> Report {
    let mut report = Report { unique_states: 0, reaches_end: true, counterexample: None };
    for bounds in SCOPES {
        let protocol = Protocol { guards, bounds };
        let mut search = protocol.search(usize::MAX);
        report.unique_states += search.unique_states;
        report.reaches_end &= search.reaches_end;
        // A search does not end with the first it finds: a nearer one tells more.
        while let Some((invariant, path)) = search.broken {
            report.counterexample = Some(tell::tell(invariant, guards, &path));
            search = protocol.search(path.len());
        }
        if report.counterexample.is_some() {
            break;
        }
    }
    report
}

/// The protocol with these guards, within these bounds.
#[derive(Debug, Clone)]
struct Protocol {
    guards: Guards,
    bounds: Bounds,
}

/// States, each with what happens then.
type Trace = Vec<(State, Option<Action>)>;

/// What a search found.
struct Search {
    unique_states: usize,
    reaches_end: bool,
    /// An invariant's name, and what leads up to a state that breaks it.
    broken: Option<(&'static str, Trace)>,
}

impl Protocol {
    /// Looks at every state on a path of fewer than `states_max` states.
    fn search(&self, states_max: usize) -> Search {
        // One thread finds the same counterexample at every run. Where there should be none, two are
        // faster.
        let threads = if self.guards == Guards::default() { 2 } else { 1 };
        let checker = self.clone().checker().threads(threads).target_max_depth(states_max);
        let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let mut discoveries = checker.discoveries();
        let reaches_end = discoveries.remove(properties::REACHES_END).is_some();
        let broken = discoveries.into_iter().map(|(name, path)| (name, path.into_vec()));
        Search {
            unique_states: checker.unique_state_count(),
            reaches_end,
            broken: broken.min_by_key(|(name, path)| (path.len(), *name)),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.bounds.faults_max)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions::possible(state, self.guards, self.bounds, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(actions::after(state, self.guards, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
