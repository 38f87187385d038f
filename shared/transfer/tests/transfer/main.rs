//! Files got from real servers of each kind, on 127.0.0.1.

mod ftp;
mod ftp_names;
mod ftps;
mod local;
mod reading;
mod resuming;
mod servers;
#[cfg(feature = "sftp")]
mod sftp;
