//! One list of a connection: what its requests, pages and order are, for the walks along it.

use tidegate_core::{
    model::{EpochMs, Mark, Position},
    ports::SourceError,
};

use super::{
    anchor::Anchors,
    cursor::is_mark_min,
    learned::Learned,
    listed::EmptyList,
    page::{Page, PageShape, Row},
    pager::Pager,
    pagination::{Drift, PageRef},
    place::Place,
    requests::{Fetched, PageRequest, Refusal, Requester},
    told::{Told, ToldReader},
};
use crate::json::is_same_text;

/// A list, with a connection's values filled in.
pub(super) struct List {
    pub(super) requester: Requester,
    pub(super) pager: Pager,
    pub(super) shape: PageShape,
    /// What an answer without records is taken for.
    pub(super) empty: EmptyList,
    pub(super) told: ToldReader,
    pub(super) anchors: Anchors,
    /// Ids are both the order and what pages go by: a walk's first page is the one after its position.
    pub(super) by_last_id: bool,
    /// What its answers have shown so far.
    pub(super) learned: Learned,
}

impl List {
    /// Gets a page.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn fetch(
        &self,
        asked: &PageRequest,
        deadline_ms: EpochMs,
        requests: &mut u32,
    ) -> Result<(Page, Fetched), Refusal> {
        let read = |fetched: Fetched| self.empty.read(&self.shape, asked, fetched);
        self.requester.get(asked, deadline_ms, requests, read).await
    }

    /// What an answer tells of the list.
    ///
    /// # Errors
    /// What stands where the next page is named, and names none.
    pub(super) fn told(&self, fetched: &Fetched) -> Result<Told, SourceError> {
        let told = self.told.read(&fetched.body, &fetched.headers).map_err(|what| {
            let shown = self.requester.shown(&fetched.url);
            SourceError::Halt(format!("{shown}: {what}; see source.http.pagination"))
        })?;
        self.learned.see(&told);
        Ok(told)
    }

    /// A page as a position may carry it: without secrets, which a link or a token may repeat. Where it cannot be
    /// carried, the next invocation begins at the first page, which is said once.
    pub(super) fn place(&self, page: &PageRef) -> Place {
        let why = match Place::of(page) {
            None => "is too long for it",
            Some(Place::Address(text) | Place::Token(text) | Place::NumberToken(text))
                if self.hides(&text) =>
            {
                "repeats a secret: send the secret by source.http.auth"
            }
            Some(place) => return place,
        };
        if self.learned.begin_anew() {
            tracing::warn!(
                "no position carries what names the next page, for it {why}; an invocation that is cut off is \
                 followed by one that begins at the first page again, so give invocations time for the whole list"
            );
        }
        Place::First
    }

    /// Whether a text holds a secret, so that no position may carry it.
    pub(super) fn hides(&self, text: &str) -> bool {
        self.requester.exchange.transmitter.redactor.hides(text)
    }

    /// The first page of those that begin after `position`.
    pub(super) fn first_page(&self, position: &Position) -> PageRef {
        match position.mark() {
            Some(mark) if self.by_last_id && !is_mark_min(mark) => PageRef::After(mark.id.clone()),
            _ => PageRef::First,
        }
    }

    /// Whether a walk starts anew at the last key after every page. Where a page is found by the
    /// last id, and ids are the order, the next page is just that already.
    pub(super) fn starts_anew(&self) -> bool {
        self.anchors.takes_since && !self.pager.is_whole() && !self.by_last_id
    }

    /// How the gap between two pages is watched.
    pub(super) fn drift(&self) -> Drift {
        self.pager.drift(self.starts_anew())
    }

    /// Whether one record may stand after another in the declared order.
    pub(super) fn in_order(&self, earlier: &Mark, later: &Mark) -> bool {
        self.anchors.cursor.by.may_follow(earlier, later)
    }

    /// Whether a page is in the declared order, and has at least two places of it.
    pub(super) fn ascends(&self, rows: &[Row]) -> bool {
        let ends = rows.first().zip(rows.last());
        ends.is_some_and(|(first, last)| first.mark < last.mark)
            && rows.windows(2).all(|pair| self.in_order(&pair[0].mark, &pair[1].mark))
    }

    /// Checks a page's order, and that its ids are unique; where one response has everything, sorts it
    /// instead.
    pub(super) fn put_in_order(&self, rows: &mut [Row]) -> Result<(), SourceError> {
        if self.pager.is_whole() {
            rows.sort_by(|left, right| left.mark.cmp(&right.mark));
        } else {
            let fault = rows.windows(2).find(|pair| !self.in_order(&pair[0].mark, &pair[1].mark));
            fault.map_or(Ok(()), |pair| Err(self.unsorted(&pair[0].mark, &pair[1].mark)))?;
        }
        self.check_unique(rows)
    }

    /// Checks that no two records of one page have one id and moment, and are two nevertheless.
    fn check_unique(&self, rows: &[Row]) -> Result<(), SourceError> {
        let sorts_ids = self.anchors.cursor.by.sorts_ids() || self.pager.is_whole();
        let moments = rows.chunk_by(|left, right| left.mark.at == right.mark.at);
        for moment in moments.filter(|moment| moment.len() > 1) {
            let mut rows: Vec<&Row> = moment.iter().collect();
            if !sorts_ids {
                rows.sort_by(|left, right| left.mark.id.cmp(&right.mark.id));
            }
            let twice = rows.windows(2).find(|pair| {
                pair[0].mark.id == pair[1].mark.id && !is_same_text(&pair[0].data, &pair[1].data)
            });
            if let Some(pair) = twice {
                return Err(SourceError::Halt(format!(
                    "ids are not unique: two records of one page have the id {}, and are not the same; \
                     set source.http.id to what names one alone, as a list if it takes several values: \
                     `id: [order_id, line]`",
                    pair[0].mark.id
                )));
            }
        }
        Ok(())
    }

    /// What is said of two records that stand in another order than the flow declares.
    pub(super) fn unsorted(&self, earlier: &Mark, later: &Mark) -> SourceError {
        let order = self.anchors.cursor.by.sorted_by();
        let show = |mark: &Mark| Position::At(mark.clone()).to_string();
        SourceError::Halt(format!(
            "the list is not sorted by {order}, oldest first: {} comes before {}; add the API's \
             sort parameter to source.http.query, or set source.http.cursor.by to the order that \
             it has",
            show(earlier),
            show(later)
        ))
    }
}
