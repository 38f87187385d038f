//! `http`: a file at an http(s) address.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_transfer::RemoteFile;

use super::LocationKind;
use crate::{
    error::ConnectError,
    file::Findings,
    http::{
        AdvertisedLimits, Auth, Exchange, HttpFile, Origin, Reads, Rules, Transmitter,
        authenticator,
    },
    options::Options,
    resolver::Resolver,
    value::{Headers, Timeout, Url},
};

const TIMEOUT_DEFAULT_MS: u64 = 30_000;
/// Read of an answer that is no file.
const FAILURE_BYTES_MAX: usize = 64 << 10;

/// A file at an address. Of a file that is being read, the rest is asked for; a file that the server says is unchanged
/// is not read again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpLocation")]
pub(crate) struct Http {
    /// The file's address.
    #[schemars(example = "https://erp.example.com/export/offers.xml")]
    url: Url,
    /// Headers sent with every request.
    #[serde(default)]
    headers: Headers,
    /// How requests prove who sends them.
    auth: Option<Auth>,
    /// The longest that an answer, or the next piece of the file, is waited for. Default `30s`.
    timeout: Option<Timeout>,
}

impl LocationKind for Http {
    fn check(&self, findings: &mut Findings) {
        if let Some(auth) = &self.auth {
            auth.check(findings);
        }
    }

    fn settle_ms(&self) -> u64 {
        0
    }

    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<(Box<dyn RemoteFile>, String), ConnectError> {
        let url = self.url.fill(resolver)?;
        let section = "source.feed.location.http.auth";
        let transmitter = Transmitter {
            http: options.http.clone(),
            headers: self.headers.fill(resolver)?,
            reads: Reads::Failures,
            body_bytes_max: FAILURE_BYTES_MAX,
            redactor: resolver.redactor(),
            now: options.now.clone(),
            witness: None,
        };
        let timeout_ms = self.timeout.map_or(TIMEOUT_DEFAULT_MS, |timeout| timeout.0);
        let exchange = Exchange {
            transmitter,
            origin: Origin::of(&url).ok_or_else(|| {
                ConnectError::new("source.feed.location.http.url", "it has no host")
            })?,
            auth: authenticator(self.auth.as_ref(), section, resolver, options)?,
            timeout_ms,
            limits: AdvertisedLimits::default(),
            budget: None,
        };
        let shown = exchange.shown(&url);
        let silence_max = Duration::from_millis(timeout_ms);
        Ok((Box::new(HttpFile::new(exchange, Rules::default(), url, silence_max)), shown))
    }
}
