//! What a budget gives, to whom, and when. Every rule is a change of the [`Budget`](crate::model::Budget) as a whole, which its
//! caller swaps for the one it saw: so all that share a budget keep its limits together.

mod adaptive;
mod circuit;
mod lease;
mod outlive;
mod quota;
mod terms;

pub use circuit::ALL;
pub use quota::QuotaSpan;
pub use terms::Terms;
