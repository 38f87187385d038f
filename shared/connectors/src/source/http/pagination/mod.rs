//! How one page of a list leads to the next: a file a style, and a line here.

mod style;

use crate::kinds::kinds;
pub(crate) use style::Style;
pub(super) use style::{Answered, Drift, PageRef, PageToken, Param};

kinds! {
    /// How the next page of the list is asked for: exactly one kind.
    pub(crate) enum Pagination: Style {
        mod page_number: PageNumber;
        mod offset: Offset;
        mod token: Token;
        mod link_header: LinkHeader;
        mod next_url: NextUrl;
        mod last_id: LastId;
        mod letter: Letter;
        mod none: None;
        mod whole: Whole;
    }
}
