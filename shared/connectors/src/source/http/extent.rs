//! Whether an answer is all of a list, or the first page of it: what the answer itself says.
//!
//! Asked where the flow knows of no further page: it says `pagination: none`, or the place of the next
//! page never came. APIs have no common word for it, so the usual ones are looked for, beside the
//! records and some objects deep.

use jiter::{Jiter, JiterError, Peek};
use reqwest::header::HeaderMap;

use super::{link::next_link, told};
use crate::json::Scalar;

/// Objects within objects that are looked into.
const DEPTH_MAX: usize = 3;
/// Page sizes that APIs have by default or at most, beside thousands. An answer with just so many
/// records may be a page.
const USUAL_PAGE_SIZES: [usize; 10] = [10, 15, 20, 25, 30, 50, 100, 200, 250, 500];

/// What an answer says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    /// There is more: by what, for a sentence.
    Part(String),
    /// There is no more.
    Whole,
    /// It says nothing.
    Unknown,
}

/// Whether a page has as many records as an API may give at most. One that has given more on a page, the
/// `largest`, was not cut at fewer.
pub(super) fn is_full(count: usize, page_size: u32, largest: usize) -> bool {
    let is_usual = USUAL_PAGE_SIZES.contains(&count) || (count > 0 && count.is_multiple_of(1_000));
    count >= page_size as usize || is_usual && count >= largest
}

/// What an answer with so many records says of the rest of its list.
pub(super) fn extent(body: &[u8], headers: &HeaderMap, count: usize) -> Extent {
    let mut found = Found { count: count as u64, more: None, part: None, is_whole: false };
    found.look_at_headers(headers);
    let mut json = Jiter::new(body);
    // It was read before, so that a fault in it is none here.
    let _ = found.look_into(&mut json, "", 0);
    match (found.more, found.part) {
        // Some APIs give a cursor or a link at the end, too, and say beside it that nothing is there.
        (Some(false), _) => Extent::Whole,
        (_, Some(said)) => Extent::Part(said),
        (_, None) if found.is_whole => Extent::Whole,
        (_, None) => Extent::Unknown,
    }
}

/// What an answer says of further pages, be it one of many: by what, for a sentence.
pub(super) fn names_more(body: &[u8], headers: &HeaderMap) -> Option<String> {
    match extent(body, headers, usize::MAX) {
        Extent::Part(said) => Some(said),
        Extent::Whole | Extent::Unknown => None,
    }
}

/// What was found so far.
struct Found {
    /// Records in the answer; [`u64::MAX`] where it is one page of many, so that no number of them
    /// says anything.
    count: u64,
    /// Whether there is more, where it says just that.
    more: Option<bool>,
    part: Option<String>,
    is_whole: bool,
}

/// What a key may say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Whether there is more.
    More,
    /// Whether this is the last page.
    Last,
    /// The next page, where there is one.
    Next,
    /// How many records there are.
    Total,
    /// Perhaps that, and perhaps how many are in the answer.
    Count,
    /// How many pages there are.
    Pages,
}

