//! Where records come from, one module a kind.

pub(crate) mod http;
