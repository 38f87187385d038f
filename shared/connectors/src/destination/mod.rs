//! Where records go, one module a kind.

pub(crate) mod http;
