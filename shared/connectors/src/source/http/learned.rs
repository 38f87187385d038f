//! What the answers of a list have shown of it, whichever of its walks asked.
//!
//! The walks along the children of many parents, and the runs of one process, learn it once.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};

use tidegate_core::model::EpochMs;

use super::{pagination::PageRef, told::Told};

/// What is known of a list.
#[derive(Debug, Default)]
pub(super) struct Learned {
    names_next: AtomicBool,
    looked: AtomicBool,
    names_none: AtomicBool,
    heeds_pages: AtomicBool,
    largest: AtomicUsize,
    /// Nought where nothing is known of it.
    window_ms: AtomicI64,
    begins_anew: AtomicBool,
}

impl Learned {
    /// Notes what an answer tells.
    pub(super) fn see(&self, told: &Told) {
        if told.has_key {
            self.names_next.store(true, Relaxed);
        }
    }

    /// Notes that a page brought something new.
    pub(super) fn see_page(&self, page: &PageRef) {
        if page.is_counted() {
            self.heeds_pages.store(true, Relaxed);
        }
    }

    /// Whether the source heeds what names a page, where they are counted.
    pub(super) fn heeds_pages(&self) -> bool {
        self.heeds_pages.load(Relaxed)
    }

    /// Notes how many records a page has.
    pub(super) fn see_count(&self, count: usize) {
        self.largest.fetch_max(count, Relaxed);
    }

    /// Whether an answer had the place where the flow says that the next page is named.
    pub(super) fn names_next(&self) -> bool {
        self.names_next.load(Relaxed)
    }

    /// Whether it was looked for by asking for fewer records. Notes that it was.
    pub(super) fn look(&self) -> bool {
        self.looked.swap(true, Relaxed)
    }

    /// Notes that an answer which is not all of its list has nothing at that place.
    pub(super) fn names_none(&self) {
        self.names_none.store(true, Relaxed);
    }

    /// Whether there was such an answer.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.names_none.load(Relaxed) && !self.names_next()
    }

    /// Notes how long a window of the list may be, so that the source answers in time.
    pub(super) fn see_window(&self, window_ms: EpochMs) {
        self.window_ms.store(window_ms, Relaxed);
    }

    /// The longest window that it answered in time, as far as that is known.
    pub(super) fn window_ms(&self) -> EpochMs {
        match self.window_ms.load(Relaxed) {
            0 => EpochMs::MAX,
            known => known,
        }
    }

    /// Notes that walks begin at the first page when they are resumed. Answers whether that is news.
    pub(super) fn begin_anew(&self) -> bool {
        !self.begins_anew.swap(true, Relaxed)
    }

    /// Records in the largest page of all.
    pub(super) fn largest(&self) -> usize {
        self.largest.load(Relaxed)
    }
}
