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
         API names the next page; if this is all that it has, write `pagination: whole`",
        list.requester.shown(&fetched.url)
    ))
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
    if has_place || page.count == 0 || !list.told.follows() {
        return Onward::End;
    }
    // A total may count records that were taken out of the page: it says something of a full page alone.
    let is_full = list.pager.is_full(page.count, page.count);
    let why = match names_more(&fetched.body, &fetched.headers) {
        Some(said) => said,
        None if !is_full => return Onward::End,
        None => match extent(&fetched.body, &fetched.headers, page.count) {
            Extent::Whole => return Onward::End,
            Extent::Part(said) => said,
            Extent::Unknown => format!("the page is full, with {} records", page.count),
        },
    };
    Onward::Unsure(format!(
        "{} has nothing where the next page is named, {}, and there may be one: {why}. Set \
         source.http.pagination to where the API names it; if the API never has more than one page, \
         write `pagination: whole`",
        shown(),
        list.told.next_place()
    ))
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
