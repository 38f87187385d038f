//! The leased send slots of one invocation: which of them can still be used, and when.
//!
//! A slot that passed while as many requests were in flight as are permitted is not lost. It is used later, as
//! long as by that no window of a limit, wherever it begins, has one request too many. What others may send is
//! counted in: none of theirs between the first and the last slot of a run, and all of theirs behind it.

use std::collections::VecDeque;

use super::Rate;
use crate::model::{EpochMs, Leased, RateLimit};

/// Slots are used late only under limits of at most so many requests: of more, those that are lost are few.
const COUNT_MAX: u32 = 1_000;

/// When one request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendSlot {
    /// Not before; in µs since 1970.
    pub at_us: i64,
    /// And not after; in µs since 1970.
    pub expires_us: i64,
    /// The lease that it is of.
    lease: usize,
}

/// A send slot as it was leased.
#[derive(Debug, Clone, Copy)]
struct LeasedSlot {
    at_us: i64,
    /// How late it may be used without a further look, in µs; `None` where nothing paces the lease.
    lateness_us: Option<i64>,
    /// No later than this, whatever else holds.
    until_us: i64,
    lease: usize,
    /// It may be used later than that.
    slips: bool,
}

/// A limit, as so many requests in a span of time.
#[derive(Debug, Clone, Copy)]
struct Window {
    count: usize,
    /// The window, and what a rate within it leaves unused; in µs.
    span_us: i64,
}

/// Leases that follow each other with no slot of another invocation between them.
#[derive(Debug, Clone)]
struct Run {
    slots: VecDeque<LeasedSlot>,
    /// Those that passed, to be used when no window has one too many by it: as many as a window has.
    missed: VecDeque<LeasedSlot>,
    /// The first slot behind it, which may be another's, and from one to the next; in µs.
    end_us: i64,
    spacing_us: i64,
    /// When the newest slots were given out for, as many as a window has.
    starts: VecDeque<i64>,
    /// The newest that was given out for later than it was leased for.
    slipped_us: Option<i64>,
}

/// The leased send slots of one invocation.
#[derive(Debug, Clone, Default)]
pub struct SendSlots {
    runs: VecDeque<Run>,
    /// Those that were taken and not needed.
    given_back: Vec<SendSlot>,
    /// When each lease counts as used, and how many of it were not.
    unused: Vec<(EpochMs, u64)>,
    /// The flow's own rate, and the limits that it keeps; none where no slot is used late.
    rate: Option<Rate>,
    windows: Vec<Window>,
}

impl SendSlots {
    /// None yet, under these limits.
    pub fn new(limits: &[RateLimit]) -> Self {
        let paced = || limits.iter().filter(|limit| !limit.is_quota());
        if !paced().all(|limit| (1..=COUNT_MAX).contains(&limit.count)) {
            return Self::default();
        }
        let window = |limit: &RateLimit| {
            let rate = Rate::within(&[*limit])?;
            let span_us = rate.spacing_us * i64::from(limit.count);
            Some(Window { count: limit.count as usize, span_us })
        };
        let windows = paced().filter_map(window).collect();
        Self { windows, rate: Rate::within(limits), ..Self::default() }
    }

    /// Adds a lease. Without a rate its send slots last as long as it does.
    pub fn add(&mut self, leased: Leased, rate: Option<Rate>) {
        let Leased { first_us, spacing_us, count, until_us } = leased;
        let lease = self.unused.len();
        self.unused.push((until_us / 1_000, u64::from(count)));
        // A rate that headers ask for says nothing of a window.
        let slips =
            rate.is_some_and(|rate| self.rate == Some(rate) && rate.spacing_us == spacing_us);
        let slots = (0..i64::from(count)).map(|at| LeasedSlot {
            at_us: first_us + at * spacing_us,
            lateness_us: rate.map(|rate| rate.lateness_us),
            until_us,
            lease,
            slips,
        });
        let end_us = first_us + i64::from(count) * spacing_us;
        match self.runs.back_mut() {
            Some(run) if (run.end_us, run.spacing_us) == (first_us, spacing_us) => {
                run.slots.extend(slots);
                run.end_us = end_us;
            }
            _ => self.runs.push_back(Run {
                slots: slots.collect(),
                missed: VecDeque::new(),
                end_us,
                spacing_us,
                starts: VecDeque::new(),
                slipped_us: None,
            }),
        }
    }

