//! Where a list ends, and where it only seems to: what an answer says against its being the last.

use super::{
    extent::{Extent, extent, names_more},
    list::List,
    page::Page,
    pagination::PageRef,
    requests::Fetched,
    run::Trace,
    seen::Seen,
    told::Told,
};

/// What follows a page.
pub(super) enum Onward {
    /// This page.
    Page(PageRef),
    /// None is named, although there may be one: what to say then.
    Unsure(String),
    /// Nothing.
    End,
}

/// Where many sources stop answering, and say so only in words: an offset of so many records.
const CAP: u64 = 10_000;
/// What they say then.
const CAP_WORDS: [&str; 9] = [
    "result window",
    "max_result_window",
    "too deep",
    "deep pagination",
    "maximum offset",
    "only the first",
    "cannot page beyond",
    "can't page beyond",
    "pagination limit",
];

/// What to say of the one answer that the flow asks for, where it looks like a part of the list.
pub(super) fn part(list: &List, page: &Page, fetched: &Fetched) -> Option<String> {
    if !list.pager.may_be_cut() {
        return None;
    }
    let why = match extent(&fetched.body, &fetched.headers, page.count) {
        Extent::Whole => return None,
        Extent::Part(said) => said,
        Extent::Unknown if list.pager.is_full(page.count, page.count) => {
            format!("{} records are as many as a page often has", page.count)
        }
        Extent::Unknown => return None,
    };
    Some(format!(
        "{} may have answered with a part of the list: {why}. Set source.http.pagination to how the \
         API names the next page; if it never cuts this list, however long that gets, write `pagination: \
         whole`",
        list.requester.shown(&fetched.url)
    ))
}

/// Whether asking for fewer records would tell if a page of which no next one is named is the last: it may
/// be full, and no answer had the place where the flow says that the next one is named.
pub(super) fn is_in_doubt(list: &List, page: &Page, told: &Told, fetched: &Fetched) -> bool {
    list.told.follows()
        && told.next.is_none()
        && told.more.is_none()
        && !list.learned.names_next()
        && page.count > 1
        && list.pager.page_size_asked().is_some()
        && list.pager.is_full(page.count, list.learned.largest())
        && names_more(&fetched.body, &fetched.headers).is_none()
}

/// What follows a page of which no next one is named. `has_place` if any answer had the place where
/// one would be.
pub(super) fn unnamed(
    list: &List,
    page: &Page,
    (told, has_place): (&Told, bool),
    fetched: &Fetched,
) -> Onward {
    let shown = || list.requester.shown(&fetched.url);
    if told.more == Some(true) {
        return Onward::Unsure(format!(
            "{} says that there is more, and nothing leads to it: see `more` in \
             source.http.pagination",
            shown()
        ));
    }
    if page.count == 0 || !list.told.follows() || list.learned.names_next() {
        return Onward::End;
    }
    let why = match why_unsure(list, page, has_place, fetched) {
        Some(why) => why,
        None => return Onward::End,
    };
    // Where the size is asked for, that was tried.
    let remedy = match list.pager.page_size_asked() {
        Some(_) => "",
        None => {
            "; if the API names none only where there is one page, add `size_param`, the parameter that \
             carries the page size: then it is found out by asking for fewer records"
        }
    };
    Onward::Unsure(format!(
        "{} has nothing where the next page is named, {}, and there may be one: {why}. Set \
         source.http.pagination to where the API names it{remedy}",
        shown(),
        list.told.next_place()
    ))
}

/// Why there may be a page behind one that names none; `None` where nothing speaks for it.
fn why_unsure(list: &List, page: &Page, has_place: bool, fetched: &Fetched) -> Option<String> {
    if let Some(said) = names_more(&fetched.body, &fetched.headers) {
        return Some(said);
    }
    // A total may count records that were taken out of the page: it says something of a full page alone.
    if !list.pager.is_full(page.count, list.learned.largest().max(page.count)) {
        return None;
    }
    if list.learned.is_elsewhere() {
        return Some("an answer of fewer records than there are has nothing there either".into());
    }
    match extent(&fetched.body, &fetched.headers, page.count) {
        _ if has_place => None,
        Extent::Whole => None,
        Extent::Part(said) => Some(said),
        Extent::Unknown => Some(format!("the page is full, with {} records", page.count)),
    }
}

/// What speaks against a refused page's being behind the last one. `before` is the page before it;
/// `halt` is what is said of the refusal.
pub(super) fn not_the_end(
    list: &List,
    seen: &Seen,
    before: &Trace,
    largest: usize,
    halt: &str,
) -> Option<String> {
    let Trace { told, fetched, .. } = before;
    let records = seen.records.max(seen.pages * largest as u64);
    if told.more == Some(true) {
        return Some("the page before says that there is more".into());
    }
    if let Some(pages) = told.pages.filter(|pages| *pages > seen.pages) {
        return Some(format!("the list has {pages} pages, of which {} were read", seen.pages));
    }
    if let Some(total) = told.total.filter(|total| *total > records) {
        return Some(format!("the list has {total} records, of which {} were read", seen.records));
    }
    let said = halt.to_lowercase();
    let is_capped = CAP_WORDS.iter().any(|words| said.contains(words))
        || seen.records >= CAP && seen.records.is_multiple_of(CAP);
    if is_capped {
        return Some(
            "the source may give no more than so many records of one list: with \
             source.http.cursor.since it is asked for less at a time"
                .into(),
        );
    }
    if list.told.follows() {
        // It was the source that named the page, and named it again after its list was read anew.
        return list
            .pager
            .is_full(before.marks.len(), largest)
            .then(|| "the page before is full, so that there may be more".into());
    }
    let more = names_more(&fetched.body, &fetched.headers)?;
    Some(format!("the page before says that there is more: {more}"))
}
