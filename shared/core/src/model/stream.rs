//! A stream: one connection's use of one flow.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `flow/connection`: the unit of cursor and order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId {
    flow: Box<str>,
    connection: Box<str>,
}

/// Why a text is no stream name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a stream: write flow/connection, each of letters, digits, `-`, `_` and `.`")]
pub struct StreamIdError(String);

impl StreamId {
    /// Both names are 1 to 64 characters of `[A-Za-z0-9._-]`, so that a stream can be part of a key,
    /// a parameter's path and a log line without quoting.
    pub fn new(flow: &str, connection: &str) -> Result<Self, StreamIdError> {
        let plain = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if plain(flow) && plain(connection) {
            Ok(Self { flow: flow.into(), connection: connection.into() })
        } else {
            Err(StreamIdError(format!("{flow}/{connection}")))
        }
    }

    /// The flow's name.
    pub fn flow(&self) -> &str {
        &self.flow
    }

    /// The connection's name.
    pub fn connection(&self) -> &str {
        &self.connection
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.flow, self.connection)
    }
}

impl FromStr for StreamId {
    type Err = StreamIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (flow, connection) = text.split_once('/').ok_or_else(|| StreamIdError(text.into()))?;
        Self::new(flow, connection)
    }
}

impl TryFrom<String> for StreamId {
    type Error = StreamIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StreamId> for String {
    fn from(stream: StreamId) -> Self {
        stream.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_reads_back_what_it_prints() {
        let stream = StreamId::new("orders", "shop-7.eu").unwrap();
        assert_eq!(stream.to_string().parse::<StreamId>(), Ok(stream));
    }

    #[test]
    fn names_that_would_break_a_key_are_refused() {
        for (flow, connection) in [("", "a"), ("a", ""), ("a/b", "c"), ("a", "b c"), ("a#", "b")] {
            assert!(StreamId::new(flow, connection).is_err(), "{flow}/{connection}");
        }
        assert!("orders".parse::<StreamId>().is_err());
    }
}
