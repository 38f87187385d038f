//! What the file before held, for a look at each record; and what of it is gone.

use std::{collections::HashSet, hash::BuildHasher};

use foldhash::fast::RandomState;
use tidegate_core::{model::RecordId, ports::SourceError};

use super::lists::{Entry, List, Lists};
use crate::source::ids::is_unreadable;

/// What the file before held: a hash of each id and the digest of its record, ascending. Sixteen bytes a record.
pub(super) struct Base {
    hasher: RandomState,
    records: Vec<(u64, u64)>,
}

impl Base {
    /// Reads a list. One of which a part has expired is as good as empty.
    ///
    /// # Errors
    /// If the store gives no answer.
    pub(super) async fn read(lists: &Lists, list: &List) -> Result<Self, SourceError> {
        let hasher = RandomState::default();
        let mut records = Vec::new();
        let add = |entry: Entry| records.push((hasher.hash_one(&entry.id), entry.digest));
        if !lists.each(list, add).await? {
            tracing::warn!("what the file before held has expired: all of the file is delivered");
            records.clear();
        }
        records.sort_unstable();
        records.dedup();
        Ok(Self { hasher, records })
    }

    /// Whether just this record was there. One that was there in two states is not taken for either: which of them
    /// was the last is not known.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        let id = self.hasher.hash_one(&entry.id);
        let first = self.records.partition_point(|(before, _)| *before < id);
        let those = &self.records[first..];
        let of_it = those.iter().take_while(|(it, _)| *it == id);
        of_it.map(|(_, digest)| *digest).eq([entry.digest])
    }
}

/// What was in one list and is not in the other. `None` where a
/// part of either has expired, so that nothing may be concluded.
///
/// # Errors
/// If the store gives no answer.
pub(super) async fn gone(
    lists: &Lists,
    before: &List,
    now: &List,
) -> Result<Option<Gone>, SourceError> {
    let hasher = RandomState::default();
    let mut there = Vec::new();
    let is_whole = lists.each(now, |entry| there.push(hasher.hash_one(&entry.id))).await?;
    there.sort_unstable();
    let (mut entries, mut count) = (Vec::new(), 0);
    let whole_before = lists
        .each(before, |entry| {
            count += 1;
            let is_there = there.binary_search(&hasher.hash_one(&entry.id)).is_ok();
            // What had no id is no entity that could be deleted.
            if !is_there && !is_unreadable(&entry.id) {
                entries.push(entry);
            }
        })
        .await?;
    Ok((is_whole && whole_before).then_some(Gone { entries, count }))
}

/// What is gone.
pub(super) struct Gone {
    /// In the order of the list before, with the digests that they had there.
    pub(super) entries: Vec<Entry>,
    /// How many records there were before.
    count: u64,
}

impl Gone {
    /// The ids, each once.
    pub(super) fn ids(&self) -> Vec<RecordId> {
        let mut seen = HashSet::new();
        let ids = self.entries.iter().map(|entry| &entry.id);
        ids.filter(|id| seen.insert(*id)).cloned().collect()
    }

    /// How much of what there was is gone, in thousandths.
    pub(super) fn thousandths(&self) -> u32 {
        let gone = self.entries.len() as u64;
        u32::try_from((gone * 1_000).div_ceil(self.count.max(1))).unwrap_or(1_000)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tidegate_testkit::{MemoryStore, Seeded};

    use super::*;
    use crate::{HttpClient, options::Options};

    fn lists() -> Lists {
        let (store, random) = (MemoryStore::new(), Seeded::new(1));
        Lists::new(&Options::new(HttpClient::new().unwrap(), Arc::new(store), Arc::new(random)))
    }

    fn entry(id: i64, digest: u64) -> Entry {
        Entry { id: RecordId::Number(id), digest }
    }

    async fn list(lists: &Lists, entries: &[Entry]) -> List {
        let mut list = List::default();
        lists.add(&mut list, entries).await.unwrap();
        list
    }

    #[tokio::test]
    async fn what_was_there_once_and_is_the_same_is_known() {
        let lists = lists();
        let before = [entry(1, 10), entry(2, 20), entry(3, 30), entry(3, 31), entry(2, 20)];
        let base = Base::read(&lists, &list(&lists, &before).await).await.unwrap();
        assert!(base.has(&entry(1, 10)) && base.has(&entry(2, 20)));
        assert!(!base.has(&entry(1, 11)) && !base.has(&entry(4, 10)));
        assert!(
            !base.has(&entry(3, 30)) && !base.has(&entry(3, 31)),
            "in which state it was last is unknown"
        );
    }

    #[tokio::test]
    async fn what_is_gone_is_told_once_and_as_a_share() {
        let lists = lists();
        let before = list(&lists, &[entry(1, 1), entry(2, 2), entry(3, 3), entry(1, 1)]).await;
        let now = list(&lists, &[entry(2, 9)]).await;
        let gone = gone(&lists, &before, &now).await.unwrap().unwrap();
        assert_eq!(gone.ids(), [RecordId::Number(1), RecordId::Number(3)]);
        assert_eq!((gone.count, gone.thousandths()), (4, 750));
    }
}
