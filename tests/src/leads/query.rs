//! An archive request's parameters, read strictly: what is not known is an error.

use jiff::Timestamp;

use crate::faults::mix;

/// LiveChat's own default and most.
const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 100;

/// `GET /v3/archives?…`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ArchiveQuery {
    /// Inclusive.
    pub(crate) from: Option<Timestamp>,
    pub(crate) limit: usize,
    /// The place that the page id stands for.
    pub(crate) place: Option<u64>,
}

impl ArchiveQuery {
    /// Reads the parameters; `Err` says which is wrong. `seed` is what page ids are made with.
    pub(crate) fn parse(text: &str, seed: u64) -> Result<Self, String> {
        let (mut from, mut limit, mut page_id) = (None, None, None);
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let slot = match name.as_ref() {
                "from" => &mut from,
                "limit" => &mut limit,
                "page_id" => &mut page_id,
                _ => return Err(format!("`{name}` is no parameter")),
            };
            if slot.replace(value).is_some() {
                return Err(format!("`{name}` is there twice"));
            }
        }
        let from = from
            .map(|text| rfc3339(&text).ok_or_else(|| format!("from: `{text}` is not RFC 3339")))
            .transpose()?;
        let limit = match limit {
            None => LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| format!("limit: `{text}` is not within 1..={LIMIT_MAX}"))?,
        };
        let place = page_id
            .map(|text| {
                read_page_id(&text, from, seed)
                    .ok_or_else(|| format!("page_id: `{text}` is none, or of another `from`"))
            })
            .transpose()?;
        Ok(Self { from, limit, place })
    }
}

/// A page's id says nothing to a client, is good for one `from` only, and has what must be
/// percent-encoded: a `+` sent as it is arrives as a blank.
pub(crate) fn page_id(place: u64, from: Option<Timestamp>, seed: u64) -> String {
    let key = key(from, seed);
    format!("{:016x}+{:016x}==", place ^ key, mix(mix(place) ^ key))
}

fn read_page_id(text: &str, from: Option<Timestamp>, seed: u64) -> Option<u64> {
    let hidden = u64::from_str_radix(text.get(..16)?, 16).ok()?;
    let place = hidden ^ key(from, seed);
    (page_id(place, from, seed) == text).then_some(place)
}

/// The same moment, however it is written, is the same filter.
fn key(from: Option<Timestamp>, seed: u64) -> u64 {
    let ns = from.map_or(0, |from| 1 + from.as_nanosecond().cast_unsigned());
    mix(seed ^ mix(ns as u64 ^ mix((ns >> 64) as u64)))
}

/// The library reads more than RFC 3339 allows; LiveChat does not.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let zoned = time.ends_with('Z') || time.get(time.len().checked_sub(6)?..)?.contains(':');
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.+TZ".contains(&byte));
    (date.len() == 10 && zoned && plain).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_nothing_else() {
        for text in ["2025-11-28T00:00:00Z", "2025-11-28T01:00:00.123456+01:00"] {
            assert!(rfc3339(text).is_some(), "{text}");
        }
        for text in [
            "2025-11-28",
            "2025-11-28 00:00:00Z",
            "2025-11-28T00:00:00",
            "2025-11-28T01:00:00 01:00",
            "2025-11-28T01:00:00+01:00[Europe/Paris]",
            "1764288000",
            "T",
            "",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_id_is_good_for_its_own_filter_only() {
        let from = rfc3339("2025-11-28T00:00:00Z");
        let text = page_id(70, from, 1);
        assert_eq!(read_page_id(&text, from, 1), Some(70));
        assert_eq!(read_page_id(&text, rfc3339("2025-11-28T01:00:00+01:00"), 1), Some(70));
        assert_eq!(read_page_id(&text, None, 1), None);
        assert_eq!(read_page_id(&text, from, 2), None);
        assert_eq!(read_page_id(&text.replace('+', " "), from, 1), None);
        assert_eq!(read_page_id("nonsense", from, 1), None);
    }
}
