//! A file on an SFTP server (RFC 4251 to 4254, draft-ietf-secsh-filexfer-02).
//!
//! A server is known by the fingerprint of its host key, and none is trusted that was not named. Every opening is a
//! connection of its own; reads are sent ahead, so that a long way costs no time for each of them.

mod body;
mod connection;
mod file;
mod settings;

pub use file::SftpFile;
pub use settings::{Proof, SftpSettings};
