//! Where records go: a file a kind, and a line here.

mod kind;

use crate::kinds::kinds;
pub(crate) use kind::DestinationKind;

kinds! {
    /// Where records go: exactly one kind.
    pub(crate) enum Destination: DestinationKind {
        mod http: Http;
    }
}
