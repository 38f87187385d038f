//! A walk along a part of its list, and what the one who asks for the parts has to know of it.

use tidegate_core::model::EpochMs;

use super::HttpWalk;

impl HttpWalk<'_> {
    /// The status by which the source refused to give any page.
    pub(in crate::source::http) fn refused(&self) -> Option<u16> {
        self.refused
    }

    /// Most records that came by one anchor, whatever became of them.
    pub(in crate::source::http) fn received_max(&self) -> u64 {
        self.received_max
    }

    /// Whether a source that gives so many records of a list may have cut off the rest. It may have taken some
    /// out of its pages too, so that fewer came: then it shows by how far pages were asked for, where
    /// that takes several of them.
    pub(in crate::source::http) fn may_be_cut_at(&self, most: u64) -> bool {
        let size = self.list.pager.page_size_asked().map_or(u64::MAX, u64::from);
        self.received_max >= most || size.saturating_mul(3) <= most && self.reach_max >= most
    }

    /// The walk along a window of the list: nothing newer is read.
    pub(in crate::source::http) fn within(mut self, window_ms: EpochMs) -> Self {
        self.until = self.list.anchors.until(window_ms);
        self.line.end_at(window_ms);
        self
    }

    /// The newest moment that it reads, in ns: what is newer may still get company.
    pub(in crate::source::http) fn until_ns(&self) -> i64 {
        self.line.until_ns()
    }
}
