//! How to reach a file, and what it is called in what is said of it.

use std::{fmt, sync::Arc, time::Duration};

use crate::{Names, TransferError};

/// How to reach a file. It holds secrets: its `Debug` leaves them out.
#[derive(Clone)]
pub struct SftpSettings {
    /// The server's name or address.
    pub host: String,
    /// Its port, 22 as a rule.
    pub port: u16,
    /// Who asks.
    pub user: String,
    /// What proves it.
    pub proof: Proof,
    /// The fingerprints of the server's host keys, as `ssh-keygen -lf` prints them: `SHA256:…`. One of them must be
    /// the server's.
    pub host_keys: Vec<String>,
    /// Which file.
    pub names: Names,
    /// The longest that an answer or the next byte is waited for.
    pub silence_max: Duration,
}

/// What proves who asks.
#[derive(Clone)]
pub enum Proof {
    /// A password, also where a server asks for it as for any text.
    Password(String),
    /// A private key, as OpenSSH, PKCS#8, PKCS#1 or PuTTY write it.
    Key {
        /// The key's file.
        text: String,
        /// What it is encrypted with, if it is.
        passphrase: Option<String>,
    },
}

/// What a file is called in what is said of it, and what is never said.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) what: Arc<str>,
    pub(super) password: Option<Arc<str>>,
}

impl Told {
    /// It may pass.
    pub(super) fn later(&self, doing: &str, said: &str) -> TransferError {
        TransferError::later(self.reason(doing, said))
    }

    /// One line without the password.
    pub(super) fn reason(&self, doing: &str, said: &str) -> String {
        let said = match self.password.as_deref() {
            None | Some("") => said.to_owned(),
            Some(password) => said.replace(password, "[secret]"),
        };
        format!("{}: {doing}: {}", self.what, crate::error::line(&said))
    }
}

impl fmt::Debug for SftpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("host_keys", &self.host_keys)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