impl Found {
    fn look_at_headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            let value = told::text(value.as_bytes());
            match name.as_str() {
                "link" if !matches!(next_link(std::slice::from_ref(&value)), Ok(None)) => {
                    self.note("the header `Link` names a next page".into());
                }
                "x-next-page" | "x-next-cursor" if !value.trim().is_empty() => {
                    self.note(format!("the header `{name}` names a next page"));
                }
                "x-total-count" | "x-total" | "x-wp-total" | "total-count" | "x-total-results" => {
                    self.compare_total(value.trim(), name.as_str());
                }
                // `items 0-24/66`
                "content-range" => {
                    let total = value.rsplit('/').next().unwrap_or_default();
                    self.compare_total(total.trim(), "content-range");
                }
                _ => {}
            }
        }
    }

    fn compare_total(&mut self, total: &str, place: &str) {
        match total.parse::<u64>() {
            Ok(total) if total > self.count => {
                self.note(format!("`{place}` is {total}, and {} came", self.count));
            }
            Ok(total) if total == self.count => self.is_whole = true,
            _ => {}
        }
    }

    fn note(&mut self, said: String) {
        self.part.get_or_insert(said);
    }

    /// Looks into the value that comes next. `path` is its place.
    fn look_into(
        &mut self,
        json: &mut Jiter<'_>,
        path: &str,
        depth: usize,
    ) -> Result<(), JiterError> {
        let peek = json.peek()?;
        if peek != Peek::Object || depth == DEPTH_MAX {
            return json.known_skip(peek);
        }
        let mut key = json.known_object()?;
        while let Some(name) = key {
            let place = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let (word, is_links) = (word(name), name.to_ascii_lowercase().ends_with("links"));
            let peek = json.peek()?;
            let start = json.current_index();
            match peek {
                Peek::Object if word != Some(Word::Next) => {
                    self.look_into(json, &place, depth + 1)?;
                }
                Peek::Array if is_links => {
                    json.known_skip(peek)?;
                    self.look_at_links(json.slice_to_current(start), &place);
                }
                _ => {
                    json.known_skip(peek)?;
                    if let Some(word) = word {
                        self.take(word, json.slice_to_current(start), &place);
                    }
                }
            }
            key = json.next_key()?;
        }
        Ok(())
    }

    fn take(&mut self, word: Word, json: &[u8], place: &str) {
        let scalar = Scalar::read(json);
        let is_true = scalar == Some(Scalar::Bool(true));
        let is_false = scalar == Some(Scalar::Bool(false));
        let text = scalar.map(Scalar::into_text).unwrap_or_default();
        let text = text.trim();
        match word {
            Word::More | Word::Last if is_true || is_false => {
                let more = is_true == (word == Word::More);
                self.more = Some(more || self.more == Some(true));
                if more {
                    self.note(format!("`{place}` is {is_true}"));
                }
            }
            Word::Next => {
                let is_object = json.first() == Some(&b'{');
                if is_object && holds_text(json) || !matches!(text, "" | "0" | "-1" | "false") {
                    self.note(format!("`{place}` names a next page"));
                }
            }
            Word::Total => self.compare_total(text, place),
            Word::Count if text.parse::<u64>().is_ok_and(|count| count > self.count) => {
                self.compare_total(text, place);
            }
            Word::Pages => match text.parse::<u64>() {
                Ok(pages) if pages > 1 && self.count < u64::MAX => {
                    self.note(format!("`{place}` is {pages}"));
                }
                Ok(1) => self.is_whole = true,
                _ => {}
            },
            _ => {}
        }
    }

    /// A list of links, each with its relation.
    fn look_at_links(&mut self, json: &[u8], place: &str) {
        let links: Vec<serde_json::Value> = serde_json::from_slice(json).unwrap_or_default();
        if links.iter().any(|link| link["rel"] == "next") {
            self.note(format!("`{place}` names a next page"));
        }
    }
}

/// Whether an object has something but null and nothing in it: `{"after":"7"}`.
fn holds_text(json: &[u8]) -> bool {
    let fields: serde_json::Map<_, _> = serde_json::from_slice(json).unwrap_or_default();
    fields.values().any(|value| match value {
        serde_json::Value::String(text) => !text.is_empty(),
        value => value.is_number() || value.is_object(),
    })
}

