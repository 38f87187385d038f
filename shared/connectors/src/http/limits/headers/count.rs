//! What every way of counting requests by a header says.

use reqwest::header::HeaderMap;

use crate::value::HeaderName;

/// A way of counting requests by a header.
pub(super) trait Count {
    /// How many requests are left; `None` where an answer does not say.
    fn remaining(&self, headers: &HeaderMap) -> Option<u64>;
}

/// A header's value; `None` where it is missing, or no text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(&name.0)?.to_str().ok()
}
