//! (to be written)
mod table;

pub use table::EmbeddedTable;
