//! Which offset a page is asked for by: a source may take only some of them, and a page may have none
//! but records that were read before.
//!
//! A page begins no further behind the one before than that one reached for certain. Where records are
//! taken out of a page after it was cut, that is fewer records than the source counts, so that pages
//! overlap more than they would have to, and one may show nothing new although there is more behind it.

use super::pagination::PageRef;

/// So many pages in a row with nothing new are the list's end. Each steps twice as far as the one before:
/// that is enough to pass a page of which 1 record in 16 was shown.
const REPEATS_MAX: u32 = 4;

/// Found out by what the source makes of an offset that overlaps with the page before.
#[derive(Debug, Clone, Default)]
pub(super) struct Offsets {
    takes: Takes,
    /// What is asked for, where the flow says how.
    page_size: Option<u64>,
    /// What `takes` is, if the page asked for instead of another has something new.
    tried: Option<Takes>,
    /// The offset that was refused before a multiple was tried, and whether it was asked for again.
    refused: Option<(u64, bool)>,
    /// The offset of the last page that had something new.
    from: u64,
    /// Pages since then that had nothing.
    repeats: u32,
    /// They were asked for again after a page behind them had something new.
    is_certain: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Takes {
    #[default]
    Any,
    /// Those behind a whole page.
    Behind,
    /// Multiples of the page size alone.
    Multiples,
}

impl Offsets {
    pub(super) fn new(page_size: Option<u32>) -> Self {
        Self { page_size: page_size.map(u64::from), ..Self::default() }
    }

    /// The page to ask for instead of one that a style names.
    pub(super) fn adapt(&self, page: PageRef) -> PageRef {
        match (self.takes, page) {
            (Takes::Any, page) => page,
            (Takes::Behind, PageRef::Offset { at, overlap: true }) => behind(at + 1),
            (Takes::Multiples, PageRef::Offset { at, overlap }) => {
                behind(self.multiple(at + u64::from(overlap)))
            }
            (_, page) => page,
        }
    }

    /// What to ask for after a page was refused. `None` where there is nothing else to ask for.
    pub(super) fn refused(&mut self, page: &PageRef) -> Option<PageRef> {
        match page {
            PageRef::Offset { at, overlap: true } => {
                self.tried = Some(Takes::Behind);
                Some(behind(at + 1))
            }
            PageRef::Offset { at, .. } if self.repeats == 0 && self.multiple(*at) > *at => {
                match self.refused.take() {
                    Some((refused, true)) if refused == *at => self.takes = Takes::Multiples,
                    _ => self.tried = Some(Takes::Multiples),
                }
                self.refused = Some((*at, false)).filter(|_| self.tried.is_some());
                Some(behind(self.multiple(*at)))
            }
            _ => None,
        }
    }

    /// What to ask for once more, now that there is something at a multiple: the offset that was refused
    /// may have been behind the end of a list that has grown since.
    fn refused_before(&mut self) -> Option<PageRef> {
        let (at, is_again) =
            self.refused.as_mut().filter(|_| self.tried == Some(Takes::Multiples))?;
        self.tried = None;
        *is_again = true;
        Some(behind(*at))
    }

    /// What to ask for after a page that had nothing but what was read before: the source rounds offsets
    /// down, or records were taken out of the page. `is_same` where it was just the page before;
    /// `largest` is how many records the largest page had. `None` where the list is at its end.
    pub(super) fn again(
        &mut self,
        page: &PageRef,
        is_same: bool,
        largest: usize,
    ) -> Option<PageRef> {
        let PageRef::Offset { at, overlap } = *page else { return None };
        if overlap && is_same {
            self.tried = Some(Takes::Behind);
            return Some(behind(at + 1));
        }
        if self.repeats == REPEATS_MAX {
            return None;
        }
        self.repeats += 1;
        // A record of the page at `from` is on the one at `at`: pages reach from there to here at least.
        let reach = (largest as u64).max(at.saturating_sub(self.from) + 1);
        // One less, for a record may leave the list meanwhile.
        Some(self.adapt(behind(at + (reach - 1).max(1))))
    }

