//! `ftp`: a file on an FTP server.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_transfer::{
    Names, RemoteFile,
    ftp::{FtpFile, FtpSettings, Security, Trust},
};

use super::LocationKind;
use crate::{
    error::ConnectError,
    options::Options,
    resolver::Resolver,
    value::{SecretText, Timeout, Words},
};

const PORT: u16 = 21;
/// With TLS from the first byte on.
const PORT_IMPLICIT: u16 = 990;
const TIMEOUT_DEFAULT_MS: u64 = 30_000;

/// A file on an FTP server, by TLS unless the flow says otherwise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FtpLocation")]
pub(crate) struct Ftp {
    /// The server's name or address.
    #[schemars(example = "ftp.example.com")]
    host: Words,
    /// Its port. Default 21, and 990 with `tls: implicit`.
    port: Option<u16>,
    /// Who asks.
    user: Words,
    /// What proves it.
    password: SecretText,
    /// The file's path. Its last part may be a pattern, `offers-*.xml`: then it is the one that was changed last, but for
    /// names of files that are still being written (`*.part`, `*.tmp`, `.*`).
    #[schemars(example = "/export/offers.xml")]
    path: Words,
    /// How the session is encrypted. Default `explicit`.
    tls: Option<FtpTls>,
    /// The SHA-256 of the server's certificate, in hexadecimal, where no authority that the system trusts has signed it.
    fingerprint: Option<Words>,
    /// The longest that an answer, or the next byte, is waited for. Default `30s`.
    timeout: Option<Timeout>,
}

/// How a session with an FTP server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FtpTls {
    /// By `AUTH TLS`, before the login.
    Explicit,
    /// From the first byte on.
    Implicit,
    /// Not at all: password and file can be read on the way.
    None,
}

impl Ftp {
    fn security(&self, resolver: &Resolver<'_>) -> Result<Security, ConnectError> {
        let trust = match &self.fingerprint {
            None => Trust::System,
            Some(fingerprint) => Trust::Fingerprint(digest(&fingerprint.fill(resolver)?)?),
        };
        Ok(match self.tls.unwrap_or(FtpTls::Explicit) {
            FtpTls::Explicit => Security::Explicit(trust),
            FtpTls::Implicit => Security::Implicit(trust),
            FtpTls::None => Security::Plain,
        })
    }
}

impl LocationKind for Ftp {
    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<(Box<dyn RemoteFile>, String), ConnectError> {
        let (host, path) = (self.host.fill(resolver)?, self.path.fill(resolver)?);
        let refused =
            |key: &str, error| ConnectError::new(&format!("source.feed.location.ftp.{key}"), error);
        let names = Names::new(&path).map_err(|error| refused("path", error))?;
        let is_implicit = self.tls == Some(FtpTls::Implicit);
        let usual = if is_implicit { PORT_IMPLICIT } else { PORT };
        let timeout_ms = self.timeout.map_or(TIMEOUT_DEFAULT_MS, |timeout| timeout.0);
        let settings = FtpSettings {
            host: host.clone(),
            port: self.port.unwrap_or(usual),
            user: self.user.fill(resolver)?,
            password: self.password.fill(resolver)?,
            security: self.security(resolver)?,
            names,
            silence_max: Duration::from_millis(timeout_ms),
        };
        let file =
            FtpFile::new(settings, options.now.clone()).map_err(|error| refused("host", error))?;
        Ok((Box::new(file), format!("ftp://{host}/{}", path.trim_start_matches('/'))))
    }
}

/// A digest of 32 bytes in hexadecimal, with colons or without.
fn digest(text: &str) -> Result<[u8; 32], ConnectError> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    let byte = |two: &[u8]| u8::from_str_radix(str::from_utf8(two).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(byte).collect();
    let bytes = bytes.filter(|_| digits.len().is_multiple_of(2));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        let message = "it is no SHA-256 in hexadecimal: write its 64 digits";
        ConnectError::new("source.feed.location.ftp.fingerprint", message)
    })
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn a_fingerprint_is_a_digest_with_colons_or_without() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(digest(&plain).unwrap(), [0xab; 32]);
        assert_eq!(digest(&colons).unwrap(), [0xab; 32]);
        for bad in ["", "ab", &plain[1..], &format!("{plain}0"), &"zz".repeat(32)] {
            assert!(digest(bad).is_err(), "{bad}");
        }
    }
}
