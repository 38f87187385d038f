//! What an answer tells of the list beside its records: where it goes on, and how long it is.

use reqwest::header::{HeaderMap, LINK};

use super::link::next_link;
use crate::{
    json::{Picker, Picks, Scalar, fault},
    value::{HeaderName, RecordPath},
};

/// Where an answer tells of the list, as the flow says.
#[derive(Debug, Default)]
pub(crate) struct ToldPlaces<'s> {
    /// The next page's token or address in the body.
    pub(crate) next: Option<&'s RecordPath>,
    /// The header that carries it instead.
    pub(crate) next_header: Option<&'s HeaderName>,
    /// Whether it is the target of a `Link` header.
    pub(crate) link: bool,
    /// Whether there are more records.
    pub(crate) more: Option<&'s RecordPath>,
    /// How many records there are.
    pub(crate) total: Option<&'s RecordPath>,
    /// How many pages there are.
    pub(crate) pages: Option<&'s RecordPath>,
}

/// Reads what a style of pagination goes by.
pub(super) struct ToldReader {
    picker: Picker,
    next: Option<NextPlace>,
    /// Whether there is a next page, where an answer says so beside its token.
    has_next: Option<usize>,
    more: Option<usize>,
    total: Option<usize>,
    pages: Option<usize>,
}

/// Where the next page's token or address stands.
enum NextPlace {
    Body {
        slot: usize,
        /// What holds it, where it is not the body itself.
        parent: Option<usize>,
        path: String,
    },
    Header(reqwest::header::HeaderName),
    Link,
}

/// What an answer tells of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The next page's token or address.
    pub(crate) next: Option<String>,
    /// Whether that is a number, and not a text.
    pub(crate) next_is_number: bool,
    /// Whether the answer has the place where that would stand, or what would hold it.
    pub(crate) has_place: bool,
    /// Whether it has that place itself, be it empty.
    pub(crate) has_key: bool,
    /// Whether there are more records behind this page.
    pub(crate) more: Option<bool>,
    /// How many records the list has.
    pub(crate) total: Option<u64>,
    /// How many pages the list has.
    pub(crate) pages: Option<u64>,
}

impl ToldReader {
    pub(super) fn new(places: &ToldPlaces<'_>) -> Self {
        let mut picker = Picker::new();
        let next = match places {
            ToldPlaces { link: true, .. } => Some(NextPlace::Link),
            ToldPlaces { next_header: Some(name), .. } => Some(NextPlace::Header(name.0.clone())),
            ToldPlaces { next: Some(path), .. } => {
                let above = holder(&path.keys);
                Some(NextPlace::Body {
                    slot: picker.add(&path.keys),
                    parent: (!above.is_empty()).then(|| picker.add(above)),
                    path: shown(&path.keys),
                })
            }
            _ => None,
        };
        let mut slot = |path: Option<&RecordPath>| path.map(|path| picker.add(&path.keys));
        let (more, total, pages) = (slot(places.more), slot(places.total), slot(places.pages));
        let has_next = places.next.and_then(|path| {
            let (_, beside) = path.keys.split_last()?;
            Some(picker.add(&[beside, &["hasNextPage".to_owned()]].concat()))
        });
        Self { next, has_next, more, total, pages, picker }
    }

    /// Whether the list goes on only where an answer names the next page.
    pub(super) fn follows(&self) -> bool {
        self.next.is_some()
    }

    /// Where an answer names the next page, for a sentence.
    pub(super) fn next_place(&self) -> String {
        match &self.next {
            Some(NextPlace::Body { path, .. }) => format!("`{path}` in the body"),
            Some(NextPlace::Header(name)) => format!("the header `{name}`"),
            Some(NextPlace::Link) => "a `Link` header with rel=\"next\"".to_owned(),
            None => String::new(),
        }
    }

