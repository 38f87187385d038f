//! Reading a file: what stands where, what is wrong with it, and how that is said.
//!
//! A file comes as a tree of [`Node`]s, whatever it was written in: YAML on a laptop and in the build
//! (`shared/flow`), an embedded form in a function. [`read`] makes a type of it, whose values know
//! their places.

mod at;
mod deserialize;
mod error;
mod nearest;
mod node;
mod reading;
mod report;
mod text;

pub use at::{At, Entries};
pub use deserialize::{ReadError, read};
pub use error::{FlowError, FlowErrors};
pub use nearest::{listed, nearest, remedy};
pub use node::Node;
pub use reading::{Fault, Findings, Reference};
pub(crate) use reading::{Site, is_list, note_address, note_fault, note_param, note_secret, site};
pub use report::Report;
pub use text::{Location, Place, SourceText};
