//! Which offers the ERP has, and what is done to them.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::config::ListingsConfig;
use super::offer::{Fault, Offer, id};
use crate::faults::mix;

/// What is done to the offers before the next file is there. An edit of nothing writes the same offers into a new file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edit {
    /// So many valid offers change.
    pub change: u64,
    /// So many other valid ones are gone.
    pub remove: u64,
    /// So many valid ones come to the end.
    pub add: u64,
    /// From now on no offer is invalid.
    pub mend: bool,
    /// What is wrong with the file as a whole.
    pub broken: Option<Broken>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// It ends in the middle, with a `Content-Length` that says no more.
    Cut,
    /// It is a web page that asks for patience, with 200.
    Garbage,
    /// It is well-formed, and holds no offer.
    Empty,
}

/// What an edit came to: ids like `A-1017`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Edited {
    /// Changed offers.
    pub changed: Vec<String>,
    /// Removed offers.
    pub removed: Vec<String>,
    /// Added offers.
    pub added: Vec<String>,
}

/// The offers at one moment. What was never touched takes no memory.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    pub(crate) seed: u64,
    /// Numbers from 1 to this were given.
    pub(crate) numbers: u64,
    /// Offers from the start; only these may be invalid.
    initial: u64,
    invalid_every: Option<u64>,
    revisions: HashMap<u64, u32>,
    removed: HashSet<u64>,
}

impl Catalogue {
    pub(crate) fn new(config: &ListingsConfig) -> Self {
        Self {
            seed: config.seed,
            numbers: config.offers,
            initial: config.offers,
            invalid_every: config.invalid_every.filter(|every| *every > 0),
            revisions: HashMap::new(),
            removed: HashSet::new(),
        }
    }

    /// The offer of a number, if it is there.
    pub(crate) fn offer(&self, number: u64) -> Option<Offer> {
        if number == 0 || number > self.numbers || self.removed.contains(&number) {
            return None;
        }
        let every = self.invalid_every.filter(|_| number <= self.initial);
        let every = every.filter(|every| number.is_multiple_of(*every));
        let fault = every.map(|every| Fault::of_turn(number / every - 1));
        let revision = self.revisions.get(&number).copied().unwrap_or(0);
        Some(Offer { number, revision, fault, seed: self.seed })
    }

    /// All offers, by their numbers.
    pub(crate) fn offers(&self) -> impl Iterator<Item = Offer> + '_ {
        (1..=self.numbers).filter_map(|number| self.offer(number))
    }

    /// Does what is asked for, as far as there are offers enough. `salt` draws others than the edit before.
    pub(crate) fn edit(&mut self, edit: &Edit, salt: u64) -> Edited {
        let mut taken = HashSet::new();
        let changed = self.draw(edit.change, mix(salt), &mut taken);
        let removed = self.draw(edit.remove, mix(salt ^ 1), &mut taken);
        for number in &changed {
            *self.revisions.entry(*number).or_default() += 1;
        }
        self.removed.extend(&removed);
        let added: Vec<u64> = (self.numbers + 1..=self.numbers + edit.add).collect();
        self.numbers += edit.add;
        if edit.mend {
            self.invalid_every = None;
        }
        let ids = |numbers: Vec<u64>| numbers.into_iter().map(id).collect();
        Edited { changed: ids(changed), removed: ids(removed), added: ids(added) }
    }

    /// Valid offers that are not `taken` yet, from all over the file.
    fn draw(&self, wanted: u64, salt: u64, taken: &mut HashSet<u64>) -> Vec<u64> {
        let drawn = (0..self.numbers).map(|index| 1 + mix(salt ^ index) % self.numbers);
        // Draws may miss some; a look at each in turn does not.
        let numbers = drawn.chain(1..=self.numbers);
        let is_valid = |number: &u64| self.offer(*number).is_some_and(|it| it.fault.is_none());
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let mut found: Vec<u64> =
            numbers.filter(is_valid).filter(|number| taken.insert(*number)).take(wanted).collect();
        found.sort_unstable();
        found
    }
}
