//! Units made ready before there is a permit for them: claimed, many together where a repeat does no harm, and
//! looked up in what is known of them.

use super::{
    dispatcher::{Dispatcher, Event},
    sink::Sink,
};
use crate::{
    app::send::{Places, Unit},
    ports::Platform,
};

/// Most records that are claimed together, but that a bulk is never cut.
const CLAIMS_MAX: usize = 100;

impl<P: Platform, K: Sink> Dispatcher<'_, P, K> {
    /// Claims records and finds out what is known of them, so that there is always a unit ready for the
    /// next permit.
    pub(super) fn prepare(&mut self) {
        if self.work.is_serial() && !self.throttle.is_idle() {
            // Of an entity that is under way a second version would have to wait, and nothing may overtake it: not
            // even what is left of the first.
            return;
        }
        let ahead = self.throttle.ahead();
        let kind = self.sender.packing.next_kind();
        while self.ready.len() + self.preparing < ahead
            && self.throttle.wait().is_none()
            && self.throttle.has_time_for(kind)
            && self.work.remaining().peek().is_some()
        {
            let (sender, unit) = (self.sender, self.take_unit());
            let mut pages = unit.pages();
            let first = match unit {
                Unit::Send(chunk) if sender.gathers() => chunk,
                unit => {
                    self.preparing += 1;
                    self.running.push(Box::pin(async move {
                        let step = sender.prepare(unit).await;
                        Event::Prepared { pages, units: 1, step }
                    }));
                    continue;
                }
            };
            let mut records = first.items.len();
            let (mut chunks, units_max) = (vec![first], self.throttle.claims_ahead());
            while chunks.len() < units_max
                && records < CLAIMS_MAX
                && self.work.remaining().peek().is_some()
            {
                let unit = self.take_unit();
                pages.extend(unit.pages());
                let Unit::Send(chunk) = unit else { unreachable!("nothing is looked up") };
                records += chunk.items.len();
                chunks.push(chunk);
            }
            let units = chunks.len();
            self.preparing += units;
            self.running.push(Box::pin(async move {
                let step = sender.claim_together(chunks).await;
                Event::Prepared { pages, units, step }
            }));
        }
    }
}
