//! A whole flow file: its sections, what they come to together, and what a connection must give.

mod checked;
mod limits;
mod needs;
mod ordering;
mod page;
mod params;
mod retry;
mod section;

pub(crate) use limits::Limits;

pub use checked::FlowSpec;
pub use needs::Needs;
pub use section::Flow;
