//! Refusals in a row: whether it is the records that are refused, or everything. Pure: it asks no port.
//!
//! A record that is refused for want of rights waits for what becomes of others: where one is taken, it is parked;
//! where none is, the credentials are at fault and nothing is parked. And where the first hundred records are all
//! refused, for whatever reason, the flow is wrong and not they: the rest is not parked, too. Records that break the flow's
//! own rules are parked all the same.

use crate::{
    app::send::Place,
    model::{Blame, Later, Outcome, SkipReason},
};

/// So many records in a row that are refused for want of rights speak of the credentials.
const RIGHTS_IN_A_ROW: usize = 10;
/// Where none was taken in the invocation, so many do.
const RIGHTS_ALONE: usize = 5;

/// The refusals of one invocation.
#[derive(Debug)]
pub(super) struct Refusals {
    /// Refused for want of rights, and waiting for what becomes of others.
    held: Vec<(Place, Later)>,
    /// A record was taken.
    taken: bool,
    /// Records that were refused in a row, those of invocations before included.
    in_a_row: u32,
    /// So many may be; 0 for any number.
    max: u32,
    /// Nothing may be sent meanwhile: what became of a record is to be known at once.
    is_serial: bool,
}

/// What is to be done about outcomes.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Of those records that wait no more.
    pub outcomes: Vec<(Place, Outcome)>,
    /// Of pages of which records were held back, one each.
    pub held: Vec<usize>,
    /// Of pages whose records were held back and are among the outcomes, one each.
    pub released: Vec<usize>,
    /// Nothing more is to be sent, for that reason.
    pub stop: Option<String>,
}

impl Refusals {
    /// After so many in a row, of at most `max`.
    pub fn new(in_a_row: u32, max: u32, is_serial: bool) -> Self {
        Self { held: Vec::new(), taken: false, in_a_row, max, is_serial }
    }

    /// Records that were refused in a row.
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// Takes in the outcomes of one request, or of none. Where it was a probe, one more may be refused.
    pub fn take_in(&mut self, outcomes: Vec<(Place, Outcome)>, is_probe: bool) -> Noted {
        let mut noted = Noted::default();
        if outcomes.iter().any(|(_, outcome)| is_taken(outcome)) {
            (self.taken, self.in_a_row) = (true, 0);
            self.release(&mut noted, refused);
        }
        let mut may_probe = is_probe;
        for (place, outcome) in outcomes {
            let outcome = match outcome {
                Outcome::Later(later) if later.blame == Blame::Rights => {
                    match (self.is_serial, self.taken) {
                        (true, true) => refused(later),
                        (true, false) => Outcome::Later(later),
                        (false, _) => {
                            self.held.push((place, later));
                            noted.held.push(place.page);
                            continue;
                        }
                    }
                }
                Outcome::Refused { reason, .. }
                    if self.max > 0
                        && self.in_a_row >= self.max
                        && !std::mem::take(&mut may_probe) =>
                {
                    self.all_are_refused(&reason, &mut noted)
                }
                outcome => outcome,
            };
            self.in_a_row += u32::from(matches!(outcome, Outcome::Refused { .. }));
            noted.outcomes.push((place, outcome));
        }
        if self.held.len() >= RIGHTS_IN_A_ROW {
            self.rights_are_missing(&mut noted);
        }
        noted
    }

    /// Nothing more is sent for now: what becomes of those that were held back.
    pub fn end(&mut self) -> Noted {
        let mut noted = Noted::default();
        match (self.held.len(), self.taken) {
            (0, _) => {}
            (_, true) => self.release(&mut noted, refused),
            (RIGHTS_ALONE.., false) => self.rights_are_missing(&mut noted),
            // Too few to tell: they are tried again.
            (_, false) => self.release(&mut noted, Outcome::Later),
        }
        noted
    }

    fn release(&mut self, noted: &mut Noted, outcome: impl Fn(Later) -> Outcome) {
        for (place, later) in std::mem::take(&mut self.held) {
            noted.released.push(place.page);
            noted.outcomes.push((place, outcome(later)));
        }
    }

    fn rights_are_missing(&mut self, noted: &mut Noted) {
        let count = self.held.len();
        let said = self.held.first().map(|(_, later)| later.reason.clone()).unwrap_or_default();
        let why = format!(
            "{count} records in a row are refused for want of rights: look at the credentials; nothing is parked: {said}"
        );
        self.release(noted, |later| stopped(&why, later.unknown));
        noted.stop = Some(why);
    }

    fn all_are_refused(&self, reason: &str, noted: &mut Noted) -> Outcome {
        let why = format!(
            "the last {} records were all refused: mend the flow, or set `retry.refused_max: 0` to park them all; \
             the last one: {reason}",
            self.in_a_row
        );
        let outcome = stopped(&why, false);
        noted.stop.get_or_insert(why);
        outcome
    }
}

