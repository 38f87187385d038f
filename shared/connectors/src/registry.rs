//! The transforms that YAML cannot say.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tidegate_core::ports::{Transform, Transformed};

/// Rust transforms by the name that a flow file calls them.
///
/// ```
/// use tidegate_connectors::Registry;
/// use tidegate_core::ports::{Transform, Transformed};
///
/// struct Upper;
/// impl Transform for Upper {
///     fn apply(&self, record: &[u8], _: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
///         out.extend(record.to_ascii_uppercase());
///         Transformed::Written
///     }
/// }
/// let registry = Registry::new().transform("upper", Upper);
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    transforms: BTreeMap<String, Arc<dyn Transform>>,
}

impl Registry {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transform for `transform.rust: NAME`; a second one of the name replaces the first.
    #[must_use]
    pub fn transform(
        mut self,
        name: impl Into<String>,
        transform: impl Transform + 'static,
    ) -> Self {
        self.transforms.insert(name.into(), Arc::new(transform));
        self
    }

    /// The names it knows, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.transforms.keys().map(String::as_str)
    }

    /// The transform of a name.
    pub(crate) fn get(&self, name: &str) -> Option<Box<dyn Transform>> {
        self.transforms.get(name).map(|found| Box::new(Shared(Arc::clone(found))) as _)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.transforms.keys()).finish()
    }
}

/// One registered transform, used by many connections.
struct Shared(Arc<dyn Transform>);

impl Transform for Shared {
    fn apply(&self, record: &[u8], found: Option<&[u8]>, out: &mut Vec<u8>) -> Transformed {
        self.0.apply(record, found, out)
    }

    fn admits(&self, record: &[u8]) -> Transformed {
        self.0.admits(record)
    }

    fn accepts(&self, record: &[u8]) -> Transformed {
        self.0.accepts(record)
    }
}
