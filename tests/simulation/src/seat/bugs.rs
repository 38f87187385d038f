//! What goes wrong without a guard that is no condition: the order of two steps, or what becomes of an
//! answer. The production code has none of these bugs to switch on, so the seat plays them.

use tidegate_core::{
    guard::Guard,
    model::{EpochMs, Message, Parked, RecordId, RecordKey, StreamId},
    ports::{ClaimEnd, CursorStore, NewPage, ParkedStore, Unavailable},
};

use super::Seat;
use crate::switch::stands;

impl Seat {
    /// [`Guard::SealAfterSend`]: pages are sealed before their messages are sent.
    pub(super) async fn seals_first(&self, bodies: &[String]) -> Result<(), Unavailable> {
        if stands(Guard::SealAfterSend) {
            return Ok(());
        }
        let mut fence = 0;
        let mut pages = Vec::new();
        for body in bodies {
            let Ok(Message::Page(page)) = tidegate_wire::decode(body) else { return Ok(()) };
            fence = page.fence;
            pages.push(NewPage {
                number: page.number,
                emission: page.emission,
                from: page.from,
                to: page.to,
                count: u32::try_from(page.records.len()).expect("a page is small"),
            });
        }
        self.seal(&self.world.stream, fence, &pages, self.world.now_ms()).await.map(drop)
    }

    /// [`Guard::ParkFirst`]: records are parked once their page is settled. Whether they are put off.
    pub(super) fn puts_off_parking(&self, records: &[Parked]) -> bool {
        let puts_off = !stands(Guard::ParkFirst);
        if puts_off {
            self.parks_late.lock().expect("no actor panicked").extend_from_slice(records);
        }
        puts_off
    }

    /// Parks what was put off.
    pub(super) async fn parks_late(&self) -> Result<(), Unavailable> {
        let late = std::mem::take(&mut *self.parks_late.lock().expect("no actor panicked"));
        if late.is_empty() { Ok(()) } else { self.park_now(late).await }
    }

    /// [`Guard::ParkedUntilSettled`]: a replay unparks what it is about to send.
    pub(super) async fn unparks_first(
        &self,
        stream: &StreamId,
        keys: &[RecordKey],
    ) -> Result<(), Unavailable> {
        if stands(Guard::ParkedUntilSettled) { Ok(()) } else { self.unpark(stream, keys).await }
    }

    /// [`Guard::LockUntilLanded`]: an entity's lock ends at once.
    pub(super) fn locks_until(now_ms: EpochMs, until_ms: EpochMs) -> EpochMs {
        if stands(Guard::LockUntilLanded) { until_ms } else { now_ms }
    }

    /// How a claim ends without [`Guard::RefusedIsNotApplied`], which marks what was refused as applied,
    /// and without [`Guard::MarkLast`], which marks at the source before the ledger knows.
    pub(super) async fn ends_claim(&self, entity: &RecordId, end: ClaimEnd) -> ClaimEnd {
        let RecordId::Number(id) = entity else { unreachable!("ids are numbers here") };
        if !matches!(end, ClaimEnd::Applied | ClaimEnd::Deleted) {
            let was_refused = self.world.inner().refused.contains(id);
            let bug = was_refused && !stands(Guard::RefusedIsNotApplied);
            return if bug { ClaimEnd::Applied } else { end };
        }
        if stands(Guard::MarkLast) || !self.world.scenario.marks() {
            return end;
        }
        let mark = async || self.world.inner().marked.insert(*id);
        if self.call("mark", mark).await.is_ok() {
            return end;
        }
        self.world.inner().unmarked.insert(*id);
        ClaimEnd::Free
    }
}
