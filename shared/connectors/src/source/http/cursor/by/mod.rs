//! What a list may be sorted by: a file an order, and a line here.

mod order;

use crate::kinds::kinds;
pub(crate) use order::{Given, Order, is_mark_min};

kinds! {
    /// `source.http.cursor.by`
    pub(crate) enum CursorBy: Order {
        mod id: Id;
        mod timestamp: Timestamp;
        mod timestamp_id: TimestampId;
    }
}
