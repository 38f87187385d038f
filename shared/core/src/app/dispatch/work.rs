//! What is left of an invocation's pages, and what became of the rest. Pure: it asks no port.

use std::{collections::BTreeMap, iter::Peekable, vec};

use super::sink::{Refusal, Standing};
use crate::{
    app::{
        report::Tally,
        send::{Place, Places},
    },
    model::{Blame, Later, Outcome, Settled},
    ports::Route,
};

/// So many records that fail in a row would open the circuit, and there may be no others to get through.
pub(in crate::app) const FEW_RECORDS: usize = 4;

/// How far a page has come in this invocation.
#[derive(Debug)]
pub(in crate::app) struct PageWork {
    remaining: Peekable<vec::IntoIter<u32>>,
    /// See [`Places::cut`].
    cuts: BTreeMap<Route, u32>,
    /// Units that have records of it and are not over.
    units: usize,
    /// Records in it.
    count: u32,
    /// Records that its message brought.
    carried: u32,
    /// What is written down as settled.
    known: Settled,
    /// What is settled beyond that.
    settled: Settled,
    /// Of that, what is to be parked first.
    refused: Vec<Refusal>,
    /// What was attempted, whatever came of it.
    attempted: Settled,
    /// The longest wait that an outcome asked for, with its reason.
    later: Option<Later>,
    /// Something of it failed, and did not merely have to wait.
    tried: bool,
    /// Some of it was settled.
    progressed: bool,
    /// Nothing more of it is sent, and its message is given back or acknowledged.
    is_left: bool,
    /// Its records are handled in isolation.
    isolated: bool,
    /// It is to be isolated, and its turn is not over.
    held: bool,
    /// It is written down as done.
    done: bool,
}

impl PageWork {
    /// A page of so many records, with what of it is settled already, and as many records as its message
    /// brought. An `isolated` page's records wait for its turn.
    pub fn new(count: u32, carried: usize, known: Settled, isolated: bool) -> Self {
        let mut page = Self {
            remaining: Vec::new().into_iter().peekable(),
            cuts: BTreeMap::new(),
            units: 0,
            count,
            carried: u32::try_from(carried).unwrap_or(u32::MAX),
            known,
            settled: Settled::default(),
            refused: Vec::new(),
            attempted: Settled::default(),
            later: None,
            tried: false,
            progressed: false,
            is_left: false,
            isolated,
            held: isolated,
            done: false,
        };
        if !isolated {
            page.send(page.unsettled());
        }
        page
    }

    /// The records that were left as the page arrived, ascending.
    pub fn unsettled(&self) -> Vec<u32> {
        // A message that carries fewer records than its page counts is not what was sealed.
        (0..self.count.min(self.carried)).filter(|at| !self.known.contains(*at)).collect()
    }

    /// These are to be sent next, and no others of the page.
    pub fn send(&mut self, indices: Vec<u32>) {
        self.remaining = indices.into_iter().peekable();
    }

    /// Begins with the record so many places further on, and comes to those before it in the end.
    pub fn begin_with(&mut self, nth: u32) {
        let mut indices: Vec<u32> = self.remaining.by_ref().collect();
        if !indices.is_empty() {
            let nth = nth as usize % indices.len();
            indices.rotate_left(nth);
        }
        self.send(indices);
    }

    /// Whether it is written down that a record is settled.
    pub fn is_known(&self, index: u32) -> bool {
        self.known.contains(index)
    }

    /// Whether a record was attempted, whatever came of it.
    pub fn was_attempted(&self, index: u32) -> bool {
        self.attempted.contains(index)
    }

    /// Whether its records are handled in isolation.
    pub fn is_isolated(&self) -> bool {
        self.isolated
    }

    /// Its turn in isolation is over.
    pub fn release(&mut self) {
        self.held = false;
    }

    /// Whether it is written down as done.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether some of it was settled in this invocation.
    pub fn has_progressed(&self) -> bool {
        self.progressed
    }

    /// The longest wait that an outcome asked for, with its reason.
    pub fn later(&self) -> Option<&Later> {
        self.later.as_ref()
    }

