//! What a walk has read along one row of pages, to tell a page that brings something new from one that
//! was there before.

use std::collections::HashSet;

use tidegate_core::model::{Mark, RecordId};

use super::{cursor::CursorBy, page::Row, pagination::PageRef};

/// The pages of one run.
pub(super) struct Seen {
    by: CursorBy,
    /// The furthest place in the list's order.
    furthest: Option<Mark>,
    /// The ids at the furthest moment, where they are in no certain order.
    ids: HashSet<RecordId>,
    first: Vec<Mark>,
    /// The last page that was added, and the one before it.
    last: [Vec<Mark>; 2],
    asked: HashSet<PageRef>,
    /// Pages.
    pub(super) pages: u64,
    /// Records in them, without those by which one overlaps with the page before.
    pub(super) records: u64,
}

/// What a page is against those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// It has records that were not read before, or stand in another order than the flow says.
    New,
    /// It is empty.
    Empty,
    /// All of its records were read before: it is a page that came already.
    Again,
}

impl Seen {
    pub(super) fn new(by: CursorBy) -> Self {
        Self {
            by,
            furthest: None,
            ids: HashSet::new(),
            first: Vec::new(),
            last: Default::default(),
            asked: HashSet::new(),
            pages: 0,
            records: 0,
        }
    }

    /// Looks at a page before it is added. `previous` are the records of the page before.
    pub(super) fn sight(
        &self,
        page: &PageRef,
        (rows, count): (&[Row], usize),
        previous: Option<&[Mark]>,
    ) -> Sight {
        if count == 0 {
            return Sight::Empty;
        }
        // Records without a key cannot be told from each other.
        if self.is_behind(rows) {
            return Sight::New;
        }
        let known = |pages: &[&[Mark]]| {
            let mut marks: Vec<&Mark> = pages.iter().copied().flatten().collect();
            marks.sort_unstable();
            rows.iter().all(|row| marks.binary_search(&&row.mark).is_ok())
        };
        // Pages by offsets overlap: the last one whole may be parts of two.
        let [last, older] = &self.last;
        let is_known = known(&[previous.unwrap_or(last), last, older]) || known(&[&self.first]);
        match is_known || self.asked.contains(page) {
            true => Sight::Again,
            false => Sight::New,
        }
    }

    /// Whether a page has a record that the pages before cannot have had, or one without a key.
    pub(super) fn is_behind(&self, rows: &[Row]) -> bool {
        rows.is_empty() || rows.iter().any(|row| self.is_further(&row.mark))
    }

    /// Whether a page is the first one once more.
    pub(super) fn is_first(&self, rows: &[Row]) -> bool {
        rows.iter().map(|row| &row.mark).eq(&self.first)
    }

    /// Whether a page was asked for already.
    pub(super) fn has_asked(&self, page: &PageRef) -> bool {
        self.asked.contains(page)
    }

    /// Adds a page.
    pub(super) fn add(&mut self, page: &PageRef, rows: &[Row], count: usize) {
        if self.pages == 0 {
            self.first = rows.iter().map(|row| row.mark.clone()).collect();
        }
        if !rows.is_empty() {
            self.last.swap(0, 1);
            self.last[0] = rows.iter().map(|row| row.mark.clone()).collect();
        }
        self.pages += 1;
        let overlaps = matches!(page, PageRef::Offset { overlap: true, .. });
        self.records += (count as u64).saturating_sub(overlaps.into());
        self.asked.insert(page.clone());
        let Some(last) = rows.last().map(|row| &row.mark) else { return };
        if self.by.sorts_ids() {
            if self.is_further(last) {
                self.furthest = Some(last.clone());
            }
            return;
        }
        let before = self.furthest.as_ref().map(|mark| &mark.at);
        if before.is_some_and(|before| last.at < *before) {
            return;
        }
        if before != Some(&last.at) {
            self.ids.clear();
            self.furthest = Some(last.clone());
        }
        let newest = rows.iter().rev().map(|row| &row.mark).take_while(|mark| mark.at == last.at);
        self.ids.extend(newest.map(|mark| mark.id.clone()));
    }

    /// Whether a record is one that the pages before cannot have had.
    fn is_further(&self, mark: &Mark) -> bool {
        let Some(furthest) = &self.furthest else { return true };
        if self.by.sorts_ids() {
            return mark > furthest;
        }
        mark.at > furthest.at || mark.at == furthest.at && !self.ids.contains(&mark.id)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tidegate_core::model::Moment;

    use super::*;

    fn rows(marks: &[(i64, i64)]) -> Vec<Row> {
        let row = |(ns, id): &(i64, i64)| Row {
            mark: Mark {
                at: Some(Moment { text: ns.to_string().into(), ns: *ns }),
                id: RecordId::Number(*id),
            },
            changed_ns: Some(*ns),
            is_fallback: false,
            data: Bytes::from_static(b"{}"),
            refused: None,
        };
        marks.iter().map(row).collect()
    }

    fn seen(by: &str, pages: &[&[(i64, i64)]]) -> Seen {
        let mut seen = Seen::new(crate::testing::section(by.into()));
        for (number, page) in pages.iter().enumerate() {
            seen.add(&PageRef::Number(number as u64), &rows(page), page.len());
        }
        seen
    }

    fn sight(seen: &Seen, page: &[(i64, i64)], previous: &[(i64, i64)]) -> Sight {
        let previous: Vec<Mark> = rows(previous).into_iter().map(|row| row.mark).collect();
        seen.sight(&PageRef::Number(99), (&rows(page), page.len()), Some(&previous))
    }

    #[test]
    fn a_page_that_came_before_is_known_and_one_with_something_new_is_not() {
        let pages: [&[(i64, i64)]; 3] = [&[(1, 1), (2, 2)], &[(3, 3)], &[(4, 4), (5, 5)]];
        for by in ["timestamp", "timestamp_id"] {
            let seen = seen(by, &pages);
            let last = pages[2];
            assert_eq!(sight(&seen, last, last), Sight::Again);
            assert_eq!(sight(&seen, pages[0], last), Sight::Again, "the list begins anew");
            assert_eq!(sight(&seen, &[(5, 5), (6, 1)], last), Sight::New);
            assert_eq!(sight(&seen, &[(0, 9)], last), Sight::New, "it is out of order");
            assert_eq!(sight(&seen, &[], last), Sight::Empty);
            assert!(seen.is_first(&rows(pages[0])) && !seen.is_first(&rows(last)));
            // In a circle of tokens a page in the middle comes again.
            let again = seen.sight(&PageRef::Number(1), (&rows(pages[1]), 1), None);
            assert_eq!(again, Sight::Again);
        }
    }

    #[test]
    fn within_one_moment_ids_tell_what_is_new() {
        let pages: [&[(i64, i64)]; 2] = [&[(1, 5), (1, 9)], &[(1, 7), (1, 2)]];
        let unordered = seen("timestamp", &pages);
        assert_eq!(sight(&unordered, &[(1, 3)], pages[1]), Sight::New);
        assert_eq!(sight(&unordered, &[(1, 7), (1, 2)], pages[1]), Sight::Again);
        assert_eq!((unordered.pages, unordered.records), (2, 4));
    }
}
