//! Records of a bulk that its answer could not tell apart, or not name at all.

use std::collections::HashSet;

use tidegate_core::model::{Blame, Later, Outcome};

use super::order::Names;

/// Those that are sent together, by their indices; the others are not.
pub(super) struct Sent(pub(super) Vec<usize>);

impl Sent {
    /// Of several records with one name the first, whose results could not be told apart; and where each has to have a
    /// name, for its result is found by that alone, none without. `None`: all of them are sent.
    pub(super) fn of(names: &Names, each_is_named: bool) -> Option<Self> {
        let mut seen = HashSet::with_capacity(names.len());
        let is_sent = |at: &usize| match &names[*at] {
            None => !each_is_named,
            Some(name) => seen.insert(name),
        };
        let sent: Vec<usize> = (0..names.len()).filter(is_sent).collect();
        (sent.len() < names.len()).then_some(Self(sent))
    }

    /// What becomes of all, by what became of those that were sent.
    pub(super) fn outcomes(
        self,
        names: &Names,
        each_is_named: bool,
        of_sent: Vec<Outcome>,
    ) -> Vec<Outcome> {
        // In halves, the others may be in one without their namesakes.
        let in_parts = |outcome: &&Outcome| matches!(outcome, Outcome::Later(later) if later.blame == Blame::Batch);
        let rest = of_sent.first().filter(in_parts).cloned().unwrap_or_else(after_namesake);
        let not_sent = |name: &Option<Box<str>>| match name {
            None if each_is_named => nameless(),
            _ => rest.clone(),
        };
        let mut outcomes: Vec<Outcome> = names.iter().map(not_sent).collect();
        for (at, outcome) in self.0.into_iter().zip(of_sent) {
            outcomes[at] = outcome;
        }
        outcomes
    }
}

/// Not sent: the answer's results would have been mistaken for one another's.
fn after_namesake() -> Outcome {
    Outcome::Later(Later {
        blame: Blame::NotAttempted,
        after_ms: Some(0),
        unknown: false,
        reason: "a record that answers name alike goes first".into(),
    })
}

/// Not sent: it would be taken, and sent again and again, for no result could be found to be its own.
fn nameless() -> Outcome {
    let reason =
        "no answer could say what became of it: `batch.results.record_key` leads to no value in it";
    Outcome::Refused { status: None, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Names {
        names.iter().map(|name| (!name.is_empty()).then(|| (*name).into())).collect()
    }

    #[test]
    fn the_first_of_each_name_is_sent_and_the_nameless_where_that_makes_no_difference() {
        let sent =
            |all: &[&str], each_is_named| Sent::of(&names(all), each_is_named).map(|it| it.0);
        assert_eq!((sent(&["a", "b"], true), sent(&["a", ""], false)), (None, None));
        assert_eq!(sent(&["a", "b", "a"], true), Some(vec![0, 1]));
        assert_eq!(sent(&["", "a", "", "a"], true), Some(vec![1]));
        assert_eq!(sent(&["", "a", "", "a"], false), Some(vec![0, 1, 2]));
    }

    #[test]
    fn what_is_not_sent_waits_or_is_refused() {
        let names = names(&["", "a", "a"]);
        let sent = Sent::of(&names, true).unwrap();
        let outcomes = sent.outcomes(&names, true, vec![Outcome::Delivered]);
        assert_eq!(outcomes, [nameless(), Outcome::Delivered, after_namesake()]);
    }
}
