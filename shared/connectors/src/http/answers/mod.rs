//! What an answer means, by what to do next: a flow's own rules, and a table of status codes.

mod failures;
mod judge;
mod meaning;
mod rule;

pub(crate) use failures::{ListedFailure, counted_failures, listed_failure, worded_failure};
pub(crate) use judge::{Answers, Judged, Rules, ShortForms};
pub(crate) use meaning::Meaning;
pub(crate) use rule::AnswerRule;
