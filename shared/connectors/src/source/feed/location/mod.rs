//! Where a file is: a file a way, and a line here.

mod kind;

use crate::kinds::kinds;
pub(super) use kind::LocationKind;

kinds! {
    /// Where the file is: exactly one way to it.
    pub(super) enum Location: LocationKind {
        mod http: Http;
        mod ftp: Ftp;
        mod file: File;
    }
}
