//! The HTTP client: one for all connectors of a process, so that they share its connections.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::no_answer::chain;

/// Longer than the pause between two requests of a busy flow, shorter than most servers keep an
/// idle connection: a Lambda function that thaws after a minute finds none that died meanwhile.
const IDLE: Duration = Duration::from_secs(20);
/// Reaching a server takes no longer than this, or it is down.
const CONNECT: Duration = Duration::from_secs(10);

/// A shared HTTP client. Cloning it is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    decoding: reqwest::Client,
    /// Made when it is first needed: most processes get no files.
    as_it_is: Arc<OnceLock<Result<reqwest::Client, String>>>,
}

impl HttpClient {
    /// Follows no redirect by itself, keeps no cookie, and repeats a request only where no byte of
    /// it can have been processed (a pooled connection that was closed before it was sent).
    ///
    /// # Errors
    /// In one line, if the system's certificates or its resolver cannot be read.
    pub fn new() -> Result<Self, String> {
        // An error means that the process has chosen a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let decoding = build(reqwest::Client::builder())?;
        Ok(Self { decoding, as_it_is: Arc::default() })
    }

    /// The client itself.
    pub(crate) fn inner(&self) -> &reqwest::Client {
        &self.decoding
    }

    /// The client for what is to come as it is: a part of a file that is counted in bytes must not be unpacked.
    pub(super) fn as_it_is(&self) -> Result<&reqwest::Client, &str> {
        let built = self.as_it_is.get_or_init(|| build(reqwest::Client::builder().no_gzip()));
        built.as_ref().map_err(String::as_str)
    }
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    builder
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_nodelay(true)
        .build()
        .map_err(|error| format!("the HTTP client cannot be set up: {}", chain(&error)))
}
