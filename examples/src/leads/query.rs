//! A `list_archives` body, read strictly: what is not known is an error.

use jiff::Timestamp;
use serde::Deserialize;

use crate::faults::mix;

/// LiveChat's own default and most.
const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 100;

/// What is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    filters: Option<Filters>,
    limit: Option<usize>,
    sort_order: Option<SortOrder>,
    page_id: Option<String>,
}

/// Of LiveChat's filters, those of time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filters {
    from: Option<String>,
    to: Option<String>,
}

/// `sort_order`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SortOrder {
    /// The oldest first.
    Asc,
    /// The newest first.
    Desc,
}

/// What is asked for, by a first request or by the page id that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArchiveQuery {
    /// In microseconds since 1970, inclusive.
    pub(crate) from_us: i64,
    /// Likewise.
    pub(crate) to_us: i64,
    pub(crate) limit: usize,
    pub(crate) order: SortOrder,
    /// The place between two threads, counted from the oldest, at which the page begins; in
    /// descending order it goes down from there.
    pub(crate) place: Option<u64>,
}

impl ArchiveQuery {
    /// Reads a body; `Err` says what is wrong. `seed` is what page ids are made with.
    pub(crate) fn parse(text: &[u8], seed: u64) -> Result<Self, String> {
        let body: Body = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if let Some(text) = &body.page_id {
            if body.filters.is_some() || body.limit.is_some() || body.sort_order.is_some() {
                return Err(
                    "page_id: `filters`, `limit` and `sort_order` cannot stand with it".into()
                );
            }
            return Self::read_page_id(text, seed)
                .ok_or_else(|| format!("page_id: `{text}` is none"));
        }
        let filters = body.filters.unwrap_or(Filters { from: None, to: None });
        let time = |name: &str, text: Option<String>, default: i64| match text {
            None => Ok(default),
            Some(text) => {
                micros(&text).ok_or_else(|| format!("filters.{name}: `{text}` is no time"))
            }
        };
        let limit = body.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(format!("limit: {limit} is not within 1..={LIMIT_MAX}"));
        }
        Ok(Self {
            from_us: time("from", filters.from, i64::MIN)?,
            to_us: time("to", filters.to, i64::MAX)?,
            limit,
            order: body.sort_order.unwrap_or(SortOrder::Desc),
            place: None,
        })
    }

    /// What stands for the same list from another place on. It says nothing to a client.
    pub(crate) fn page_id(self, place: u64, seed: u64) -> String {
        let order = u64::from(self.order == SortOrder::Asc);
        let parts = [
            self.from_us.cast_unsigned(),
            self.to_us.cast_unsigned(),
            self.limit as u64,
            order,
            place,
        ];
        let mut key = mix(seed);
        let hidden = parts.map(|part| {
            key = mix(key);
            format!("{:016x}", part ^ key)
        });
        format!(
            "{}{:016x}==",
            hidden.concat(),
            parts.iter().fold(seed, |sum, part| mix(sum ^ part))
        )
    }

    fn read_page_id(text: &str, seed: u64) -> Option<Self> {
        let mut key = mix(seed);
        let mut parts = [0; 5];
        for (index, part) in parts.iter_mut().enumerate() {
            key = mix(key);
            *part = u64::from_str_radix(text.get(16 * index..16 * index + 16)?, 16).ok()? ^ key;
        }
        let [from, to, limit, order, place] = parts;
        let query = Self {
            from_us: from.cast_signed(),
            to_us: to.cast_signed(),
            limit: limit as usize,
            order: if order == 1 { SortOrder::Asc } else { SortOrder::Desc },
            place: Some(place),
        };
        (query.page_id(place, seed) == text).then_some(query)
    }
}

/// RFC 3339 with microseconds at the finest. The library reads more than that; LiveChat does not.
fn micros(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let zoned = time.ends_with('Z') || time.get(time.len().checked_sub(6)?..)?.contains(':');
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.+TZ".contains(&byte));
    let moment: Timestamp = (date.len() == 10 && zoned && plain).then(|| text.parse().ok())??;
    (moment.subsec_nanosecond() % 1_000 == 0).then(|| moment.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_to_the_microsecond_and_nothing_else() {
        for text in ["2025-11-28T00:00:00Z", "2025-11-28T01:00:00.123456+01:00"] {
            assert!(micros(text).is_some(), "{text}");
        }
        for text in [
            "2025-11-28",
            "2025-11-28 00:00:00Z",
            "2025-11-28T00:00:00",
            "2025-11-28T01:00:00 01:00",
            "2025-11-28T01:00:00+01:00[Europe/Paris]",
            "2025-11-28T00:00:00.1234567Z",
            "1764288000",
            "T",
            "",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_id_stands_for_the_whole_of_its_first_request() {
        let body = br#"{"filters":{"from":"2025-11-28T00:00:00Z"},"limit":7,"sort_order":"asc"}"#;
        let query = ArchiveQuery::parse(body, 1).unwrap();
        let text = query.page_id(70, 1);
        assert_eq!(
            ArchiveQuery::read_page_id(&text, 1),
            Some(ArchiveQuery { place: Some(70), ..query })
        );
        assert_eq!(ArchiveQuery::read_page_id(&text, 2), None);
        assert_eq!(ArchiveQuery::read_page_id(&text.replacen('=', "0", 1), 1), None);
        assert_eq!(ArchiveQuery::read_page_id("nonsense", 1), None);
    }
}
