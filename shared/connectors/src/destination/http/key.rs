//! The key by which a destination knows a repeat: what it is made of, how it looks and where it stands.
//!
//! It goes over all that is sent: a repeat of the same request has the same key, and what became another request,
//! by a mended map or another URL, has another one, so that no key goes out with two bodies. Secrets are no part of it.

use reqwest::header::HeaderName;
use ring::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::Outgoing;

use crate::{
    file::{At, Fault, Findings, Site},
    value::{Path, TextValue, text_value},
};

/// Most characters of a key. Source: the most that Stripe takes.
const CHARS_MAX: usize = 255;
/// Beside a record's own key, as many bytes at the most.
pub(super) const KEY_BYTES: usize = 66;
/// Names Tidegate's keys among all UUIDs (RFC 9562, section 5.5).
const NAMESPACE: [u8; 16] = *b"\x9f\x2c\x5a\x0e\x41\x7b\x4d\x63\x8e\x1d\x6b\xd0\x3a\x52\xc7\x94";

/// How the key looks by which the destination knows a repeat, and where it stands.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Idempotency {
    /// How it looks. Default `text`.
    #[serde(default)]
    format: KeyFormat,
    /// `header`: in the header that `idempotency_key` names (default); else a path in the body, where it stands then.
    #[serde(rename = "in")]
    place: Option<KeyPlace>,
    /// Most characters of a `text` or a `hash`, from 16 on; a text that is longer becomes a hash. Default 255.
    #[schemars(range(min = 16, max = 255))]
    length_max: Option<At<u8>>,
}

/// How a key looks. All of them are the same for the same request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyFormat {
    /// Stream, record, version and a hash of what is sent: `orders/default/7@3.9f86d081884c7d65`.
    #[default]
    Text,
    /// A UUID of version 5: made of a name, as RFC 9562 has it, and so the same at every repeat.
    Uuid,
    /// A SHA-256 in hexadecimal digits.
    Hash,
}

/// `header`, or a path in the body.
#[derive(Debug, Clone)]
struct KeyPlace(Option<Path>);

impl TextValue for KeyPlace {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        match text {
            "header" => Ok(Self(None)),
            path => Path::read(path, site).map(|path| Self(Some(path))),
        }
    }

    fn stand_in(_: Site) -> Self {
        Self(None)
    }
}

text_value!(KeyPlace, "KeyPlace", {
    "description": "`header`, or a path in the body, dots between keys: `order.reference`.",
    "type": "string",
    "examples": ["header", "reference_id"],
});

impl Idempotency {
    /// Notes what does not go together.
    pub(super) fn check(&self, has_batch: bool, findings: &mut Findings) {
        if let Some(length) = self.length_max.as_ref().filter(|_| self.format == KeyFormat::Uuid) {
            let remedy = "remove it, or write `format: hash`";
            findings.add(Fault::new(length.place, "a UUID has 36 characters", remedy));
        }
        if let (true, Some(path)) = (has_batch, self.path()) {
            let message = "in a batch, `key_field` says where each record has its key";
            let remedy = "write the path as `batch.key_field`";
            findings.add(Fault::new(path.site.place, message, remedy));
        }
    }

    fn path(&self) -> Option<&Path> {
        self.place.as_ref()?.0.as_ref()
    }

    /// What makes the keys, with the header that carries them.
    pub(super) fn keys(&self, header: Option<HeaderName>) -> KeyMaker {
        let path = self.path().map(|path| path.keys.clone());
        KeyMaker {
            header: header.filter(|_| path.is_none()),
            path,
            format: self.format,
            chars_max: self.length_max.as_ref().map_or(CHARS_MAX, |at| at.value.into()),
        }
    }
}

/// Makes the keys of requests.
#[derive(Debug, Clone)]
pub(super) struct KeyMaker {
    /// The header that carries them.
    pub(super) header: Option<HeaderName>,
    /// Where in a body they stand instead.
    pub(super) path: Option<Vec<String>>,
    format: KeyFormat,
    chars_max: usize,
}

impl KeyMaker {
    /// For requests that write nothing, and so carry no key.
    pub(super) fn without_place(&self) -> Self {
        Self { header: None, path: None, ..self.clone() }
    }

    /// The key of a record in a request of this `scope`: the method and the address. `source` is the source's record
    /// where the request has something of it, and `whole` what an item was split from, likewise.
    pub(super) fn of_record(
        &self,
        record: &Outgoing,
        scope: &str,
        source: &[u8],
        whole: Option<&[u8]>,
    ) -> String {
        let parts = [Some(scope.as_bytes()), Some(&record.body), Some(source), whole];
        let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
        self.written(&record.key, &digest(&parts))
    }

    /// The key of a request that carries all of these records.
    pub(super) fn of_bulk(&self, records: &[Outgoing], scope: &str) -> String {
        let mut parts: Vec<&[u8]> = vec![scope.as_bytes()];
        parts.extend(records.iter().flat_map(|it| [it.key.as_bytes(), &it.body]));
        let digest = digest(&parts);
        match self.format {
            KeyFormat::Text => format!("bulk-{}", hex(&digest.as_ref()[..16])),
            _ => self.written("bulk", &digest),
        }
    }

    fn written(&self, key: &str, digest: &Digest) -> String {
        match self.format {
            KeyFormat::Text => {
                let text = format!("{key}.{}", hex(&digest.as_ref()[..8]));
                if text.len() <= self.chars_max { text } else { self.hash(key, digest) }
            }
            KeyFormat::Hash => self.hash(key, digest),
            KeyFormat::Uuid => uuid(key, digest.as_ref()),
        }
    }

    fn hash(&self, key: &str, of_sent: &Digest) -> String {
        let mut hash = hex(digest(&[key.as_bytes(), of_sent.as_ref()]).as_ref());
        hash.truncate(self.chars_max);
        hash
    }
}

/// Tells a record, as it is sent, from all others.
pub(super) fn fingerprint(record: &Outgoing) -> [u8; 32] {
    let digest = digest(&[record.key.as_bytes(), &record.body, &record.source]);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest.as_ref());
    fingerprint
}

/// A hash of texts, each told from the next.
fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    context.finish()
}

/// The UUID of a name (RFC 9562, section 5.5). Version 5, for it is the one that is made of a name and that all checks
/// know; version 4 is made of chance, which a repeat would not meet again.
fn uuid(key: &str, of_sent: &[u8]) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in [&NAMESPACE, key.as_bytes(), &[0], of_sent] {
        context.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
