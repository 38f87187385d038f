//! What becomes of a record when it is not known whether it was applied: a file a kind, and a line here.

mod kind;

use crate::kinds::kinds;
pub(super) use kind::Question;
use kind::OnUnknownKind;

kinds! {
    /// What becomes of a record when it is not known whether it was applied. But for `retry`, it takes an
    /// `ordering` other than `none`.
    pub(super) enum OnUnknown: OnUnknownKind {
        mod retry: Retry;
        mod park: Park;
        mod lookup: Lookup;
    }
}
