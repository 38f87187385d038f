//! How to reach a file, and what it is called in what is said of it.

use std::{fmt, sync::Arc, time::Duration};

use super::tls::Security;
use crate::Names;

/// How to reach a file. It holds a password: its `Debug` leaves that out.
#[derive(Clone)]
pub struct FtpSettings {
    /// The server's name or address.
    pub host: String,
    /// Its port: 21 as a rule, 990 with TLS from the first byte on.
    pub port: u16,
    /// Who asks.
    pub user: String,
    /// What proves it.
    pub password: String,
    /// Whether the session is encrypted, and who is trusted.
    pub security: Security,
    /// Which file.
    pub names: Names,
    /// The longest that a reply or the next byte is waited for.
    pub silence_max: Duration,
}

impl fmt::Debug for FtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// What a server or a file is called in what is said of it, and what is never said.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) what: Arc<str>,
    pub(super) password: Arc<str>,
}

impl Told {
    pub(super) fn new(settings: &FtpSettings) -> Self {
        let scheme = if matches!(settings.security, Security::Plain) { "ftp" } else { "ftps" };
        let FtpSettings { host, port, names, password, .. } = settings;
        let separator = if names.to_string().starts_with('/') { "" } else { "/" };
        let what = format!("{scheme}://{host}:{port}{separator}{names}");
        Self { what: what.into(), password: password.as_str().into() }
    }

    /// One line without the password, which some servers repeat.
    pub(super) fn line(&self, text: &str) -> String {
        let text = match &*self.password {
            "" => text.to_owned(),
            password => text.replace(password, "[secret]"),
        };
        crate::error::line(&text)
    }
}
