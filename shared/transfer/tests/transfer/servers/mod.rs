//! Servers on 127.0.0.1.

pub mod ftp;
#[cfg(feature = "sftp")]
pub mod sftp;
