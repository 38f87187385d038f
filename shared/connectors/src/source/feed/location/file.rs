//! `file`: a file at hand.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_transfer::{Names, RemoteFile, local::LocalFile};

use super::LocationKind;
use crate::{error::ConnectError, options::Options, resolver::Resolver, value::Words};

/// A file on the machine that reads it, for the laptop: a deployed function sees no such file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FileLocation")]
pub(crate) struct File {
    /// The file's path. Its last part may be a pattern, `offers-*.xml`: then it is the one that was changed last.
    #[schemars(example = "exports/offers.xml")]
    path: Words,
}

impl LocationKind for File {
    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<(Box<dyn RemoteFile>, String), ConnectError> {
        let path = self.path.fill(resolver)?;
        let names = Names::new(&path)
            .map_err(|error| ConnectError::new("source.feed.location.file.path", error))?;
        Ok((Box::new(LocalFile::new(names, options.now.clone())), path))
    }
}
