//! One response body, split into records in a single pass.

use std::ops::Range;

use bytes::Bytes;
use jiter::{Jiter, JiterError, Peek};
use tidegate_core::model::Mark;

use super::cursor::{Cursor, TimeFormat};
use crate::{
    json::{Picker, Picks, Scalar, fault},
    source::ids::record_id,
};

/// Where things stand in a response.
pub(super) struct PageShape {
    records: Vec<String>,
    /// The next page's token or address, where the body has it.
    next: Option<Vec<String>>,
    keys: KeyPaths,
}

/// Where a record's key stands.
struct KeyPaths {
    picker: Picker,
    id: usize,
    /// The cursor's timestamp.
    at: Option<usize>,
    /// The timestamp that only bounds the walk.
    time: Option<usize>,
    format: TimeFormat,
    id_path: String,
    at_path: String,
}

/// A record with its key read.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its place in the order.
    pub(super) mark: Mark,
    /// When it changed, in ns, where the source says so.
    pub(super) changed_ns: Option<i64>,
    /// Its JSON.
    pub(super) data: Bytes,
    /// Records without a readable key that stand before it.
    pub(super) unkeyed: Vec<Bytes>,
}

/// A response's records.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Those with a readable key, in the source's order.
    pub(super) rows: Vec<Row>,
    /// Records without a readable key after the last row.
    pub(super) trailing: Vec<Bytes>,
    /// All of them.
    pub(super) count: usize,
    /// The next page's token or address; `None` where there is none.
    pub(super) next: Option<String>,
    /// Whether that is a number, and not a text.
    pub(super) next_is_number: bool,
    /// Null stands in the place of the list.
    pub(super) is_null: bool,
    /// Where the list stands in the body.
    pub(super) list: Range<usize>,
    /// Beside the token stands `hasNextPage: false`, as in a GraphQL connection: the token is of no use.
    is_last: bool,
    /// The first record without a readable key: its index, and what is missing.
    unreadable: Option<(usize, String)>,
    found: bool,
}

/// Why a body is no page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PageFault {
    /// It is no JSON at all: cut short, or an error page.
    NotJson(String),
    /// It is JSON without a list of records where the flow says.
    NoList {
        /// What is wrong, and what to do.
        message: String,
        /// Nothing at all stands there.
        is_absent: bool,
    },
    /// It is JSON of another shape than the flow says.
    Shape(String),
}

/// One record of a page, for telling whether two pages meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edge {
    /// By its key.
    Row(Mark),
    /// By its text, for want of a key.
    Unkeyed(Bytes),
}

impl Page {
    /// The first record.
    pub(super) fn first(&self) -> Option<Edge> {
        let row = self.rows.first();
        let unkeyed = row.map_or(&self.trailing, |row| &row.unkeyed).first().cloned();
        unkeyed.map(Edge::Unkeyed).or_else(|| Some(Edge::Row(row?.mark.clone())))
    }

    /// The last record.
    pub(super) fn last(&self) -> Option<Edge> {
        let unkeyed = self.trailing.last().cloned().map(Edge::Unkeyed);
        unkeyed.or_else(|| Some(Edge::Row(self.rows.last()?.mark.clone())))
    }

    /// Takes the first record out.
    pub(super) fn drop_first(&mut self) {
        match self.rows.first_mut() {
            Some(row) if row.unkeyed.is_empty() => drop(self.rows.remove(0)),
            Some(row) => drop(row.unkeyed.remove(0)),
            None if self.trailing.is_empty() => {}
            None => drop(self.trailing.remove(0)),
        }
    }
}

impl PageShape {
    pub(super) fn new(
        records: &[String],
        id: &[String],
        cursor: &Cursor,
        next: Option<&[String]>,
    ) -> Self {
        let mut picker = Picker::new();
        let at = cursor.field();
        let keys = KeyPaths {
            id: picker.add(id),
            at: at.map(|path| picker.add(path)),
            time: cursor.time().map(|path| picker.add(path)),
            format: cursor.format(),
            id_path: id.join("."),
            at_path: at.map(|path| path.join(".")).unwrap_or_default(),
            picker,
        };
        Self { records: records.to_vec(), next: next.map(<[String]>::to_vec), keys }
    }

