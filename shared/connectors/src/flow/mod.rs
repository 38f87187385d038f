//! A whole flow file: its sections, and what it comes to.

mod limits;
mod ordering;
mod page;
mod retry;

pub(crate) use limits::Limits;
pub(crate) use ordering::Ordering;
pub(crate) use page::Page;
pub(crate) use retry::Retry;