    /// How it stands, if its message is given back for so long. `fails_alone` says whether what failed
    /// failed by itself, and not because the destination did.
    pub fn standing(&mut self, fails_alone: bool, gives_back_ms: Option<u64>) -> Standing<'_> {
        Standing {
            settled: &self.settled,
            refused: &self.refused,
            done: self.is_whole(),
            tried: self.tried && !self.progressed && self.settled.is_empty() && fails_alone,
            gives_back_ms,
        }
    }

    /// Whether every record is settled.
    pub fn is_whole(&self) -> bool {
        self.known.union_len(&self.settled) >= self.count
    }

    /// Whether something is settled that is not written down.
    pub fn has_news(&self) -> bool {
        !self.settled.is_empty()
    }

    /// What was settled is about to be written down, for better or worse.
    pub fn handed_over(&mut self) {
        self.progressed |= !self.settled.is_empty();
        self.settled = Settled::default();
        self.refused = Vec::new();
    }

    /// Others may have settled some of it too: this is written down now.
    pub fn written(&mut self, known: &Settled) {
        self.known.union(known);
    }

    /// It is written down as done.
    pub fn written_as_done(&mut self) {
        self.known = (0..self.count).collect();
        self.done = true;
    }

    /// Takes in what became of a record. Answers with whether it stays unsettled.
    fn note(&mut self, index: u32, outcome: Outcome, tally: &mut Tally) -> bool {
        // A record that waits for an entity's lock was not attempted.
        if !matches!(&outcome, Outcome::Later(later) if later.blame == Blame::NotAttempted) {
            self.attempted.insert(index);
        }
        match outcome {
            Outcome::Delivered => tally.delivered += 1,
            Outcome::Skipped(_) => tally.skipped += 1,
            Outcome::Refused { status, reason } => {
                self.refused.push(Refusal { index, status, reason });
            }
            Outcome::Invalid(reason) => self.refused.push(Refusal { index, status: None, reason }),
            Outcome::Later(later) => {
                if later.blame != Blame::NotAttempted {
                    tally.retried += 1;
                }
                self.tried |= later.is_failure();
                if self.later.as_ref().is_none_or(|old| old.worth() < later.worth()) {
                    self.later = Some(later);
                }
                return true;
            }
        }
        self.settled.insert(index);
        false
    }
}

/// The pages of one invocation, the oldest first.
pub(in crate::app) struct Work {
    pages: Vec<PageWork>,
    /// Nothing may overtake what was left.
    is_serial: bool,
    /// Something was left, and nothing may overtake it.
    halted: bool,
    /// Only this page's records are sent.
    only: Option<usize>,
    tally: Tally,
}

impl Work {
    pub fn new(pages: Vec<PageWork>, is_serial: bool) -> Self {
        Self { pages, is_serial, halted: false, only: None, tally: Tally::default() }
    }

