//! What every way of going on says after an unknown outcome.

use std::fmt;

use tidegate_core::{
    model::{self, Ordering},
    ports::Outgoing,
};
use url::Url;

use crate::{
    error::ConnectError,
    file::{Fault, Findings, Place},
    http::{Origin, UrlError},
    resolver::Resolver,
    value::Shape,
};

/// A way of going on after an unknown outcome.
pub(crate) trait OnUnknownKind: fmt::Debug + Send + Sync {
    /// As the protocol takes it.
    fn protocol(&self) -> model::OnUnknown;

    /// Notes what contradicts it. `place` is the section's.
    fn check(&self, _place: Place, _ordering: Ordering, _findings: &mut Findings) {}

    /// Where it stands that the destination is asked by a record's idempotency key, if it is.
    fn asks_by_key(&self) -> Option<Place> {
        None
    }

    /// How the destination is asked whether it has a record, where it is.
    ///
    /// # Errors
    /// A value that the connection lacks, or an address elsewhere than at `destination`.
    fn question(
        &self,
        _resolver: &Resolver<'_>,
        _destination: &Origin,
        _shape: &Shape,
    ) -> Result<Option<Box<dyn Question>>, ConnectError> {
        Ok(None)
    }
}

/// Asks whether the destination has a record, by one GET.
pub(crate) trait Question: Send + Sync {
    /// Where to ask. `key` is the record's idempotency key, as it is sent.
    ///
    /// # Errors
    /// A record whose fields make no address.
    fn url(&self, record: &Outgoing, key: &str) -> Result<Url, UrlError>;

    /// What the answer says; `None` where it says neither.
    fn judge(&self, status: u16, body: &[u8]) -> Option<bool>;
}

/// Notes an ordering without the ledger, which the kind named `kind` needs.
pub(super) fn check_ledger(kind: &str, place: Place, ordering: Ordering, findings: &mut Findings) {
    if ordering == Ordering::None {
        let message = format!(
            "`on_unknown: {kind}` needs the ledger, which `ordering: none` does without: after a \
             crash it would not be known what was begun"
        );
        let remedy = "write `ordering: entity` or `ordering: serial`, or `on_unknown: retry`";
        findings.add(Fault::new(place, message, remedy));
    }
}
