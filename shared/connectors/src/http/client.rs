//! The HTTP client: one for all connectors of a process, so that they share its connections.

use std::time::Duration;

use super::no_answer::chain;

/// Longer than the pause between two requests of a busy flow, shorter than most servers keep an
/// idle connection: a Lambda function that thaws after a minute finds none that died meanwhile.
const IDLE: Duration = Duration::from_secs(20);
/// Reaching a server takes no longer than this, or it is down.
const CONNECT: Duration = Duration::from_secs(10);

/// A shared HTTP client. Cloning it is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// Follows no redirect by itself, keeps no cookie, and repeats a request only where no byte of
    /// it can have been processed (a pooled connection that was closed before it was sent).
    ///
    /// # Errors
    /// In one line, if the system's certificates or its resolver cannot be read.
    pub fn new() -> Result<Self, String> {
        // An error means that the process has chosen a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tcp_keepalive(Duration::from_secs(15))
            .tcp_nodelay(true)
            .build()
            .map(Self)
            .map_err(|error| format!("the HTTP client cannot be set up: {}", chain(&error)))
    }

    /// The client itself.
    pub(crate) fn inner(&self) -> &reqwest::Client {
        &self.0
    }
}