    /// How many pages there are.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    pub fn page(&self, page: usize) -> &PageWork {
        &self.pages[page]
    }

    pub fn page_mut(&mut self, page: usize) -> &mut PageWork {
        &mut self.pages[page]
    }

    /// How many records are not settled.
    pub fn unsettled(&self) -> usize {
        let left = |page: &PageWork| page.count.saturating_sub(page.known.union_len(&page.settled));
        self.pages.iter().map(|page| left(page) as usize).sum()
    }

    /// How many records were delivered so far.
    pub fn delivered(&self) -> u64 {
        self.tally.delivered
    }

    /// What was counted so far.
    pub fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Sends only this page's records from now on, or again those of all.
    pub fn send_only(&mut self, page: Option<usize>) {
        self.only = page;
    }

    /// Whether nothing more may be sent, since it would overtake what was left.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// Whether nothing may overtake what is left.
    pub fn is_serial(&self) -> bool {
        self.is_serial
    }

    /// The records that may be sent now, the oldest page's first.
    pub fn remaining(&mut self) -> Remaining<'_> {
        match self.only {
            None => Remaining { first: 0, pages: &mut self.pages },
            Some(page) => Remaining { first: page, pages: &mut self.pages[page..=page] },
        }
    }

    /// How many records each page has left to be sent.
    pub fn left(&self) -> impl Iterator<Item = usize> + Clone {
        self.pages.iter().map(|page| page.remaining.len())
    }

    /// A unit with records of these pages keeps them from being left.
    pub fn unit_begins(&mut self, pages: &[usize]) {
        pages.iter().for_each(|page| self.pages[*page].units += 1);
    }

    /// It is over.
    pub fn unit_ends(&mut self, pages: &[usize]) {
        pages.iter().for_each(|page| self.pages[*page].units -= 1);
    }

    /// Takes in what became of a record.
    pub fn note(&mut self, Place { page, index }: Place, outcome: Outcome) {
        let page = &mut self.pages[page];
        let is_left = page.note(index, outcome, &mut self.tally);
        if is_left && self.is_serial {
            page.send(Vec::new());
            self.halted = true;
        }
    }

    /// Takes the next page of which nothing more is sent. Where `no_more` requests start at all, that is
    /// every page of which nothing is under way.
    pub fn next_to_leave(&mut self, no_more: bool) -> Option<usize> {
        let is_ready = |page: &mut PageWork| {
            let idle = !page.held && !page.is_left && page.units == 0;
            idle && (no_more || page.remaining.peek().is_none())
        };
        let page = self.pages.iter_mut().position(is_ready)?;
        self.pages[page].is_left = true;
        Some(page)
    }
}

/// The records of some pages that are left.
pub(in crate::app) struct Remaining<'w> {
    /// The first of these pages.
    first: usize,
    pages: &'w mut [PageWork],
}

impl Remaining<'_> {
    fn next(&mut self) -> Option<(usize, &mut Peekable<vec::IntoIter<u32>>)> {
        let at = self.pages.iter_mut().position(|page| page.remaining.peek().is_some())?;
        Some((self.first + at, &mut self.pages[at].remaining))
    }
}

