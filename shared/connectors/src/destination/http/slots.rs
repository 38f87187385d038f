//! A place of a result that may be at one of several paths: `index.status`, or `delete.status`.

use std::borrow::Cow;

use crate::{
    json::{Picker, Picks},
    value::{OneOrList, Path},
};

/// Paths as slots of a picker; what stands at the first of them counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots(Vec<usize>);

impl Slots {
    /// The slots of these paths, which are added to the picker.
    pub(super) fn of(paths: Option<&OneOrList<Path>>, picker: &mut Picker) -> Self {
        let paths = paths.iter().flat_map(|paths| &paths.0);
        Self(paths.map(|path| picker.add(&path.value.keys)).collect())
    }

    /// Whether the flow names no path.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text or number at the first path that has one.
    pub(super) fn text<'t>(&self, picks: &Picks<'t>) -> Option<Cow<'t, str>> {
        self.0.iter().find_map(|slot| picks.text(*slot))
    }
}