/// What a key says, however it is written: `has_more`, `hasMore`, `@odata.nextLink`.
fn word(key: &str) -> Option<Word> {
    let key = key.rsplit('.').next().unwrap_or_default();
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match key.to_ascii_lowercase().as_str() {
        "hasmore"
        | "more"
        | "hasnext"
        | "hasnextpage"
        | "moreresults"
        | "moreresult"
        | "hasmoreresults"
        | "hasmoreitems"
        | "moreresultsavailable"
        | "moreavailable"
        | "istruncated"
        | "truncated" => Word::More,
        "islast" | "islastpage" | "last" | "done" => Word::Last,
        "next" | "nextpage" | "nextlink" | "nexturl" | "nexturi" | "nexthref" | "nextpageurl"
        | "nextpagelink" | "nextpagetoken" | "nexttoken" | "nextcursor" | "nextpagecursor"
        | "nextoffset" | "nextmarker" | "nextrecordsurl" | "continuation" | "continuationtoken" => {
            Word::Next
        }
        "total" | "totalcount" | "totalresults" | "totalrecords" | "totalitems"
        | "totalelements" | "totalhits" | "numfound" | "recordstotal" | "totalsize"
        | "totalrows" => Word::Total,
        "count" => Word::Count,
        "totalpages" | "pagecount" | "numpages" | "pagestotal" | "lastpage" => Word::Pages,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn of(body: &str) -> Extent {
        extent(body.as_bytes(), &HeaderMap::new(), 2)
    }

    #[test]
    fn an_answer_that_says_that_there_is_more_is_a_part() {
        for body in [
            r#"{"data":[1,2],"has_more":true}"#,
            r#"{"data":[1,2],"hasNextPage":true}"#,
            r#"{"meta":{"page":{"isLast":false}},"data":[1,2]}"#,
            r#"{"@odata.nextLink":"https://x","value":[1,2]}"#,
            r#"{"_links":{"next":{"href":"/2"}},"data":[1,2]}"#,
            r#"{"links":[{"rel":"self"},{"rel":"next","href":"/2"}]}"#,
            r#"{"paging":{"next":{"after":"7"}}}"#,
            r#"{"next_page":2}"#,
            r#"{"total":"3"}"#,
            r#"{"count":400,"results":[1,2]}"#,
            r#"{"total_pages":2}"#,
            r#"{"done":false,"nextRecordsUrl":"/q"}"#,
        ] {
            assert!(matches!(of(body), Extent::Part(_)), "{body}");
        }
        assert_eq!(of(r#"{"d":{"has_more":true}}"#), Extent::Part("`d.has_more` is true".into()));
    }

    #[test]
    fn an_answer_that_says_that_it_is_all_is_whole_and_others_say_nothing() {
        for body in [
            r#"{"data":[1,2],"has_more":false,"next":null}"#,
            r#"{"meta":{"total":2}}"#,
            r#"{"last":true}"#,
            r#"{"totalPages":1}"#,
            r#"{"next_cursor":"x","has_more":false}"#,
            r#"{"next":{"after":null},"total":2}"#,
        ] {
            assert_eq!(of(body), Extent::Whole, "{body}");
        }
        for body in [
            r#"{"data":[{"next":1,"total":9},{"has_more":true}]}"#,
            r#"{"next":"","cursor":"x","count":2,"total":12.5}"#,
            r#"{"a":{"b":{"c":{"has_more":true}}}}"#,
            r"[1,2]",
            "",
        ] {
            assert_eq!(of(body), Extent::Unknown, "{body}");
        }
    }

    #[test]
    fn of_one_page_of_many_only_what_speaks_of_the_next_one_counts() {
        let names = |body: &str| names_more(body.as_bytes(), &HeaderMap::new());
        assert_eq!(names(r#"{"total":9,"total_pages":3,"count":9}"#), None);
        assert_eq!(names(r#"{"last":false}"#).as_deref(), Some("`last` is false"));
    }

    #[test]
    fn headers_say_it_too() {
        for (name, value, is_part) in [
            ("link", "<https://a/2>; rel=\"next\"", true),
            ("link", "<https://a/1>; rel=\"prev\"", false),
            ("x-total-count", "3", true),
            ("content-range", "items 0-1/66", true),
            ("content-range", "items 0-1/*", false),
            ("x-next-page", "", false),
        ] {
            let headers: HeaderMap =
                [(name.parse().unwrap(), HeaderValue::from_static(value))].into_iter().collect();
            let said = extent(b"[1,2]", &headers, 2);
            assert_eq!(matches!(said, Extent::Part(_)), is_part, "{name}: {value}");
        }
    }

    #[test]
    fn a_page_is_full_at_its_size_and_at_usual_sizes() {
        for (count, is) in [
            (0, false),
            (7, false),
            (10, true),
            (99, false),
            (100, true),
            (137, false),
            (3_000, true),
        ] {
            assert_eq!(is_full(count, 500, count), is, "{count}");
        }
        assert!(is_full(137, 137, 137));
        assert!(!is_full(100, 500, 137), "a page of 137 came");
        assert!(is_full(500, 500, 700));
    }
}
