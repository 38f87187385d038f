//! The key that makes a retry harmless.

use crate::model::{RecordId, StreamId, Version};

/// The idempotency key of one version of one entity on one stream: the same over every retry, every
/// re-read and every replay.
pub fn idempotency_key(stream: &StreamId, id: &RecordId, version: Version) -> Box<str> {
    match version {
        Version(0) => format!("{stream}/{id}").into(),
        Version(version) => format!("{stream}/{id}@{version}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_stream_entity_and_version() {
        let stream = StreamId::new("orders", "default").unwrap();
        let key = |id, version| idempotency_key(&stream, &RecordId::Number(id), Version(version));
        assert_eq!(&*key(7, 0), "orders/default/7");
        assert_eq!(&*key(7, 3), "orders/default/7@3");
    }
}
