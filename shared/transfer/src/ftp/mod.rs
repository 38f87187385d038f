//! A file on an FTP server, plain or by TLS (RFC 959, 3659, 4217).
//!
//! Every opening is a session of its own: logged in, binary, passive by `EPSV` or, where the server does not know
//! that, by `PASV` with the server's own address, whatever address it names. `SIZE` and `MDTM` say which version it
//! is, and are asked again behind the last byte: only then, and with the server's final reply, is a file whole.

mod body;
mod fault;
mod file;
mod listing;
mod session;
mod settings;
mod tls;

pub use file::FtpFile;
pub use settings::FtpSettings;
pub use tls::{Security, Trust};
