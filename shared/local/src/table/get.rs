//! `BatchGetItem` of whole items: read by a statement that stays compiled, and answered as they are kept.
//!
//! dynoxide compiles SQL for each key, and reads each item's JSON to write it again.

use std::collections::{HashMap, HashSet};

use dynoxide::{Result, actions::batch_get_item, storage::Storage};
use serde::Deserialize;

use super::{
    attributes::{Value, kept, key},
    emulator::{TABLE, run},
};

/// DynamoDB's own bound.
const KEYS_MAX: usize = 100;
/// An answer that might be longer than DynamoDB's is left to dynoxide: it leaves some over.
const BYTES_MAX: usize = 16 * 1_024 * 1_024;

const GET: &str = "SELECT item_json FROM tidegate WHERE pk = ?1 AND sk = ?2";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(borrow)]
    request_items: HashMap<&'a str, Keys<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Keys<'a> {
    #[serde(borrow)]
    keys: Vec<Key<'a>>,
    /// Every read is.
    #[serde(default, rename = "ConsistentRead")]
    _consistent_read: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key<'a> {
    #[serde(borrow)]
    pk: Value<'a>,
    #[serde(borrow)]
    sk: Value<'a>,
}

/// Answers a request.
pub fn answer(storage: &Storage, body: &[u8]) -> Result<Vec<u8>> {
    let request = serde_json::from_slice::<Request<'_>>(body).ok();
    if let Some(keys) = request.as_ref().and_then(keys) {
        // One snapshot, and one lock, for all of them.
        storage.conn().execute_batch("BEGIN")?;
        let items = items(storage, &keys);
        storage.commit()?;
        if let Some(answer) = items? {
            return Ok(answer);
        }
    }
    run(body, |request| batch_get_item::execute(storage, request))
}

/// The keys, as they are kept, if there is nothing else to it.
fn keys(request: &Request<'_>) -> Option<Vec<(String, String)>> {
    let keys = &request.request_items.get(TABLE)?.keys;
    let mut seen = HashSet::with_capacity(keys.len());
    let as_kept = |Key { pk, sk }: &Key<'_>| {
        let (pk, sk) = key(pk, sk)?;
        let as_kept = (kept(pk), kept(sk));
        seen.insert(as_kept.clone()).then_some(as_kept)
    };
    let may_be = request.request_items.len() == 1 && (1..=KEYS_MAX).contains(&keys.len());
    may_be.then(|| keys.iter().map(as_kept).collect()).flatten()
}

/// The answer with those of the items that there are; `None` where it may be too long.
fn items(storage: &Storage, keys: &[(String, String)]) -> Result<Option<Vec<u8>>> {
    let mut get = storage.conn().prepare_cached(GET)?;
    let mut answer = br#"{"Responses":{"tidegate":["#.to_vec();
    let mut first = true;
    for (pk, sk) in keys {
        let mut rows = get.query((pk, sk))?;
        let Some(row) = rows.next()? else { continue };
        if !std::mem::take(&mut first) {
            answer.push(b',');
        }
        let json: String = row.get(0)?;
        answer.extend_from_slice(json.as_bytes());
        if answer.len() > BYTES_MAX {
            return Ok(None);
        }
    }
    answer.extend_from_slice(br#"]},"UnprocessedKeys":{}}"#);
    Ok(Some(answer))
}
