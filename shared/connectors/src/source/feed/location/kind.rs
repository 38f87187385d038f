//! What every way to a file says.

use std::fmt;

use tidegate_transfer::RemoteFile;

use crate::{error::ConnectError, file::Findings, options::Options, resolver::Resolver};

/// A way to a file: its keys, as a flow file gives them.
pub(in crate::source::feed) trait LocationKind:
    fmt::Debug + Send + Sync
{
    /// Notes keys that do not go together.
    fn check(&self, _: &mut Findings) {}

    /// For how long a file must not have changed before it is read, unless the flow says otherwise, in ms.
    fn settle_ms(&self) -> u64 {
        60_000
    }

    /// The file for one connection, and its address for messages, without secrets. Makes no request.
    ///
    /// # Errors
    /// A value that the connection lacks, or that cannot stand where the section puts it.
    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<(Box<dyn RemoteFile>, String), ConnectError>;
}
