//! Looking records up before they are mapped: under their claims, so that what is found is what a merge
//! goes by, and no other request of this flow changes it meanwhile.

use std::collections::HashMap;

use super::{
    claim::unsent,
    sender::{Sender, Start, Step},
    unit::{Chunk, Group, Item, Place, Prepared, Unit},
};
use crate::{
    decide::SendSlot,
    model::{Blame, Outcome, SkipReason},
    ports::{ClaimEnd, Clock, Found, Ids, Lookup, Platform},
};

impl<P: Platform> Sender<'_, P> {
    /// Claims a group and finds out what is known of it from before. Sends nothing.
    pub(super) async fn prepare_group(&self, group: Group) -> Step {
        let lookup = self.lookup();
        let Group { items, decided, keys, .. } = group;
        let by_place: HashMap<Place, Box<str>> =
            items.iter().zip(keys).filter_map(|(item, key)| Some((item.place, key?.0))).collect();
        let mut step = Step { outcomes: decided, ..Step::default() };
        let (claim, items) = if self.by_entity() {
            let owner = self.ports.entropy.unique(&self.flow.stream);
            let items = self.claim(&owner, items, &mut step.outcomes).await;
            (Some(owner), items)
        } else {
            (None, items)
        };
        if items.is_empty() {
            return step;
        }
        let keys = items.iter().map(|item| by_place.get(&item.place).cloned());
        let keys: Vec<Option<Box<str>>> = keys.collect();
        let asked: Vec<Box<str>> = keys.iter().flatten().cloned().collect();
        let known = if asked.is_empty() { Vec::new() } else { lookup.known(&asked).await };
        let known: HashMap<Box<str>, Option<Found>> = asked.into_iter().zip(known).collect();
        let keys = keys.into_iter().map(|key| {
            let found = key.as_ref().and_then(|key| known.get(key)).cloned().flatten();
            key.map(|key| (key, found))
        });
        let group = Group { keys: keys.collect(), items, decided: Vec::new(), claim };
        if group.keys.iter().flatten().any(|(_, found)| found.is_none()) {
            step.next.push(Unit::LookUp(group));
        } else {
            self.map(group, &HashMap::new(), &mut step).await;
        }
        step
    }

    /// Looks a group up, and maps it.
    pub(super) async fn look_up(
        &self,
        group: Group,
        slot: Option<SendSlot>,
        timeout_ms: u64,
    ) -> Step {
        let mut step = Step::default();
        let lookup = self.lookup();
        let owner = group.claim.clone().unwrap_or_default();
        let timeout_ms = match self.start(slot, timeout_ms).await {
            Start::Now { timeout_ms } => timeout_ms,
            Start::Missed => {
                step.next.push(Unit::LookUp(group));
                return step;
            }
            Start::TimeIsUp => {
                self.leave(&owner, group.items, &mut step).await;
                return step;
            }
        };
        let unknown = group.keys.iter().flatten().filter(|(_, found)| found.is_none());
        let mut keys: Vec<Box<str>> = unknown.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        let started_ms = self.ports.clock.now_ms();
        let looked_up = lookup.look_up(&keys, timeout_ms).await;
        step.took_ms = u64::try_from(self.ports.clock.now_ms() - started_ms).ok();
        step.allowance = looked_up.allowance;
        match looked_up.found {
            Ok(mut found) => {
                found.resize(keys.len(), None);
                let found = keys.into_iter().zip(found).collect();
                self.map(group, &found, &mut step).await;
            }
            Err(later) if later.blame == Blame::Batch && group.items.len() > 1 => {
                // Too much for one request: halves are looked up, under their claims.
                step.next.extend(group.halves().into_iter().map(Unit::LookUp));
            }
            Err(later) => {
                self.let_go(&owner, &group.items, &mut step.endings).await;
                let later = |item: &Item<Prepared>| (item.place, Outcome::Later(later.clone()));
                step.outcomes.extend(group.items.iter().map(later));
            }
        }
        step
    }

    fn lookup(&self) -> &dyn Lookup {
        self.flow.lookup.as_deref().expect("a group is made only where the flow looks up")
    }

    /// Maps records with what was found, and puts them into requests.
    async fn map(&self, group: Group, found: &HashMap<Box<str>, Found>, step: &mut Step) {
        let Group { items, claim, keys, .. } = group;
        let found: Vec<Option<&[u8]>> = keys
            .iter()
            .map(|key| {
                let (key, known) = key.as_ref()?;
                let found = known.as_ref().or_else(|| found.get(key))?;
                found.as_deref()
            })
            .collect();
        let (chunks, settled) = self.packing.chunks_of(items, &found, claim.as_deref());
        let owner = claim.clone().unwrap_or_default();
        for chunk in chunks {
            // Only what is mapped can be asked for.
            let items = self.resolve_unknown(&owner, chunk.items, step);
            if !items.is_empty() {
                step.next.push(Unit::Send(Chunk { items, ..chunk }));
            }
        }
        if settled.is_empty() {
            return;
        }
        let (settled, outcomes): (Vec<Item<Prepared>>, Vec<Outcome>) = settled.into_iter().unzip();
        let end = |at: usize| match outcomes[at] {
            // The destination has all of it already.
            Outcome::Skipped(SkipReason::Unchanged) => Some(ClaimEnd::Applied),
            _ => Some(unsent(&settled[at])),
        };
        self.finish(&owner, &settled, end, &mut step.endings).await;
        step.outcomes.extend(settled.iter().map(|item| item.place).zip(outcomes));
    }
}
