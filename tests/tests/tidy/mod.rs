//! What ARCHITECTURE.md says is absent, is absent; and the house's rules for files, functions and words.
//!
//! Every rule's failure says what to do instead. A rule that is broken in known places lists them, and the
//! list only shrinks ([`waiting`]).

mod circles;
mod core;
mod crates;
mod files;
mod lengths;
mod modules;
mod tree;
mod waiting;
mod words;
