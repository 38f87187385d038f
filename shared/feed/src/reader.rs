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
    /// It may stop once what was found takes some mebibytes, as short rows under long names do: where records were
    /// found it is called again with what is left of the window, before more is appended and even if that is all.
    ///
    /// # Errors
    /// The rest of the file cannot be read. What was found before the damage is in `found`.
    fn read(&mut self, window: &str, last: bool, found: &mut Vec<Found>) -> Result<usize, Damage>;

    /// Whether the last call may have stopped before the end of what could be found in its window. A reader that knows
    /// that it did not saves its caller a call.
    fn unread(&self) -> bool {
        true
    }

    /// What a new reader must be told to go on behind any of the records that the last call found, in one line of at
    /// most a KiB: the elements that stand open, the names of columns. It is the same for all of them. `None` where it
    /// would be too long: then a file is read from its beginning.
    fn context(&self) -> Option<String>;

    /// Where in the last window the damage is that the last call answered with, in bytes, if that is known.
    fn damaged_at(&self) -> Option<usize> {
        None
    }

    /// Whether the file was read to a sound end: after the `last` window, and only if nothing was missing or left over.
    /// Nothing may be concluded from what is absent in a file that has none.
    fn is_whole(&self) -> bool;

    /// What was mended or passed over since the last call.
    fn notices(&mut self) -> Notices;
}
