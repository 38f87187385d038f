//! Why the results in an answer cannot be read.

/// Why an answer has no results that can be told apart.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("the answer has no list of results")]
    NoList,
    /// Who was left out cannot be told, nor whose the others are.
    #[error(
        "the answer has {results} results for {records} record(s), and they go by their position: \
         whose they are cannot be told"
    )]
    Count { results: usize, records: usize },
    #[error("the answer cannot be read: {0}")]
    NoJson(String),
    #[error("what stands at `batch.results.failures` is no list of failures: {0}")]
    NoFailures(String),
    #[error("the answer lists failures at `{0}`, and none where `batch.results.failures` leads")]
    Elsewhere(String),
}
