//! What every kind of source says.

use std::fmt;

use tidegate_core::{model::EpochMs, ports};

use super::look::{FirstBatch, Look};
use crate::{error::ConnectError, file::Findings, options::Options, resolver::Resolver};

/// A kind of source: its keys, as a flow file gives them.
pub(crate) trait SourceKind: fmt::Debug + Send + Sync {
    /// Notes keys that do not go together. A value that is wrong by itself was noted when it was read.
    fn check(&self, findings: &mut Findings);

    /// For how long after a record a run must expect an earlier one to appear, in ms. A run reads
    /// nothing younger.
    fn settle_lag_ms(&self) -> EpochMs {
        0
    }

    /// The keys that lead to a record's id. A merge with what was looked up compares them with
    /// `lookup.by`: they tell whether records that share a look-up's key are one entity.
    fn id_path(&self) -> Vec<String>;

    /// What marks delivered records at the source, where the flow asks for it. Makes no request.
    ///
    /// # Errors
    /// As with [`SourceReader::connect`].
    fn marker(
        &self,
        _resolver: &Resolver<'_>,
        _options: &Options,
    ) -> Result<Option<Box<dyn ports::Marker>>, ConnectError> {
        Ok(None)
    }
}

/// How a kind of source is read. Apart from its keys: a processor reads no source, and is smaller without.
pub(crate) trait SourceReader {
    /// The source for one connection. Makes no request.
    ///
    /// # Errors
    /// A value that the connection lacks, or that cannot stand where the section puts it.
    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn ports::Source>, ConnectError>;

    /// The source for a look at it, for one connection: at the first records that it gives, unless the kind
    /// can show more. Makes no request.
    ///
    /// # Errors
    /// As with [`Self::connect`].
    fn look(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn Look>, ConnectError> {
        Ok(Box::new(FirstBatch(self.connect(resolver, options)?)))
    }
}