    /// Reads an answer. A body that is empty tells nothing.
    ///
    /// # Errors
    /// What stands where the next page is named, and cannot be read.
    pub(super) fn read(&self, body: &[u8], headers: &HeaderMap) -> Result<Told, String> {
        let mut told = Told::default();
        if !self.picker.is_empty() && !body.trim_ascii().is_empty() {
            let picks = self.picker.pick(body).map_err(|error| fault(&error, body))?;
            told.more = self.more.and_then(|slot| says_more(&picks, slot));
            // Beside the token of a GraphQL connection stands `hasNextPage`.
            if self.has_next.is_some_and(|slot| picks.json(slot) == Some(b"false")) {
                told.more = Some(false);
            }
            let count = |slot: Option<usize>| picks.text(slot?)?.trim().parse::<u64>().ok();
            (told.total, told.pages) = (count(self.total), count(self.pages));
            if let Some(NextPlace::Body { slot, parent, path }) = &self.next {
                told.has_key = picks.is_null(*slot) || picks.json(*slot).is_some();
                told.has_place =
                    told.has_key || parent.is_some_and(|parent| picks.json(parent).is_some());
                let is_number = |json| matches!(Scalar::read(json), Some(Scalar::Number(_)));
                told.next_is_number = picks.json(*slot).is_some_and(is_number);
                told.next = named(&picks, *slot).map_err(|what| {
                    format!("what stands at `{path}` is {what}, and names no page")
                })?;
            }
        }
        match &self.next {
            Some(NextPlace::Header(name)) => {
                told.has_key = headers.contains_key(name);
                let text = headers.get(name).map(|value| text(value.as_bytes()));
                told.next = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            }
            Some(NextPlace::Link) => {
                let links: Vec<String> =
                    headers.get_all(LINK).iter().map(|value| text(value.as_bytes())).collect();
                told.has_key = !links.is_empty();
                told.next = next_link(&links)?;
            }
            _ => {}
        }
        told.has_place |= told.has_key;
        Ok(told)
    }
}

/// The path to what holds a place: an object, or a list of which one item is picked.
fn holder(keys: &[String]) -> &[String] {
    let mut above = &keys[..keys.len().saturating_sub(1)];
    while let [before @ .., last] = above
        && last.starts_with('[')
    {
        above = before;
    }
    above
}

/// A path as a flow file writes it.
fn shown(keys: &[String]) -> String {
    keys.join(".").replace(".[", "[")
}

/// The token or address in a slot: none where it is absent, null, empty or false.
fn named(picks: &Picks<'_>, slot: usize) -> Result<Option<String>, &'static str> {
    let Some(json) = picks.json(slot) else { return Ok(None) };
    match Scalar::read(json) {
        Some(Scalar::Bool(false)) => Ok(None),
        Some(Scalar::Bool(true)) => Err("`true`"),
        Some(scalar) => {
            Ok(Some(scalar.into_text().into_owned()).filter(|text| !text.trim().is_empty()))
        }
        None if is_empty(json) => Ok(None),
        None => Err(match json.first() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            _ => "no text",
        }),
    }
}

/// What a slot says of whether there is more; `None` where it is absent.
fn says_more(picks: &Picks<'_>, slot: usize) -> Option<bool> {
    if picks.is_null(slot) {
        return Some(false);
    }
    let json = picks.json(slot)?;
    Some(match Scalar::read(json) {
        Some(Scalar::Bool(more)) => more,
        Some(scalar) => {
            let text = scalar.into_text().trim().to_ascii_lowercase();
            !matches!(&*text, "" | "0" | "false" | "no" | "n" | "none" | "null")
        }
        None => !is_empty(json),
    })
}

