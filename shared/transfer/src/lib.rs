//! How the bytes of a remote file are got: from a point on, and never from two versions of it at once.
//!
//! A [`RemoteFile`] opens a file as it stands, and says by its [`Identity`] which version that is. A reading that was
//! interrupted is taken up by [`resume`], which goes on in the same version alone: the identity must be the
//! same, and so must the bytes just before the place, of which a [`Seam`] keeps a digest. A transfer that is cut
//! off never looks like the end of the file.
//!
//! FTP and FTPS are [`ftp`], files at hand [`local`], and SFTP is `sftp`, behind the cargo feature of that name:
//! SSH adds some 170 crates to a build. HTTP is asked by the connectors, which have its credentials and
//! budgets. Nothing here knows what is in a file, nor of a flow.

mod error;
mod file;
pub mod ftp;
mod identity;
pub mod local;
mod moment;
mod names;
mod seam;
#[cfg(feature = "sftp")]
pub mod sftp;

pub use error::TransferError;
pub use file::{Answer, Ask, Body, BoxFuture, Opened, RemoteFile};
pub use identity::Identity;
pub use moment::Now;
pub use names::{Choice, Listed, Names};
pub use seam::{Resumed, Seam, Trail, resume};