    /// How many there are that were not taken, whether or not they can still be used.
    pub fn left(&self) -> usize {
        self.given_back.len() + self.runs.iter().map(|run| run.slots.len()).sum::<usize>()
    }

    /// Whether slots leased at this rate are used late.
    pub fn slip(&self, rate: Option<Rate>) -> bool {
        self.rate.is_some() && self.rate == rate
    }

    /// When the first would be behind the last of them, in µs.
    pub fn end_us(&self) -> Option<i64> {
        self.runs.back().map(|run| run.end_us)
    }

    /// Takes the next that can still be used, if there is one.
    pub fn take(&mut self, now_us: i64) -> Option<SendSlot> {
        while let Some(slot) = self.given_back.pop() {
            if now_us <= slot.expires_us {
                return Some(slot);
            }
        }
        loop {
            if let Some(slot) = self.runs.front_mut()?.take(&self.windows, now_us) {
                return Some(slot);
            }
            // The last one may go on.
            if self.runs.len() == 1 {
                return None;
            }
            self.runs.pop_front();
        }
    }

    /// Lets all of them pass.
    pub fn drop_all(&mut self) {
        self.runs.clear();
        self.given_back.clear();
    }

    /// Gives one back that was just taken.
    pub fn put_back(&mut self, slot: SendSlot) {
        self.given_back.push(slot);
    }

    /// A request was sent in this one.
    pub fn used(&mut self, slot: SendSlot) {
        let unused = &mut self.unused[slot.lease].1;
        *unused = unused.saturating_sub(1);
    }

    /// What was leased and not used: so many, that count as used at that moment.
    pub fn unused(&self) -> Vec<(EpochMs, u64)> {
        self.unused.iter().filter(|(_, unused)| *unused > 0).copied().collect()
    }
}

impl Run {
    fn take(&mut self, windows: &[Window], now_us: i64) -> Option<SendSlot> {
        let most = windows.iter().map(|window| window.count).max().unwrap_or(0);
        if let Some(slot) = self.missed.front().copied()
            && let Some(used) = self.used_at(&slot, windows, now_us)
        {
            self.missed.pop_front();
            return Some(self.taken(&slot, used, most));
        }
        while let Some(slot) = self.slots.pop_front() {
            match self.used_at(&slot, windows, now_us) {
                Some(used) => return Some(self.taken(&slot, used, most)),
                None if slot.slips => self.missed.push_back(slot),
                None => {}
            }
            while self.missed.len() > most {
                self.missed.pop_front();
            }
        }
        None
    }

    fn taken(
        &mut self,
        slot: &LeasedSlot,
        (at_us, expires_us): (i64, i64),
        most: usize,
    ) -> SendSlot {
        if at_us > slot.at_us {
            self.slipped_us = Some(at_us);
        }
        self.starts.push_back(at_us);
        while self.starts.len() > most {
            self.starts.pop_front();
        }
        SendSlot { at_us, expires_us, lease: slot.lease }
    }

    /// From when, and until when, a slot is used that is taken now; `None` where it is lost.
    fn used_at(&self, slot: &LeasedSlot, windows: &[Window], now_us: i64) -> Option<(i64, i64)> {
        let Some(lateness_us) = slot.lateness_us else {
            return (now_us <= slot.until_us).then_some((slot.at_us, slot.until_us));
        };
        let own_us = self.own_let_us(windows);
        let own_us = own_us.max(self.starts.back().copied().unwrap_or(i64::MIN));
        let in_time = own_us <= slot.at_us && now_us <= slot.at_us + lateness_us;
        let at_us = if in_time { slot.at_us } else { slot.at_us.max(own_us).max(now_us) };
        let expires_us = (at_us + lateness_us).min(slot.until_us);
        let is_plain = in_time && !self.slipped_lately(windows, at_us);
        let fits = is_plain || (slot.slips && self.leaves_room_for_others(windows, at_us));
        (fits && now_us.max(at_us) <= expires_us).then_some((at_us, expires_us))
    }