/// Whether a JSON text is an object or a list with nothing in it.
fn is_empty(json: &[u8]) -> bool {
    let within = |open: &[u8], close: &[u8]| {
        json.strip_prefix(open).and_then(|rest| rest.strip_suffix(close))
    };
    within(b"{", b"}").or(within(b"[", b"]")).is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// A header's value, whatever its bytes: those beyond ASCII as a URL writes them.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte.is_ascii() {
            true => text.push(char::from(*byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::section;

    fn path(text: &str) -> RecordPath {
        section(text.into())
    }

    fn read(places: &ToldPlaces<'_>, body: &str) -> Result<Told, String> {
        ToldReader::new(places).read(body.as_bytes(), &HeaderMap::new())
    }

    #[test]
    fn no_token_is_absent_null_empty_or_false_and_an_unreadable_one_is_named() {
        let path = path("page.next");
        let places = ToldPlaces { next: Some(&path), ..ToldPlaces::default() };
        let next = |body: &str| read(&places, body).map(|told| told.next);
        for body in [
            r"{}",
            r#"{"page":{"next":null}}"#,
            r#"{"page":{"next":""}}"#,
            r#"{"page":{"next":false}}"#,
            r#"{"page":{"next":{ }}}"#,
            r#"{"page":{"next":[]}}"#,
            "",
        ] {
            assert_eq!(next(body), Ok(None), "{body}");
        }
        assert_eq!(next(r#"{"page":{"next":12}}"#), Ok(Some("12".into())));
        for (body, what) in [
            (r#"{"page":{"next":true}}"#, "`true`"),
            (r#"{"page":{"next":{"href":"/x"}}}"#, "an object"),
            (r#"{"page":{"next":["/x"]}}"#, "a list"),
        ] {
            let said = format!("what stands at `page.next` is {what}, and names no page");
            assert_eq!(next(body), Err(said), "{body}");
        }
    }

    #[test]
    fn a_connections_last_page_says_so_though_a_token_stands_there() {
        let path = path("d.pageInfo.endCursor");
        let places = ToldPlaces { next: Some(&path), ..ToldPlaces::default() };
        for (info, more) in [
            (r#"{"hasNextPage":true,"endCursor":"c"}"#, None),
            (r#"{"endCursor":"c","hasNextPage":false}"#, Some(false)),
            (r#"{"hasNextPage":false,"endCursor":"c"}"#, Some(false)),
            (r#"{"endCursor":"c","hasNextPage":null}"#, None),
        ] {
            let told =
                read(&places, &format!(r#"{{"d":{{"pageInfo":{info},"nodes":[]}}}}"#)).unwrap();
            assert_eq!((told.more, told.next.as_deref()), (more, Some("c")), "{info}");
        }
    }

    #[test]
    fn a_link_is_found_in_a_list_by_its_relation() {
        let path = path("links[rel=next].href");
        let places = ToldPlaces { next: Some(&path), ..ToldPlaces::default() };
        let body = r#"{"links":[{"rel":"self","href":"/1"},{"rel":"next","href":"/2"}]}"#;
        assert_eq!(read(&places, body).unwrap().next.as_deref(), Some("/2"));
        let last = read(&places, r#"{"links":[{"rel":"self","href":"/1"}]}"#).unwrap();
        assert_eq!((last.next, last.has_place), (None, true));
        assert!(!read(&places, r#"{"link":[]}"#).unwrap().has_place);
        assert_eq!(ToldReader::new(&places).next_place(), "`links[rel=next].href` in the body");
    }

    #[test]
    fn what_a_body_says_of_more_of_pages_and_of_a_total() {
        let (more, total, pages) = (path("more"), path("meta.total"), path("meta.pages"));
        let places = ToldPlaces {
            more: Some(&more),
            total: Some(&total),
            pages: Some(&pages),
            ..ToldPlaces::default()
        };
        let told = read(&places, r#"{"more":1,"meta":{"total":"12","pages":3}}"#).unwrap();
        assert_eq!((told.more, told.total, told.pages), (Some(true), Some(12), Some(3)));
        for (more, said) in [
            ("null", false),
            ("\"N\"", false),
            ("\"0\"", false),
            ("[]", false),
            ("\"/next\"", true),
            ("{\"a\":1}", true),
        ] {
            let told = read(&places, &format!("{{\"more\":{more}}}")).unwrap();
            assert_eq!(told.more, Some(said), "{more}");
        }
        assert_eq!(read(&places, "{}").unwrap(), Told::default());
    }

    #[test]
    fn a_header_is_read_as_bytes() {
        let name: HeaderName = section("X-Next".into());
        let places = ToldPlaces { next_header: Some(&name), ..ToldPlaces::default() };
        let reader = ToldReader::new(&places);
        let mut headers = HeaderMap::new();
        headers.insert("x-next", HeaderValue::from_bytes(b" caf\xe9 ").unwrap());
        assert_eq!(reader.read(b"[]", &headers).unwrap().next.as_deref(), Some("caf%E9"));
        headers.insert("x-next", HeaderValue::from_static(""));
        let told = reader.read(b"[]", &headers).unwrap();
        assert_eq!((told.next, told.has_place), (None, true));
    }
}
