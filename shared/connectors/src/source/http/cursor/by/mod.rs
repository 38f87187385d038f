//! What a list may be sorted by: a file an order, and a line here.

mod order;

use std::sync::Arc;

use crate::kinds::kinds;
pub(crate) use order::{BEFORE_ALL, Given, Order, is_before_all, is_mark_min};

kinds! {
    /// `source.http.cursor.by`
    pub(crate) enum CursorBy: Order {
        mod id: Id;
        mod timestamp: Timestamp;
        mod timestamp_id: TimestampId;
        mod delta: Delta;
    }
}

impl CursorBy {
    /// `id`.
    pub(crate) fn by_id() -> Self {
        Self::Id(Arc::new(id::Id))
    }
}