    /// Where the list of records stands in a body.
    pub(super) fn records(&self) -> String {
        self.records.join(".")
    }

    /// Splits a body. A few records without a readable key do not stop the rest: they are given with
    /// the next one that has a key. If they are more than half, the flow file looks for the key in the
    /// wrong place.
    pub(super) fn parse(&self, body: &Bytes) -> Result<Page, PageFault> {
        if let Err(error) = std::str::from_utf8(body) {
            let at = error.valid_up_to();
            return Err(PageFault::Shape(format!("the body is not UTF-8 at byte {at}")));
        }
        let mut page = Page::default();
        let mut json = Jiter::new(body);
        self.scan(&mut json, body, Some(&self.records), self.next.as_deref(), &mut page)?;
        json.finish().map_err(|error| not_json(&error, body))?;
        if !page.found {
            let message = format!(
                "the body has nothing at `{}`: set source.http.records to where the array stands",
                self.records()
            );
            return Err(PageFault::NoList { message, is_absent: true });
        }
        if page.is_last {
            page.next = None;
        }
        if let Some((index, missing)) = &page.unreadable {
            let unreadable = page.count - page.rows.len();
            if unreadable * 2 > page.count {
                return Err(PageFault::Shape(format!(
                    "{unreadable} of {} records have no readable key; the first is record {index}, \
                     which {missing}",
                    page.count
                )));
            }
            tracing::warn!(index, missing, unreadable, "some records have no readable key");
        }
        Ok(page)
    }

    fn scan<'b>(
        &self,
        json: &mut Jiter<'b>,
        body: &'b Bytes,
        records: Option<&[String]>,
        next: Option<&[String]>,
        page: &mut Page,
    ) -> Result<(), PageFault> {
        let broken = |error: JiterError| not_json(&error, body);
        let peek = json.peek().map_err(broken)?;
        if records.is_some_and(<[String]>::is_empty) {
            return self.split(json, body, peek, page);
        }
        if next.is_some_and(<[String]>::is_empty) {
            let start = json.current_index();
            json.known_skip(peek).map_err(broken)?;
            let next = Scalar::read(json.slice_to_current(start));
            page.next_is_number = matches!(next, Some(Scalar::Number(_)));
            page.next = match next {
                Some(Scalar::Bool(_)) | None => None,
                Some(scalar) => {
                    Some(scalar.into_text().into_owned()).filter(|text| !text.is_empty())
                }
            };
            return Ok(());
        }
        if peek != Peek::Object || (records.is_none() && next.is_none()) {
            return json.known_skip(peek).map_err(broken);
        }
        let mut key = json.known_object().map_err(broken)?;
        while let Some(name) = key {
            let is_beside_next = next.is_some_and(|path| path.len() == 1);
            if is_beside_next && name == "hasNextPage" {
                let peek = json.peek().map_err(broken)?;
                page.is_last = peek == Peek::False;
                json.known_skip(peek).map_err(broken)?;
                key = json.next_key().map_err(broken)?;
                continue;
            }
            let under = |path: Option<&'_ [String]>| -> bool {
                path.and_then(<[String]>::first).is_some_and(|segment| segment == name)
            };
            let records = records.filter(|path| under(Some(path))).map(|path| &path[1..]);
            let next = next.filter(|path| under(Some(path))).map(|path| &path[1..]);
            self.scan(json, body, records, next, page)?;
            key = json.next_key().map_err(broken)?;
        }
        Ok(())
    }

    /// Reads the array of records.
    fn split<'b>(
        &self,
        json: &mut Jiter<'b>,
        body: &'b Bytes,
        peek: Peek,
        page: &mut Page,
    ) -> Result<(), PageFault> {
        let broken = |error: JiterError| not_json(&error, body);
        let start = json.current_index();
        // A key may stand twice: the last one counts.
        *page = Page {
            found: true,
            next: page.next.take(),
            next_is_number: page.next_is_number,
            is_last: page.is_last,
            ..Page::default()
        };
        let mut element = match peek {
            Peek::Array => json.known_array().map_err(broken)?,
            Peek::Null => {
                page.is_null = true;
                return json.known_null().map_err(broken);
            }
            _ => {
                let message = format!("what stands at `{}` is no array of records", self.records());
                return Err(PageFault::NoList { message, is_absent: false });
            }
        };
        let mut unkeyed = Vec::new();
        let mut picks = self.keys.picker.picks(body);
        while element.is_some() {
            let start = json.current_index();
            self.keys.picker.pick_next(json, &mut picks).map_err(broken)?;
            let data = body.slice(start..json.current_index());
            match self.keys.read(&picks) {
                Ok((mark, changed_ns)) => {
                    let unkeyed = std::mem::take(&mut unkeyed);
                    page.rows.push(Row { mark, changed_ns, data, unkeyed });
                }
                Err(missing) => {
                    page.unreadable.get_or_insert((page.count, missing));
                    unkeyed.push(data);
                }
            }
            page.count += 1;
            element = json.array_step().map_err(broken)?;
        }
        page.trailing = unkeyed;
        page.list = start..json.current_index();
        Ok(())
    }
}

