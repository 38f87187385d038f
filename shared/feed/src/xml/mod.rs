//! XML, record by record.
//!
//! A [`XmlFormat`] says which elements are records by a path, `offers.offer`: the names of elements within each other,
//! of which the last is the record. The path is the end of the way from the root, so `offer` means one anywhere, and
//! the names above the ones that matter need not be said. `*` is any one element. A name is the local one, whatever
//! prefix is written before it; with a prefix, `g:item`, it is one of that namespace if the format declares the prefix,
//! and one written with that prefix otherwise. Where names have dots in them, the path is written with `/`. Elements
//! within a record are the record's, though the path fits them too.
//!
//! What becomes of an element:
//!
//! | element | JSON |
//! |---|---|
//! | with text alone | its text, `""` if it is empty; white space at both ends is left off, for feeds indent |
//! | with `xsi:nil="true"`, by whatever prefix | `null` |
//! | with attributes or elements | an object: `@name` for attributes, elements by their names, `#text` where there is text beside them |
//! | twice or more within its parent | a list, at the place of the first |
//! | by one of the declared `lists` | a list always, though of one |
//! | a record | always an object |
//!
//! Keys are local names. An element of a namespace that the format declares has its prefix before it, `g:price`,
//! whatever prefix the file writes, or none. Where two within one parent differ by an undeclared prefix alone, those that
//! are written with one keep it. Declarations of namespaces are no attributes.
//!
//! Text is what comes of text, references, and CDATA, put together over comments between them, with line ends as XML
//! has them. HTML's names of characters are taken as they are meant; other unknown names, and a bare `&`, stay as they are
//! written. Characters that XML cannot hold are left out. All of these are counted. An external document type is passed
//! over and never fetched; one with an internal subset is refused.

mod document;
mod entities;
mod escape;
mod format;
mod names;
mod open;
mod over;
mod path;
mod reader;
mod record;
mod references;
mod scopes;
mod write;

pub use format::XmlFormat;
pub use reader::XmlReader;

#[cfg(test)]
mod tests;
