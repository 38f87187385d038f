//! What became of records is noted: given up where it is the record that fails, held back where it takes others
//! to tell.

use super::{dispatcher::Dispatcher, refusals::Noted, sink::Sink};
use crate::{
    app::send::Place,
    decide::give_up,
    guard::Guard,
    model::{Blame, Outcome},
    ports::Platform,
};

impl<P: Platform, K: Sink> Dispatcher<'_, P, K> {
    /// Notes what became of each record, unless it takes others to tell.
    pub(super) async fn note(&mut self, outcomes: Vec<(Place, Outcome)>, was_probe: bool) {
        let outcomes = self.give_up(outcomes).await;
        let noted = self.refusals.take_in(outcomes, was_probe);
        self.settle(noted).await;
    }

    /// Nothing more is sent: notes those that waited for others. Whether there were any.
    pub(super) async fn note_held(&mut self) -> bool {
        let mut noted = self.refusals.end();
        noted.outcomes = self.give_up(noted.outcomes).await;
        let any = !noted.outcomes.is_empty();
        self.settle(noted).await;
        any
    }

    async fn settle(&mut self, Noted { outcomes, held, released, stop }: Noted) {
        // A page is not left while it is open what becomes of one of its records.
        held.into_iter().for_each(|page| self.work.unit_begins(&[page]));
        released.into_iter().for_each(|page| self.work.unit_ends(&[page]));
        if let Some(why) = stop {
            self.throttle.stop(&why).await;
        }
        outcomes.into_iter().for_each(|(place, outcome)| self.work.note(place, outcome));
    }

    /// Gives up what failed by itself at its page's last try.
    async fn give_up(&mut self, outcomes: Vec<(Place, Outcome)>) -> Vec<(Place, Outcome)> {
        // In a serial stream a page's tries are those of the first record that is left. What comes after one that was
        // settled just now has had none.
        let has_tries = |page: usize| {
            let page = self.work.page(page);
            !self.work.is_serial() || !page.has_progressed() && !page.has_news()
        };
        let is_last_try = |page| has_tries(page) && self.sink.is_last_try(page);
        let failed_last = outcomes
            .iter()
            .find(|(place, outcome)| fails_by_itself(outcome) && is_last_try(place.page));
        let others_get_through = match failed_last {
            None => false,
            Some((place, outcome)) => {
                !P::stands(Guard::GiveUpAlone)
                    || self.work.delivered() > 0
                    || answers_for_itself(outcome)
                    || self.sink.others_get_through(place.page).await
            }
        };
        let gives_up = |page| others_get_through && is_last_try(page);
        let given_up = |(place, outcome): (Place, Outcome)| {
            (place, if gives_up(place.page) { give_up(outcome) } else { outcome })
        };
        outcomes.into_iter().map(given_up).collect()
    }
}

/// Whether the destination answered, so that it is there, and it is the record that fails.
fn answers_for_itself(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Later(later) if later.blame == Blame::Record)
}

/// Whether it is not the destination as a whole, nor a limit, nor another version.
fn fails_by_itself(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Later(later) if later.is_of_one_request())
}