impl KeyPaths {
    /// A record's mark and when it changed, or what is missing of its key.
    fn read(&self, picks: &Picks<'_>) -> Result<(Mark, Option<i64>), String> {
        let value = |slot: usize| picks.json(slot);
        let id = value(self.id).and_then(record_id);
        let id = id.ok_or_else(|| format!("has no id at `{}`", self.id_path))?;
        let at = match self.at {
            None => None,
            Some(slot) => {
                let at = value(slot).and_then(|json| self.format.read(json));
                let missing =
                    || format!("has no {} timestamp at `{}`", self.format.name(), self.at_path);
                Some(at.ok_or_else(missing)?)
            }
        };
        let time = self.time.and_then(value).and_then(|json| self.format.read(json));
        let changed_ns = at.as_ref().or(time.as_ref()).map(|moment| moment.ns);
        Ok((Mark { at, id }, changed_ns))
    }
}

fn not_json(error: &JiterError, body: &[u8]) -> PageFault {
    PageFault::NotJson(fault(error, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_core::model::RecordId;

    use super::*;
    use crate::testing::section;

    fn path(text: &str) -> Vec<String> {
        text.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn shape(records: &str, by: &str, next: Option<&str>) -> PageShape {
        let cursor = section(json!({ "by": by, "field": "meta.updated", "format": "epoch_ms" }));
        PageShape::new(&path(records), &path("id"), &cursor, next.map(path).as_deref())
    }

    fn parse(shape: &PageShape, body: &str) -> Result<Page, PageFault> {
        shape.parse(&Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn records_are_slices_of_the_body_with_their_keys() {
        let shape = shape("data.items", "timestamp_id", Some("paging.next.after"));
        let body = r#"{"paging":{"next":{"after":"t2"}},"data":{"n":2,"items":[
            {"meta":{"updated":5},"id":7} , {"id":"a\u0062","meta":{"x":[],"updated":"6"}}]}}"#;
        let page = parse(&shape, body).unwrap();
        assert_eq!(page.next.as_deref(), Some("t2"));
        assert_eq!(page.rows.len(), 2);
        assert_eq!(&page.rows[0].data[..], br#"{"meta":{"updated":5},"id":7}"#);
        assert_eq!(page.rows[0].mark.id, RecordId::Number(7));
        assert_eq!(page.rows[0].changed_ns, Some(5_000_000));
        assert_eq!(page.rows[1].mark.id, RecordId::Text("ab".into()));
    }

    #[test]
    fn the_body_itself_may_be_the_array_and_null_is_told_from_an_empty_one() {
        let plain = shape("", "id", None);
        assert_eq!(parse(&plain, r#"[{"id":1},{"id":2}]"#).unwrap().rows.len(), 2);
        assert_eq!(parse(&plain, "[]").unwrap().count, 0);
        let nested = shape("data", "id", None);
        for (body, is_null) in [(r#"{"data":null}"#, true), (r#"{"data":[]}"#, false)] {
            let page = parse(&nested, body).unwrap();
            assert_eq!((page.count, page.is_null), (0, is_null), "{body}");
        }
    }

    #[test]
    fn no_token_is_absent_null_empty_or_false() {
        let shape = shape("d", "id", Some("next"));
        for body in [
            r#"{"d":[]}"#,
            r#"{"d":[],"next":null}"#,
            r#"{"d":[],"next":""}"#,
            r#"{"d":[],"next":false}"#,
            r#"{"d":[],"next":{}}"#,
        ] {
            assert_eq!(parse(&shape, body).unwrap().next, None, "{body}");
        }
        assert_eq!(parse(&shape, r#"{"d":[],"next":12}"#).unwrap().next.as_deref(), Some("12"));
    }

    #[test]
    fn a_connections_last_page_has_no_token_though_one_stands_there() {
        let shape = shape("d.nodes", "id", Some("d.pageInfo.endCursor"));
        for (info, next) in [
            (r#"{"hasNextPage":true,"endCursor":"c"}"#, Some("c")),
            (r#"{"endCursor":"c","hasNextPage":false}"#, None),
            (r#"{"hasNextPage":false,"endCursor":"c"}"#, None),
            (r#"{"endCursor":"c","hasNextPage":null}"#, Some("c")),
        ] {
            for body in [
                format!(
                    r#"{{"d":{{"pageInfo":{info},"nodes":[{{"id":1,"hasNextPage":false}}]}}}}"#
                ),
                format!(
                    r#"{{"d":{{"nodes":[{{"id":1,"hasNextPage":false}}],"pageInfo":{info}}}}}"#
                ),
            ] {
                assert_eq!(parse(&shape, &body).unwrap().next.as_deref(), next, "{body}");
            }
        }
    }

    #[test]
    fn what_is_no_page_says_why() {
        let shape = shape("data", "id", None);
        for body in ["", "<html>", r#"{"data":[{"id":1}"#, r#"{"data":[{"id":1},]}"#, "{} x"] {
            assert!(matches!(parse(&shape, body), Err(PageFault::NotJson(_))), "{body}");
        }
        for (body, absent) in [("{}", true), (r#"{"items":[]}"#, true), (r#"{"data":{}}"#, false)] {
            let fault = parse(&shape, body);
            let is_so =
                matches!(fault, Err(PageFault::NoList { is_absent, .. }) if is_absent == absent);
            assert!(is_so, "{body}");
        }
        assert!(matches!(parse(&shape, r#"{"data":[{"no":1}]}"#), Err(PageFault::Shape(_))));
        let bytes = Bytes::from_static(b"{\"data\":[{\"id\":\"\xff\"}]}");
        assert!(matches!(shape.parse(&bytes), Err(PageFault::Shape(_))));
    }

    #[test]
    fn a_record_without_a_key_is_given_with_the_next_one_that_has_one() {
        let shape = shape("", "timestamp", None);
        let body = r#"[{"id":1,"meta":{"updated":1}},"x",{"id":2,"meta":{"updated":null}},
            {"id":3,"meta":{"updated":3}},{"id":4,"meta":{"updated":4}},{"meta":{"updated":5}}]"#;
        let page = parse(&shape, body).unwrap();
        assert_eq!(page.rows.len(), 3);
        assert_eq!(page.rows[1].unkeyed.len(), 2);
        assert_eq!(&page.rows[1].unkeyed[0][..], b"\"x\"");
        assert_eq!(page.trailing.len(), 1);
        assert_eq!(page.count, 6);
    }

    #[test]
    fn a_bomb_of_brackets_is_no_page() {
        let shape = shape("", "id", None);
        let body = format!("[{{\"id\":1,\"x\":{}", "[".repeat(1_000_000));
        assert!(matches!(parse(&shape, &body), Err(PageFault::NotJson(_))));
    }
}
