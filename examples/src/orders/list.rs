//! One page of a list: which orders stand on it, and whether there is another.

use super::book::Book;
use super::query::{Query, Sort, Start};

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) ids: Vec<u64>,
    /// Matching orders on all pages.
    pub(crate) total: u64,
    /// The place of the first order of the next page.
    pub(crate) next_place: Option<u64>,
}

/// The page that `query` asks for.
pub(crate) fn page(book: &Book, query: &Query, page_max: u64) -> Page {
    let size = query.size.min(page_max);
    let count = book.count();
    let mut low = query.from_ms.map_or(0, |ms| book.line.first_not_before(ms, count));
    let high =
        query.until_ms.map_or(count, |ms| book.line.first_not_before(ms.saturating_add(1), count));
    if query.sort == Sort::Id {
        low = low.max(query.since_id);
    }
    let id_at = |place| book.line.id_at(place, query.sort);
    let matches = |id| {
        id > query.since_id
            && query.processed.is_none_or(|wanted| book.is_processed(id) == wanted)
            && query.status.as_deref().is_none_or(|wanted| wanted == status(book, id))
    };
    // Without filters every place matches, and a page is found without walking there.
    let filtered = query.processed.is_some()
        || query.status.is_some()
        || (query.sort == Sort::UpdatedAt && query.since_id > 0);

    let (mut skip, begin) = match query.start {
        Start::Skip(orders) => (orders, low),
        Start::SkipPages(pages) => (pages.saturating_mul(size), low),
        Start::Place(place) => (0, place),
        Start::After(id) => (0, book.line.place_of(id, query.sort) + 1),
    };
    let mut place = begin.max(low);
    if !filtered {
        place = place.saturating_add(skip);
        skip = 0;
    }
    let total = match filtered {
        true => (low..high).filter(|place| matches(id_at(*place))).count() as u64,
        false => high.saturating_sub(low),
    };

    let mut ids = Vec::with_capacity(size.min(high.saturating_sub(place)) as usize);
    let mut matching = (place..high)
        .map(|place| (place, id_at(place)))
        .filter(|(_, id)| matches(*id))
        .skip(skip as usize);
    ids.extend(matching.by_ref().take(size as usize).map(|(_, id)| id));
    let next_place = matching.next().map(|(place, _)| place);
    Page { ids, total, next_place }
}

fn status(book: &Book, id: u64) -> &'static str {
    if book.is_cancelled(id) { "cancelled" } else { "placed" }
}
