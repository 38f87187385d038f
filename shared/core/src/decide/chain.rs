//! Which pages can be committed, and which have lost their message.

use crate::model::{Advance, Cursor, EpochMs, Page, PageState};

/// The commit that these pages allow: those right after `committed` that are DONE and joined end to
/// start from the watermark. `pages` are ascending and after `committed`. Without `contiguous` it
/// leaps over gaps, which loses records: only a test of this rule asks for that.
pub fn chain(cursor: &Cursor, pages: &[Page], contiguous: bool) -> Option<Advance> {
    let mut to = (cursor.committed, cursor.watermark.clone());
    for page in pages {
        let joined = page.number == to.0 + 1 && page.from == to.1;
        let done = page.state == PageState::Done;
        if contiguous && !(joined && done) {
            break;
        }
        if done {
            to = (page.number, page.to.clone());
        }
    }
    let from = (cursor.committed, cursor.watermark.clone());
    (to.0 > from.0).then_some(Advance { from, to })
}

/// Whether the oldest open page has lost its message: it is gone, or no processor held it for
/// longer than `stuck_after_ms` in which it was not hidden. `oldest` is the first page after `committed`, if it exists.
pub fn stuck(
    cursor: &Cursor,
    oldest: Option<&Page>,
    stuck_after_ms: EpochMs,
    now_ms: EpochMs,
) -> bool {
    if cursor.pages_open() == 0 {
        return false;
    }
    match oldest.filter(|page| page.number == cursor.committed + 1) {
        Some(page) => {
            let since_ms = page.last_progress_ms.max(page.waits_until_ms);
            page.state == PageState::Open && now_ms - since_ms > stuck_after_ms
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Emission, Mark, Position, RecordId, Settled};

    fn at(id: i64) -> Position {
        Position::At(Mark { at: None, id: RecordId::Number(id) })
    }

    fn page(number: u64, from: i64, to: i64, state: PageState) -> Page {
        Page {
            number,
            emission: Emission("e".into()),
            from: at(from),
            to: at(to),
            count: 1,
            settled: Settled::default(),
            state,
            last_progress_ms: 1_000,
            waits_until_ms: 0,
            attempts: 0,
            receives_at_clean_exit: 0,
        }
    }

    fn cursor() -> Cursor {
        Cursor { next: 6, committed: 2, watermark: at(20), ..Cursor::new() }
    }

    #[test]
    fn the_chain_ends_at_the_first_page_that_is_open_or_missing_or_not_joined() {
        use PageState::{Done, Open};
        let to = |pages: &[Page]| chain(&cursor(), pages, true).map(|advance| advance.to.0);
        let third = page(3, 20, 30, Done);
        assert_eq!(to(&[]), None);
        assert_eq!(to(&[page(3, 20, 30, Open), page(4, 30, 40, Done)]), None);
        assert_eq!(to(&[page(4, 30, 40, Done)]), None);
        assert_eq!(to(&[third.clone(), page(4, 30, 40, Done)]), Some(4));
        assert_eq!(to(&[third.clone(), page(5, 40, 50, Done)]), Some(3));
        assert_eq!(to(&[third, page(4, 31, 40, Done)]), Some(3));
        assert_eq!(to(&[page(3, 21, 30, Done)]), None);
    }

    #[test]
    fn a_page_is_stuck_when_no_processor_held_it_for_too_long_or_it_is_gone() {
        let open = page(3, 20, 30, PageState::Open);
        assert!(!stuck(&cursor(), Some(&open), 500, 1_500));
        assert!(stuck(&cursor(), Some(&open), 500, 1_501));
        assert!(!stuck(&cursor(), Some(&page(3, 20, 30, PageState::Done)), 500, 9_000));
        assert!(stuck(&cursor(), None, 500, 0));
        assert!(!stuck(&Cursor::new(), None, 500, 9_000));
    }

    #[test]
    fn a_page_is_not_stuck_while_its_message_is_hidden_and_as_long_after_as_any_other() {
        let waits = Page { waits_until_ms: 8_000, ..page(3, 20, 30, PageState::Open) };
        assert!(!stuck(&cursor(), Some(&waits), 500, 8_500));
        assert!(stuck(&cursor(), Some(&waits), 500, 8_501));
        // A wait that ended before a processor held it last says nothing.
        let waited = Page { waits_until_ms: 900, ..page(3, 20, 30, PageState::Open) };
        assert!(stuck(&cursor(), Some(&waited), 500, 1_501));
    }
}