impl Places for Remaining<'_> {
    fn peek(&mut self) -> Option<Place> {
        let (page, remaining) = self.next()?;
        remaining.peek().map(|index| Place { page, index: *index })
    }

    fn take(&mut self) -> Option<Place> {
        let (page, remaining) = self.next()?;
        remaining.next().map(|index| Place { page, index })
    }

    fn put_back(&mut self, places: Vec<Place>) {
        let mut by_page: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for Place { page, index } in places {
            by_page.entry(page).or_default().push(index);
        }
        for (page, mut first) in by_page {
            let remaining = &mut self.pages[page - self.first].remaining;
            first.extend(&mut *remaining);
            *remaining = first.into_iter().peekable();
        }
    }

    fn cut(&mut self, page: usize, route: Route) -> &mut u32 {
        self.pages[page - self.first].cuts.entry(route).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SkipReason;

    fn page(count: u32, known: &[u32]) -> PageWork {
        PageWork::new(count, count as usize, known.iter().copied().collect(), false)
    }

    fn later(blame: Blame, after_ms: Option<u64>) -> Outcome {
        Outcome::Later(Later { blame, after_ms, unknown: false, reason: "not now".into() })
    }

    fn taken(work: &mut Work) -> Vec<(usize, u32)> {
        let mut remaining = work.remaining();
        std::iter::from_fn(|| remaining.take()).map(|place| (place.page, place.index)).collect()
    }

    fn at(page: usize, index: u32) -> Place {
        Place { page, index }
    }

    #[test]
    fn what_is_not_settled_is_sent_the_oldest_page_first() {
        let mut work = Work::new(vec![page(3, &[1]), page(2, &[])], false);
        assert_eq!(work.left().collect::<Vec<_>>(), [2, 2]);
        let mut remaining = work.remaining();
        let first = remaining.take().into_iter().chain(remaining.take()).collect();
        remaining.put_back(first);
        assert_eq!(taken(&mut work), [(0, 0), (0, 2), (1, 0), (1, 1)]);
    }

    #[test]
    fn a_message_that_carries_fewer_records_than_its_page_is_never_done() {
        let mut work = Work::new(vec![PageWork::new(3, 2, Settled::default(), false)], false);
        assert_eq!(taken(&mut work), [(0, 0), (0, 1)]);
        work.note(at(0, 0), Outcome::Delivered);
        work.note(at(0, 1), Outcome::Delivered);
        assert!(!work.page(0).is_whole());
    }

    #[test]
    fn a_page_is_left_when_nothing_of_it_is_under_way_or_to_come() {
        let mut work = Work::new(vec![page(1, &[]), page(1, &[])], false);
        assert_eq!(work.next_to_leave(false), None);
        work.remaining().take();
        work.unit_begins(&[0]);
        assert_eq!(work.next_to_leave(false), None);
        work.unit_ends(&[0]);
        assert_eq!(work.next_to_leave(false), Some(0));
        assert_eq!(work.next_to_leave(false), None, "once");
        assert_eq!(work.next_to_leave(true), Some(1), "no request starts any more");
    }

    #[test]
    fn an_isolated_page_waits_for_its_turn() {
        let isolated = PageWork::new(2, 2, Settled::default(), true);
        let mut work = Work::new(vec![isolated, page(1, &[])], false);
        assert_eq!(taken(&mut work), [(1, 0)]);
        work.send_only(Some(0));
        work.page_mut(0).send(vec![1]);
        assert_eq!(taken(&mut work), [(0, 1)]);
        assert_eq!(work.next_to_leave(true), Some(1));
        work.page_mut(0).release();
        assert_eq!(work.next_to_leave(true), Some(0));
    }

    #[test]
    fn refused_records_are_parked_and_count_as_settled() {
        let mut work = Work::new(vec![page(3, &[0])], false);
        work.note(at(0, 1), Outcome::Refused { status: Some(422), reason: "no".into() });
        work.note(at(0, 2), Outcome::Skipped(SkipReason::Older));
        let standing = work.page_mut(0).standing(true, Some(0));
        assert!(standing.done && !standing.tried);
        assert_eq!(standing.settled.iter().collect::<Vec<_>>(), [1, 2]);
        let refused = [Refusal { index: 1, status: Some(422), reason: "no".into() }];
        assert_eq!(standing.refused, refused);
        work.page_mut(0).handed_over();
        assert!(work.page(0).has_progressed() && !work.page(0).has_news());
    }

    #[test]
    fn only_a_failure_that_settled_nothing_is_a_try() {
        let tried = |outcomes: Vec<Outcome>, fails_alone| {
            let mut work = Work::new(vec![page(3, &[])], false);
            for (index, outcome) in (0..).zip(outcomes) {
                work.note(at(0, index), outcome);
            }
            work.page_mut(0).standing(fails_alone, None).tried
        };
        let failure = || later(Blame::Request, None);
        assert!(tried(vec![failure()], true));
        assert!(!tried(vec![failure()], false));
        assert!(!tried(vec![failure(), Outcome::Delivered], true));
        assert!(!tried(vec![later(Blame::Limit, None), later(Blame::NotAttempted, None)], true));
    }

    #[test]
    fn a_wait_for_a_failure_counts_more_than_one_for_another_version() {
        let mut work = Work::new(vec![page(3, &[])], false);
        work.note(at(0, 0), later(Blame::NotAttempted, Some(9_000)));
        work.note(at(0, 1), later(Blame::Request, Some(20)));
        work.note(at(0, 2), later(Blame::Limit, Some(10)));
        assert_eq!(work.page(0).later().and_then(|later| later.after_ms), Some(20));
        let attempted: Vec<_> = (0..3).filter(|at| work.page(0).was_attempted(*at)).collect();
        assert_eq!(attempted, [1, 2]);
    }

    #[test]
    fn in_a_serial_stream_nothing_overtakes_what_is_left() {
        let mut work = Work::new(vec![page(3, &[])], true);
        work.remaining().take();
        work.note(at(0, 0), later(Blame::Request, None));
        assert!(work.is_halted() && taken(&mut work).is_empty());
    }
}