fn is_taken(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Delivered | Outcome::Skipped(SkipReason::Duplicate))
}

/// A record that is refused for want of rights, while others are taken.
fn refused(later: Later) -> Outcome {
    let status = later.reason.split_once(": ").and_then(|(status, _)| status.parse().ok());
    Outcome::Refused { status, reason: later.reason.into() }
}

fn stopped(why: &str, unknown: bool) -> Outcome {
    let reason = why.to_owned().into();
    Outcome::Later(Later { blame: Blame::Operator, after_ms: None, unknown, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights() -> Outcome {
        let (after_ms, reason) = (None, "403: not yours".into());
        Outcome::Later(Later { blame: Blame::Rights, after_ms, unknown: false, reason })
    }

    fn refusal() -> Outcome {
        Outcome::Refused { status: Some(422), reason: "no such field".into() }
    }

    fn at(index: u32) -> Place {
        Place { page: 0, index }
    }

    fn kinds(noted: &Noted) -> Vec<(u32, &'static str)> {
        let kind = |outcome: &Outcome| match outcome {
            Outcome::Refused { status: Some(403), .. } => "parked",
            Outcome::Later(Later { blame: Blame::Operator, .. }) => "stopped",
            Outcome::Later(_) => "later",
            _ => "other",
        };
        noted.outcomes.iter().map(|(place, outcome)| (place.index, kind(outcome))).collect()
    }

    #[test]
    fn a_record_without_rights_is_parked_once_another_is_taken() {
        let mut refusals = Refusals::new(0, 100, false);
        let noted = refusals.take_in(vec![(at(0), rights())], false);
        assert_eq!((kinds(&noted), noted.held), (vec![], vec![0]));
        let noted = refusals.take_in(vec![(at(1), Outcome::Delivered)], false);
        assert_eq!(kinds(&noted), [(0, "parked"), (1, "other")]);
        assert_eq!(noted.released, [0]);
        // The last ones, too, as long as they are few.
        refusals.take_in(vec![(at(2), rights())], false);
        assert_eq!(kinds(&refusals.end()), [(2, "parked")]);
    }

    #[test]
    fn many_in_a_row_are_the_credentials_and_none_is_parked() {
        for (before, count) in [(None, RIGHTS_ALONE), (Some(Outcome::Delivered), RIGHTS_IN_A_ROW)] {
            let mut refusals = Refusals::new(0, 100, false);
            let is_taken = before.is_some();
            refusals.take_in(before.into_iter().map(|it| (at(99), it)).collect(), false);
            let mut noted = Noted::default();
            for index in 0..u32::try_from(count).unwrap() {
                assert!(noted.stop.is_none());
                noted = refusals.take_in(vec![(at(index), rights())], false);
            }
            if !is_taken {
                noted = refusals.end();
            }
            assert!(noted.stop.as_ref().unwrap().contains("403: not yours"));
            assert!(kinds(&noted).iter().all(|(_, kind)| *kind == "stopped"), "{noted:?}");
            assert_eq!(noted.outcomes.len(), count);
        }
    }

    #[test]
    fn a_few_alone_are_tried_again() {
        let mut refusals = Refusals::new(0, 100, false);
        refusals.take_in(vec![(at(0), rights())], false);
        assert_eq!(kinds(&refusals.end()), [(0, "later")]);
        assert!(refusals.end().outcomes.is_empty());
    }

    #[test]
    fn after_a_hundred_refusals_without_a_record_taken_nothing_more_is_parked() {
        let mut refusals = Refusals::new(98, 100, false);
        let noted = refusals.take_in((0..4).map(|index| (at(index), refusal())).collect(), false);
        assert_eq!(kinds(&noted), [(0, "other"), (1, "other"), (2, "stopped"), (3, "stopped")]);
        assert!(noted.stop.unwrap().contains("no such field"));
        let noted = refusals.take_in(vec![(at(2), refusal())], true);
        assert_eq!(
            (kinds(&noted), noted.stop),
            (vec![(2, "other")], None),
            "a probe goes on by one"
        );
        refusals.take_in(vec![(at(3), Outcome::Delivered)], true);
        assert_eq!(refusals.in_a_row(), 0);
        // Records that break the flow's own rules say nothing of the others, however many there are.
        let mut refusals = Refusals::new(99, 100, false);
        let invalid = |index| (at(index), Outcome::Invalid("invalid: price: is missing".into()));
        let noted = refusals.take_in((0..500).map(invalid).collect(), false);
        assert_eq!((noted.outcomes.len(), noted.stop, refusals.in_a_row()), (500, None, 99));
        let mut any = Refusals::new(0, 0, false);
        let noted = any.take_in((0..500).map(|index| (at(index), refusal())).collect(), false);
        assert!(noted.stop.is_none());
    }
}