    /// What to ask for before a page that has something new is believed to be the next one.
    pub(super) fn instead(&mut self) -> Option<PageRef> {
        self.refused_before().or_else(|| self.stepped_over())
    }

    /// The page that the steps began at, once more: what was added since then may stand before what was found.
    fn stepped_over(&mut self) -> Option<PageRef> {
        if self.repeats == 0 || self.is_certain {
            return None;
        }
        (self.repeats, self.is_certain) = (0, true);
        Some(behind(self.from))
    }

    /// Notes that a page had something new.
    pub(super) fn brought(&mut self, page: &PageRef) {
        let (tried, at) = match page {
            PageRef::Offset { at, .. } => (self.tried, *at),
            _ => (None, 0),
        };
        self.takes = tried.unwrap_or(self.takes);
        (self.tried, self.refused) = (None, None);
        (self.from, self.repeats, self.is_certain) = (at, 0, false);
    }

    /// Whether the page before was found in its place since it was read.
    pub(super) fn has_met(&self) -> bool {
        self.repeats > 0
    }

    /// The least multiple of the page size from an offset on.
    fn multiple(&self, at: u64) -> u64 {
        self.page_size.map_or(at, |size| at.next_multiple_of(size.max(1)))
    }
}

fn behind(at: u64) -> PageRef {
    PageRef::Offset { at, overlap: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_is_refused_is_asked_for_without_an_overlap_and_then_rounded_up() {
        let mut offsets = Offsets::new(Some(100));
        let overlapping = PageRef::Offset { at: 99, overlap: true };
        assert_eq!(offsets.adapt(overlapping.clone()), overlapping);
        assert_eq!(offsets.refused(&overlapping), Some(behind(100)));
        offsets.brought(&behind(100));
        assert_eq!(offsets.adapt(PageRef::Offset { at: 199, overlap: true }), behind(200));
        // A page in the middle was short, and 197 is no multiple.
        assert_eq!(offsets.refused(&behind(197)), Some(behind(200)));
        assert_eq!(offsets.refused_before(), Some(behind(197)), "the list may have grown");
        assert_eq!(offsets.refused(&behind(197)), Some(behind(200)));
        assert_eq!(offsets.refused_before(), None);
        offsets.brought(&behind(200));
        assert_eq!(offsets.adapt(PageRef::Offset { at: 296, overlap: true }), behind(300));
        assert_eq!(offsets.refused(&behind(300)), None);
        assert_eq!(offsets.refused(&PageRef::Number(3)), None);
    }

    #[test]
    fn a_refusal_at_the_end_says_nothing_of_what_the_source_takes() {
        let mut offsets = Offsets::new(Some(100));
        assert_eq!(offsets.refused(&behind(34)), Some(behind(100)));
        offsets.brought(&PageRef::First);
        assert_eq!(offsets.adapt(behind(34)), behind(34));
    }

    #[test]
    fn behind_pages_that_come_again_each_step_is_longer_and_the_last_one_ends_the_list() {
        let mut offsets = Offsets::new(Some(100));
        let overlapping = PageRef::Offset { at: 1, overlap: true };
        assert_eq!(offsets.again(&overlapping, true, 2), Some(behind(2)));
        let mut at = 2;
        let mut asked = Vec::new();
        while let Some(PageRef::Offset { at: next, .. }) = offsets.again(&behind(at), false, 2) {
            asked.push(next);
            at = next;
        }
        assert_eq!(asked, [4, 8, 16, 32]);
    }

    #[test]
    fn without_a_page_size_nothing_is_rounded() {
        let mut offsets = Offsets::new(None);
        assert_eq!(offsets.refused(&behind(97)), None);
    }
}
