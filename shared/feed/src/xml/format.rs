//! What a flow says of a file of XML.

use super::path::Path;
use crate::BadFormat;

/// Most namespaces that a format declares.
const NAMESPACES_MAX: usize = 64;

/// Which elements are records, and what becomes of those within them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlFormat {
    pub(super) record: Path,
    /// Ways from a record to what is a list always.
    pub(super) lists: Vec<Path>,
    pub(super) prefixes: Vec<Box<str>>,
    /// The URI of the namespace of each prefix.
    pub(super) uris: Vec<Box<str>>,
}

impl XmlFormat {
    /// Records by a path, `offers.offer`, whose end they are. `lists` are paths from the record to the elements that are
    /// always lists: `picture`, `params.param`. `namespaces` are prefixes for keys and paths, and their URIs: `g` and
    /// `http://base.google.com/ns/1.0`.
    ///
    /// # Errors
    /// Something in it is no path or no prefix.
    pub fn new<'a>(
        record: &str,
        lists: impl IntoIterator<Item = &'a str>,
        namespaces: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, BadFormat> {
        let (mut prefixes, mut uris) = (Vec::<Box<str>>::new(), Vec::<Box<str>>::new());
        for (prefix, uri) in namespaces {
            let bad = prefix.is_empty() || prefix.contains([':', '.', '/', ' ', '*', '"', '\\']);
            if bad || prefix.starts_with("xml") || prefixes.iter().any(|known| **known == *prefix) {
                return Err(BadFormat(format!(
                    "{prefix:?} cannot be the prefix of a namespace, or is one already"
                )));
            }
            prefixes.push(prefix.into());
            uris.push(uri.into());
        }
        if prefixes.len() > NAMESPACES_MAX {
            return Err(BadFormat(format!("more than {NAMESPACES_MAX} namespaces")));
        }
        let record = Path::parse(record, &prefixes)?;
        let lists =
            lists.into_iter().map(|list| Path::parse(list, &prefixes)).collect::<Result<_, _>>()?;
        Ok(Self { record, lists, prefixes, uris })
    }
}