    /// From when on no window has one too many of those that were given out.
    fn own_let_us(&self, windows: &[Window]) -> i64 {
        let lets_us = |window: &Window| {
            let first = self.starts.len().checked_sub(window.count)?;
            Some(self.starts[first] + window.span_us)
        };
        windows.iter().filter_map(lets_us).max().unwrap_or(i64::MIN)
    }

    /// Whether a window that ends at this moment may have a slot in it that was used late.
    fn slipped_lately(&self, windows: &[Window], at_us: i64) -> bool {
        let longest_us = windows.iter().map(|window| window.span_us).max().unwrap_or(0);
        self.slipped_us.is_some_and(|slipped_us| at_us - slipped_us < longest_us)
    }

    /// Whether no window has one too many, should all slots behind the run be used by others.
    fn leaves_room_for_others(&self, windows: &[Window], at_us: i64) -> bool {
        let others = |until_us: i64| match until_us - self.end_us {
            ahead_us @ 1.. => (ahead_us + self.spacing_us - 1) / self.spacing_us,
            _ => 0,
        };
        windows.iter().all(|window| {
            let starts = self.starts.iter().chain([&at_us]).rev();
            let mut within = starts.take_while(|it| at_us - **it < window.span_us).zip(1..);
            let count = i64::try_from(window.count).unwrap_or(i64::MAX);
            within.all(|(start_us, own)| own + others(start_us + window.span_us) <= count)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(count: u32, window_ms: u64) -> RateLimit {
        RateLimit { count, window_ms }
    }

    fn leased(first_us: i64, rate: Rate, count: u32) -> Leased {
        Leased { first_us, spacing_us: rate.spacing_us, count, until_us: i64::MAX }
    }

    #[test]
    fn a_slot_missed_by_more_than_a_little_has_expired_and_was_not_used() {
        let rate = Rate { spacing_us: 100, lateness_us: 10 };
        let mut slots = SendSlots::default();
        let leased = Leased { first_us: 1_000, spacing_us: 100, count: 3, until_us: 7_000 };
        slots.add(leased, Some(rate));
        let first = slots.take(1_010).unwrap();
        assert_eq!((first.at_us, first.expires_us), (1_000, 1_010));
        slots.used(first);
        assert_eq!(slots.take(1_111).unwrap().at_us, 1_200);
        assert_eq!(slots.take(1_111), None);
        assert_eq!(slots.unused(), [(7, 2)]);
    }

    #[test]
    fn a_slot_that_is_given_back_is_taken_again() {
        let rate = Rate::within(&[limit(10, 1_000)]).unwrap();
        let mut slots = SendSlots::new(&[limit(10, 1_000)]);
        slots.add(leased(0, rate, 2), Some(rate));
        let first = slots.take(0).unwrap();
        slots.put_back(first);
        assert_eq!((slots.left(), slots.take(0)), (2, Some(first)));
    }

    #[test]
    fn a_slot_that_passed_is_used_late_and_its_place_in_the_next_window_moves_with_it() {
        let limits = [limit(4, 1_000)];
        let rate = Rate::within(&limits).unwrap();
        let s = rate.spacing_us;
        let mut slots = SendSlots::new(&limits);
        slots.add(leased(0, rate, 12), Some(rate));
        assert_eq!(slots.take(0).unwrap().at_us, 0);
        // Three slots passed meanwhile, and nothing else was sent.
        let late = 3 * s + 20_000;
        let taken: Vec<_> = (0..8).map_while(|_| slots.take(late)).map(|slot| slot.at_us).collect();
        assert_eq!(taken[..3], [late, late, late]);
        assert_eq!(taken[3], 4 * s, "four in a window: the one after waits for the first");
        assert_eq!(taken[4..7], [late + 4 * s; 3]);
    }

    #[test]
    fn none_is_used_late_where_others_may_come_next() {
        let limits = [limit(50, 1_000)];
        let rate = Rate::within(&limits).unwrap();
        let mut slots = SendSlots::new(&limits);
        slots.add(leased(0, rate, 3), Some(rate));
        assert_eq!(slots.take(2 * rate.spacing_us + 15_000), None);
        // Nor where headers pace it, for which nothing says of what windows.
        let asked = Rate { spacing_us: 2 * rate.spacing_us, ..rate };
        let mut slots = SendSlots::new(&limits);
        slots.add(leased(0, asked, 50), Some(asked));
        assert_eq!(slots.take(15_000).unwrap().at_us, asked.spacing_us);
    }

    proptest! {
        /// One invocation has some runs of slots and as many requests at once as are permitted, which take any
        /// time; others use every slot that is not its own, as late as they may.
        #[test]
        fn no_window_has_one_too_many(
            count in 1u32..60,
            most_in_flight in 1usize..12,
            leases in prop::collection::vec((1u32..40, 0u32..3), 1..12),
            took_ms in prop::collection::vec(1i64..400, 64),
            jitter in prop::collection::vec(0i64..=100, 16),
        ) {
            let limits = [limit(count, 1_000)];
            let rate = Rate::within(&limits).unwrap();
            let mut slots = SendSlots::new(&limits);
            let mut sent = Vec::new();
            let mut ends = Vec::new();
            let (mut next_us, mut now_us) = (0, 0);
            for (own, of_others) in leases {
                slots.add(leased(next_us, rate, own), Some(rate));
                next_us += i64::from(own) * rate.spacing_us;
                for _ in 0..of_others {
                    sent.push(next_us + rate.lateness_us * jitter[sent.len() % 16] / 100);
                    next_us += rate.spacing_us;
                }
                loop {
                    ends.sort_unstable();
                    ends.retain(|end_us| *end_us > now_us);
                    if ends.len() >= most_in_flight {
                        now_us = ends[0];
                        continue;
                    }
                    // The next lease is asked for before the last of this is used, as a dispatcher does.
                    if slots.left() <= 4 {
                        break;
                    }
                    let Some(slot) = slots.take(now_us) else { break };
                    let late = jitter[sent.len() % 16] * rate.lateness_us / 100;
                    let at_us = slot.at_us.max(now_us).max((slot.at_us + late).min(slot.expires_us));
                    sent.push(at_us);
                    ends.push(at_us + took_ms[sent.len() % 64] * 1_000);
                }
            }
            // What is left is used, and then come the others.
            while let Some(slot) = slots.take(now_us) {
                sent.push(slot.at_us.max(now_us));
            }
            sent.extend((0..i64::from(count) + 2).map(|at| next_us + at * rate.spacing_us));
            sent.sort_unstable();
            for pair in sent.windows(count as usize + 1) {
                prop_assert!(pair[count as usize] - pair[0] >= 1_000_000, "{pair:?}");
            }
        }

        /// Several invocations lease, each where the one before ended, though that has passed; and use all of it late.
        #[test]
        fn none_has_where_all_of_several_are_late(
            count in 1u32..60,
            acts in prop::collection::vec((0usize..3, 0i64..600, 0u32..50, 0usize..30), 1..60),
            jitter in prop::collection::vec(0i64..=100, 16),
        ) {
            let limits = [limit(count, 1_000)];
            let rate = Rate::within(&limits).unwrap();
            let mut all: Vec<_> = (0..3).map(|_| SendSlots::new(&limits)).collect();
            let mut sent = Vec::new();
            let (mut next_us, mut now_us) = (0, 0);
            for (who, passes_ms, leases, takes) in acts {
                now_us += passes_ms * 1_000;
                let slots = &mut all[who];
                if leases > 0 {
                    slots.add(leased(next_us, rate, leases), Some(rate));
                    next_us += i64::from(leases) * rate.spacing_us;
                }
                for slot in (0..takes).map_while(|_| slots.take(now_us)) {
                    let late = jitter[sent.len() % 16] * rate.lateness_us / 100;
                    sent.push((slot.at_us + late).min(slot.expires_us).max(now_us));
                }
            }
            sent.sort_unstable();
            for pair in sent.windows(count as usize + 1) {
                prop_assert!(pair[count as usize] - pair[0] >= 1_000_000, "{pair:?}");
            }
        }
    }
}
