//! What the reader of a format does.

use crate::{Damage, Found, Notices};

/// Cuts records out of text that comes in windows.
///
/// The caller appends to a window what comes, calls [`read`](Self::read), and takes off its front as many bytes as
/// that answers with. A window that no record could be found in comes again longer, at the latest when it is
/// twice as long; it is never longer than the longest record allowed, but for what one piece adds.
pub trait RecordReader: Send {
    /// Appends the records that stand whole in `window` to `found`, in their order, and answers with how many of
    /// its bytes are done with: to the end of the last record at least, if there is one. More text follows
    /// unless it is the `last` window.
    ///
    /// # Errors
    /// The rest of the file cannot be read. What was found before the damage is in `found`.
    fn read(&mut self, window: &str, last: bool, found: &mut Vec<Found>) -> Result<usize, Damage>;

    /// What a new reader must be told to go on behind any record of this file, in one line of at most some
    /// hundred bytes: the elements that stand open, the names of columns. It does not change once the first
    /// record was found. `None` where it would be too long: then a file is read from its beginning.
    fn context(&self) -> Option<String>;

    /// Whether the file was read to a sound end: after the `last` window, and only if nothing was missing or left over.
    /// Nothing may be concluded from what is absent in a file that has none.
    fn is_whole(&self) -> bool;

    /// What was mended or passed over since the last call.
    fn notices(&mut self) -> Notices;
}
