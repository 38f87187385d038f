//! What goes along with reading a file: where the reader stands, what is wrong, what is referred to.
//!
//! Types are made by serde, which has no word for any of it; so it is kept beside the value at hand,
//! for the length of one [`super::read`] on this thread.

use std::{cell::RefCell, fmt};

use super::text::Place;

thread_local! {
    static READING: RefCell<Reading> = RefCell::default();
}

/// One thing that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The value that is wrong.
    pub place: Place,
    /// What is wrong, in one line without a full stop.
    pub message: String,
    /// What to do about it, likewise.
    pub remedy: String,
    /// The part of the text at the place that is wrong, and how many like it stand before it.
    pub fragment: Option<(String, usize)>,
    /// What stands there is a secret: it is not shown.
    pub hidden: bool,
}

/// What a file needs of a connection: the name of a parameter or a secret, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name, or the address with its references.
    pub text: String,
    /// Where the text stands that needs it.
    pub place: Place,
}

/// What reading a file found beside its values.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// What is wrong, in no order.
    pub faults: Vec<Fault>,
    /// What is right and may not be meant, in no order.
    pub notes: Vec<Fault>,
    /// Every reference to a parameter.
    pub params: Vec<Reference>,
    /// Every reference to a secret.
    pub secrets: Vec<Reference>,
    /// Every address, as it is written: only a connection completes it.
    pub addresses: Vec<Reference>,
}

/// Where a value stands: for its faults, and for what it says once it is in use.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// In the file's text.
    pub(crate) place: Place,
    /// The keys that lead to it, like `source.http.url`.
    pub(crate) key: Box<str>,
}

/// Its keys alone: what a section says does not change with where it stands in the text.
impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", self.key)
    }
}

#[derive(Default)]
struct Reading {
    place: Place,
    is_list: bool,
    keys: Vec<String>,
    findings: Findings,
}

impl Fault {
    /// A fault of the value at a place.
    pub fn new(place: Place, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (message, remedy) = (message.into(), remedy.into());
        Self { place, message, remedy, fragment: None, hidden: false }
    }

    /// Of this part of its text alone.
    #[must_use]
    pub fn of(mut self, fragment: impl Into<String>) -> Self {
        self.fragment = Some((fragment.into(), 0));
        self
    }

    /// Of a text that may be a secret.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }
}

impl Findings {
    /// Notes what is wrong between values. Where a value is wrong by itself, that is said already.
    pub fn add(&mut self, fault: Fault) {
        if !self.has_fault_at(fault.place) {
            self.faults.push(fault);
        }
    }

    /// Whether something is wrong with the value at a place.
    pub(crate) fn has_fault_at(&self, place: Place) -> bool {
        self.faults.iter().any(|known| known.place == place)
    }
}

/// Where the value stands that is about to be read.
pub(crate) fn site() -> Site {
    READING.with_borrow(|reading| Site { place: reading.place, key: reading.keys.join(".").into() })
}

/// The place of the value that is about to be read.
pub(super) fn place() -> Place {
    READING.with_borrow(|reading| reading.place)
}

/// Notes that the value at hand is wrong by itself.
pub(crate) fn note_fault(fault: Fault) {
    READING.with_borrow_mut(|reading| reading.findings.faults.push(fault));
}

/// Notes a reference to a parameter.
pub(crate) fn note_param(name: &str, place: Place) {
    let reference = Reference { text: name.to_owned(), place };
    READING.with_borrow_mut(|reading| reading.findings.params.push(reference));
}

/// Notes a reference to a secret.
pub(crate) fn note_secret(name: &str, place: Place) {
    let reference = Reference { text: name.to_owned(), place };
    READING.with_borrow_mut(|reading| reading.findings.secrets.push(reference));
}

/// Notes an address.
pub(crate) fn note_address(text: &str, place: Place) {
    let reference = Reference { text: text.to_owned(), place };
    READING.with_borrow_mut(|reading| reading.findings.addresses.push(reference));
}

/// Whether the value that is about to be read is a list.
pub(crate) fn is_list() -> bool {
    READING.with_borrow(|reading| reading.is_list)
}

/// Moves to the value that is read next.
pub(super) fn go_to(place: Place, is_list: bool) {
    READING.with_borrow_mut(|reading| {
        reading.place = place;
        reading.is_list = is_list;
    });
}

/// Goes down to what stands under a key.
pub(super) fn enter(key: &str) {
    READING.with_borrow_mut(|reading| reading.keys.push(key.to_owned()));
}

/// Comes back up from it.
pub(super) fn leave() {
    READING.with_borrow_mut(|reading| drop(reading.keys.pop()));
}

/// Begins anew, and answers with what was found since the last beginning.
pub(super) fn begin() -> Findings {
    READING.with_borrow_mut(std::mem::take).findings
}
