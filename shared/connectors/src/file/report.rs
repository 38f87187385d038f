//! Collects what is wrong, so that one look at a file tells all of it.

use super::{
    error::{FlowError, FlowErrors},
    reading::Fault,
    text::{Place, SourceText},
};

/// The faults found so far in one file.
pub struct Report<'t> {
    /// The file.
    pub source: SourceText<'t>,
    errors: Vec<FlowError>,
}

impl<'t> Report<'t> {
    /// Nothing is wrong yet.
    pub fn new(source: SourceText<'t>) -> Self {
        Self { source, errors: Vec::new() }
    }

    /// Adds a fault. Message and remedy are one line each, without a full stop.
    pub fn add(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.errors.push(FlowError::new(&self.source, place, message, remedy));
    }

    /// Adds a fault whose place holds a secret: the line is shown without it.
    pub fn add_hidden(
        &mut self,
        place: Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.errors.push(FlowError::new(&self.source, place, message, remedy).hidden());
    }

    /// Adds what reading the file found.
    pub fn take(&mut self, faults: Vec<Fault>) {
        for Fault { place, message, remedy, fragment, hidden } in faults {
            let place =
                fragment.map_or(place, |(fragment, nth)| self.source.inside(place, &fragment, nth));
            let error = FlowError::new(&self.source, place, message, remedy);
            self.errors.push(if hidden { error.hidden() } else { error });
        }
    }

    /// What is right and may not be meant, as it would be said of a fault.
    pub fn notes(&self, notes: Vec<Fault>) -> Vec<FlowError> {
        let note =
            |note: Fault| FlowError::new(&self.source, note.place, note.message, note.remedy);
        notes.into_iter().map(note).collect()
    }

    /// Whether nothing is wrong so far.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// The errors in the order of the file, or `value` if there are none.
    ///
    /// `value` is `None` only where a fault was reported: a checker that gives nothing said why.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, FlowErrors> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => {
                assert!(!self.errors.is_empty(), "a checker gave nothing and did not say why");
                self.errors.sort_by_key(|error| (error.location.line, error.location.column));
                Err(FlowErrors(self.errors))
            }
        }
    }
}
