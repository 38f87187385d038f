//! Which offsets a source takes: any, or only multiples of the page size.

use super::pagination::PageRef;

/// Found out by what the source makes of an offset that overlaps with the page before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offsets {
    takes: Takes,
    /// What is asked for, where the flow says how.
    page_size: Option<u64>,
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
        Self { takes: Takes::Any, page_size: page_size.map(u64::from) }
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

    /// What to ask for after a page was refused, or was none but the page before: the source rounds
    /// offsets down. `None` where there is nothing else to ask for.
    pub(super) fn instead(&mut self, page: &PageRef) -> Option<PageRef> {
        match page {
            PageRef::Offset { at, overlap: true } => {
                self.takes = Takes::Behind;
                Some(behind(at + 1))
            }
            PageRef::Offset { at, .. } if self.multiple(*at) > *at => {
                self.takes = Takes::Multiples;
                Some(behind(self.multiple(*at)))
            }
            _ => None,
        }
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
        assert_eq!(offsets.instead(&overlapping), Some(behind(100)));
        assert_eq!(offsets.adapt(PageRef::Offset { at: 199, overlap: true }), behind(200));
        // A page in the middle was short, and 197 is no multiple.
        assert_eq!(offsets.instead(&behind(197)), Some(behind(200)));
        assert_eq!(offsets.adapt(PageRef::Offset { at: 296, overlap: true }), behind(300));
        assert_eq!(offsets.instead(&behind(300)), None);
        assert_eq!(offsets.instead(&PageRef::Number(3)), None);
    }

    #[test]
    fn without_a_page_size_nothing_is_rounded() {
        let mut offsets = Offsets::new(None);
        assert_eq!(offsets.instead(&behind(97)), None);
    }
}
