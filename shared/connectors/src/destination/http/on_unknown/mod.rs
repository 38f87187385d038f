//! What becomes of a record when it is not known whether it was applied: a file a kind, and a line here.

mod kind;

use crate::kinds::kinds;
use kind::OnUnknownKind;
pub(super) use kind::Question;

kinds! {
    /// What becomes of a record when it is not known whether it was applied. But for `retry`, it takes an
    /// `ordering` other than `none`.
    pub(super) enum OnUnknown: OnUnknownKind {
        mod retry: Retry;
        mod park: Park;
        mod lookup: Lookup;
    }
}
