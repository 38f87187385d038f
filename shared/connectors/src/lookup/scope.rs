//! What tells one look-up's answers from another's.

use std::fmt;

use ring::digest::{Context, SHA256};
use tidegate_core::model::StoredKey;

use crate::connection::Connection;

/// How answers are written on the shelf: another number, and none of the old ones is read.
const LAYOUT: &str = "1";

/// A flow's look-up with one connection's values.
pub(super) struct Scope([u8; 32]);

/// Where the answer for one key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place([u8; 32]);

impl Scope {
    /// Takes in whatever may change an answer: the flow, all that its `lookup` says, and all of the
    /// connection's values, so that none finds what others were told, and a changed flow nothing that
    /// it had before. The text of the section holds everything that is ever added to it; should it look
    /// different in another version, nothing is found once.
    pub(super) fn new(flow: &str, lookup: &impl fmt::Debug, connection: &Connection) -> Self {
        let mut digest = Context::new(&SHA256);
        let mut add = |texts: &[&str]| {
            for text in texts {
                // With its length, or two texts could be cut in two ways.
                digest.update(&(text.len() as u64).to_be_bytes());
                digest.update(text.as_bytes());
            }
        };
        add(&[LAYOUT, flow, &format!("{lookup:?}")]);
        connection.params.iter().for_each(|(name, value)| add(&["param", name, value]));
        for (name, secret) in &connection.secrets {
            add(&["secret", name, secret.expose()]);
        }
        Self(finish(digest))
    }

    pub(super) fn place(&self, key: &str) -> Place {
        let mut digest = Context::new(&SHA256);
        digest.update(&self.0);
        digest.update(key.as_bytes());
        Place(finish(digest))
    }
}

impl Place {
    pub(super) fn on_shelf(self) -> StoredKey {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        StoredKey::new("lookup", &hex)
    }
}

fn finish(digest: Context) -> [u8; 32] {
    digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tidegate_core::model::Secret;

    use super::*;

    const FILE: &str = r#"{
        "flow": "prices",
        "params": { "api": { "default": "https://a.example" } },
        "source": { "http": { "url": "https://a.example", "cursor": { "by": "id" }, "pagination": "none" } },
        "lookup": {
            "by": "sku",
            "cache": "5m",
            "http": {
                "url": "${params.api}/p",
                "query": { "sku": "${lookup.keys}" },
                "auth": { "bearer": "${secrets.t}" },
                "key": "sku"
            }
        },
        "transform": { "map": { "price": { "lookup": "price" } } },
        "destination": { "http": { "url": "https://b.example" } }
    }"#;

    fn place(file: &str, params: &[(&str, &str)], secret: &str, key: &str) -> Place {
        let flow = crate::testing::flow(serde_json::from_str(file).unwrap());
        let params = params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let secrets = [("t".to_owned(), Secret::new(secret))].into();
        let connection = Connection { params, secrets }.with_defaults(&flow);
        Scope::new(&flow.name, &flow.sections().lookup, &connection).place(key)
    }

    #[test]
    fn whatever_differs_is_kept_elsewhere() {
        let mut places = HashSet::from([place(FILE, &[], "t", "7")]);
        for (what, with) in [
            (r#""flow": "prices""#, r#""flow": "costs""#),
            (r#""by": "sku""#, r#""by": "id""#),
            (r#""cache": "5m""#, r#""cache": "6m""#),
            ("/p\"", "/q\""),
            (r#""query": { "sku""#, r#""query": { "id""#),
            (r#""key": "sku""#, r#""key": "id""#),
            (r#""key": "sku""#, r#""key": "sku", "records": "data""#),
            (r#""by": "sku""#, r#""ignore_case": true, "by": "sku""#),
        ] {
            assert!(FILE.contains(what));
            let place = place(&FILE.replace(what, with), &[], "t", "7");
            assert!(places.insert(place), "{what} is {with}");
        }
        assert!(places.insert(place(FILE, &[("api", "https://c.example")], "t", "7")));
        assert!(places.insert(place(FILE, &[], "u", "7")));
        assert!(places.insert(place(FILE, &[], "t", "8")));
        assert!(!places.insert(place(FILE, &[("api", "https://a.example")], "t", "7")), "the same");
    }

    #[test]
    fn a_key_of_any_length_has_a_short_name_on_the_shelf() {
        let key = place(FILE, &[], "t", &"x".repeat(5_000)).on_shelf();
        assert_eq!(key.as_str().len(), "lookup/".len() + 64);
    }
}
