//! The flow file: what may stand in it, how it is read, and what is said where it is wrong.
//!
//! [`parse`] reads strictly: an unknown key, a wrong type or a clash is an error that names file,
//! line and remedy. The specs are plain data; `shared/connectors` turns them into sources,
//! destinations and transforms.

pub mod spec;
pub mod template;
