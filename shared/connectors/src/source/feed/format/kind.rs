//! What every format says.

use std::fmt;

use tidegate_feed::{Damage, Limits, RecordReader};

use crate::file::Findings;

/// A format: its keys, as a flow file gives them.
pub(in crate::source::feed) trait FormatKind:
    fmt::Debug + Send + Sync
{
    /// Notes keys that do not go together.
    fn check(&self, findings: &mut Findings);

    /// What makes readers of it. What is wrong with the keys was noted when they were checked.
    fn records(&self) -> Box<dyn Records>;
}

/// Makes readers.
pub(in crate::source::feed) trait Records: Send + Sync {
    /// A reader of a file from its beginning, or behind a record by what a reader before it
    /// [said](RecordReader::context).
    ///
    /// # Errors
    /// What was said is no reader's of this format.
    fn reader(
        &self,
        context: Option<&str>,
        limits: Limits,
    ) -> Result<Box<dyn RecordReader>, Damage>;

    /// Whether every value is a text.
    fn has_texts_alone(&self) -> bool;
}
