//! What a request's outcomes say of the destination as a whole.

use crate::{
    app::send::Place,
    model::{Blame, Later, Outcome, SkipReason},
};

/// What the destination said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    /// A quota is used up: for so long, in ms, where it says so.
    QuotaUsedUp(Option<u64>),
    /// A limit was met: for so long, in ms, where it says so.
    Limited(Option<u64>),
    /// It is there, and takes or refuses records.
    Works,
    /// It failed, and this is the worst of it.
    Fails { worst: &'a Later, asked_ms: Option<u64> },
    /// Nothing: all that was said is of single records.
    Nothing,
}

impl<'a> Answer<'a> {
    /// Reads one request's outcomes.
    pub fn of(outcomes: &'a [(Place, Outcome)]) -> Self {
        let laters = || {
            outcomes.iter().filter_map(|(_, outcome)| match outcome {
                Outcome::Later(later) => Some(later),
                _ => None,
            })
        };
        // What was not attempted, or is sent again in smaller requests, says nothing; what is refused for want
        // of rights says something by what becomes of others.
        let silent = [Blame::NotAttempted, Blame::Batch, Blame::Rights];
        let told = || laters().filter(|it| !silent.contains(&it.blame));
        let asked_ms = told().filter_map(|later| later.after_ms).max().filter(|ms| *ms > 0);
        let blames = |blame| laters().any(|later| later.blame == blame);
        let answered = outcomes.iter().any(|(_, outcome)| {
            matches!(
                outcome,
                Outcome::Delivered
                    | Outcome::Skipped(SkipReason::Duplicate)
                    | Outcome::Refused { status: Some(_), .. }
                    | Outcome::Later(Later { blame: Blame::Record, .. })
            )
        });
        if blames(Blame::Quota) {
            Self::QuotaUsedUp(asked_ms)
        } else if blames(Blame::Limit) {
            Self::Limited(asked_ms)
        } else if answered {
            Self::Works
        } else {
            match told().max_by_key(|later| speaks_of_all(later)) {
                Some(worst) => Self::Fails { worst, asked_ms },
                None => Self::Nothing,
            }
        }
    }
}

/// Whether it speaks of the destination, and not of this request alone.
pub(super) fn speaks_of_all(later: &Later) -> bool {
    matches!(later.blame, Blame::Destination | Blame::Connection | Blame::Operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(blame: Blame, after_ms: Option<u64>) -> Outcome {
        Outcome::Later(Later { blame, after_ms, unknown: false, reason: "not now".into() })
    }

    fn said(outcomes: impl IntoIterator<Item = Outcome>, then: impl FnOnce(Answer<'_>)) {
        let place = Place { page: 0, index: 0 };
        let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| (place, outcome)).collect();
        then(Answer::of(&outcomes));
    }

    #[test]
    fn a_limit_outweighs_what_got_through_and_its_longest_wait_counts() {
        let limit = |after_ms| later(Blame::Limit, after_ms);
        said([Outcome::Delivered, limit(Some(20)), limit(Some(30))], |answer| {
            assert_eq!(answer, Answer::Limited(Some(30)));
        });
        said([later(Blame::Quota, None), limit(Some(0))], |answer| {
            assert_eq!(answer, Answer::QuotaUsedUp(None));
        });
    }

    #[test]
    fn a_refusal_by_status_shows_that_the_destination_works() {
        let refused = |status| Outcome::Refused { status, reason: "no".into() };
        said([later(Blame::Destination, None), refused(Some(422))], |answer| {
            assert_eq!(answer, Answer::Works);
        });
        // It was the transform that refused it.
        said([refused(None)], |answer| assert_eq!(answer, Answer::Nothing));
    }

    #[test]
    fn what_was_not_attempted_says_nothing_and_the_worst_failure_speaks() {
        said([later(Blame::NotAttempted, Some(9_000)), later(Blame::Batch, None)], |answer| {
            assert_eq!(answer, Answer::Nothing);
        });
        said([later(Blame::Request, None), later(Blame::Destination, Some(7))], |answer| {
            let Answer::Fails { worst, asked_ms } = answer else { panic!("{answer:?}") };
            assert_eq!((worst.blame, asked_ms), (Blame::Destination, Some(7)));
        });
    }
}
