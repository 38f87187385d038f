//! What is exchanged for a token.

use reqwest::header::{AUTHORIZATION, HeaderName};
use ring::digest::{Context, SHA256};
use tidegate_core::model::{EpochMs, StoredKey};

use super::{
    oauth2,
    token_client::{TokenResponse, Unread},
};
use crate::http::{Redactor, answer::Answer, request::Request};

/// What a kind of credentials exchanges for a token. It holds secrets: it has no `Debug`.
pub(super) trait Grant: Send + Sync {
    /// The request for a token.
    fn ask(&self, asking: &Asking<'_>) -> Request;

    /// Reads the answer to it: as OAuth 2 writes it, if nothing else is said.
    ///
    /// # Errors
    /// Why the answer gives no token.
    fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        oauth2::read(answer)
    }

    /// What is exchanged, and where; the first text says of what kind it is. Those for which it is the
    /// same share their tokens, and one that cannot prove the same must not find them.
    fn identity(&self) -> Vec<&str>;

    /// Whether what is exchanged may be good for one use: then a lost answer loses it.
    fn is_spent(&self) -> bool {
        false
    }

    /// The header that carries the token, and what stands before it there.
    fn carrier(&self) -> (HeaderName, &str) {
        (AUTHORIZATION, "Bearer ")
    }
}

/// What a request for a token may go by.
pub(super) struct Asking<'a> {
    /// The refresh token that came last; `None` before any came.
    pub(super) newest: Option<&'a str>,
    /// Now, in ms since 1970.
    pub(super) now_ms: EpochMs,
    /// Unlike that of any request before, for servers that take one only once.
    pub(super) id: &'a str,
    /// Learns what the request is made of.
    pub(super) redactor: &'a Redactor,
}

/// Where a grant's tokens are kept: one place for all that exchange the same thing at the same address,
/// be it a source or a destination, in whatever flow.
pub(super) fn key(grant: &dyn Grant) -> StoredKey {
    let mut digest = Context::new(&SHA256);
    for text in grant.identity() {
        // With its length, or two texts could be cut in two ways.
        digest.update(&(text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    let hex = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    StoredKey::new("token", &hex)
}
