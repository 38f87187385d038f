//! A look at a list: what one page of it shows of its order, its timestamps, its end and its limits.

use std::sync::Arc;

use jiff::SignedDuration;
use tidegate_core::{
    model::{EpochMs, Mark, Position, Record, Version},
    ports::{BoxFuture, SourceError},
};

use super::{
    HttpSource,
    cursor::Resolution,
    ending::{self, Onward},
    list::List,
    page::{Page, Row},
    pagination::{Answered, PageRef},
    requests::{Fetched, PageRequest},
    told::{self, Told},
    way::Way,
};
use crate::{
    source::look::{self, Look, Sight},
    value::{ParentValues, RequestValues},
};

/// What the names of headers have in them that speak of limits.
const LIMIT_WORDS: [&str; 5] = ["ratelimit", "rate-limit", "retry-after", "quota", "limit-info"];
/// Of a header's value so many characters are shown.
const HEADER_CHARS_MAX: usize = 100;

impl Look for HttpSource {
    fn look(
        &self,
        until_ms: EpochMs,
        deadline_ms: EpochMs,
    ) -> BoxFuture<'_, Result<Vec<Sight>, SourceError>> {
        Box::pin(async move {
            let Some(children) = &self.children else {
                let seen = Looked::at(&self.list, &self.way, None, (until_ms, deadline_ms)).await?;
                return Ok(vec![seen.sight("the list")]);
            };
            let parents =
                Looked::at(&children.parents, &Way::OldestFirst, None, (until_ms, deadline_ms));
            let parents = parents.await?;
            let first = parents.page.rows.iter().find(|row| row.refused.is_none()).cloned();
            let mut sights = vec![Sight { sample: None, ..parents.sight("the list of parents") }];
            if let Some(row) = first {
                let of = format!("the list of the children of {}", row.mark.id);
                let values = children.values_of(&record(row))?;
                let bounds = (until_ms, deadline_ms);
                let seen = Looked::at(&self.list, &self.way, Some(values), bounds).await?;
                sights.push(seen.sight(&of));
            }
            Ok(sights)
        })
    }
}

/// A row as the record of a parent.
fn record(row: Row) -> Record {
    let Row { mark, data, refused, .. } = row;
    let id = mark.id.clone();
    Record { mark, step: None, id, version: Version(0), deleted: false, data, refused }
}

/// A page, and what its answer says.
struct Looked<'a> {
    list: &'a List,
    way: &'a Way,
    asked: PageRequest,
    parent: Option<Arc<ParentValues>>,
    page: Page,
    fetched: Fetched,
}

/// In which order a page's records stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    OldestFirst,
    NewestFirst,
    None,
    /// There are too few of them to tell.
    Unknown,
}

impl<'a> Looked<'a> {
    async fn at(
        list: &'a List,
        way: &'a Way,
        parent: Option<ParentValues>,
        (until_ms, deadline_ms): (EpochMs, EpochMs),
    ) -> Result<Self, SourceError> {
        let parent = parent.map(Arc::new);
        let (since, until) = way.first_bounds(list, until_ms);
        let values = RequestValues {
            since: since.as_deref(),
            until: until.as_deref(),
            parent: parent.as_deref(),
        };
        let asked = list.pager.request(&list.first_page(&Position::Start), &values);
        let (page, fetched) = list.fetch(&asked, deadline_ms, &mut 0).await?;
        Ok(Self { list, way, asked, parent, page, fetched })
    }

    fn sight(self, of: &str) -> Sight {
        let mut sight = Sight::of(of);
        let (shown, page) = (self.list.requester.shown(&self.fetched.url), &self.asked.page);
        sight.fact("asked", format!("{shown} ({page})"));
        sight.fact("records", self.page.count.to_string());
        let aside = self.page.aside.iter().map(|aside| aside.reason.clone());
        let refused = self.page.rows.iter().filter_map(|row| row.refused.clone());
        look::parked(&mut sight, &aside.chain(refused).collect::<Vec<_>>());
        sight.wrong.extend(
            self.page
                .astray()
                .map(|astray| format!("{astray}; see source.http.id, records and cursor")),
        );
        self.order(&mut sight);
        self.timestamps(&mut sight);
        self.end(&mut sight);
        self.limits(&mut sight);
        let sample = self.page.rows.into_iter().find(|row| row.refused.is_none());
        sight.sample = sample.map(|row| (row.mark.id.to_string(), row.data));
        sight
    }

    fn order(&self, sight: &mut Sight) {
        let (list, rows) = (self.list, &self.page.rows);
        let by = self.sorted_by();
        let direction = self.direction();
        sight.fact(
            "order",
            match direction {
                Direction::OldestFirst => format!("by {by}, oldest first"),
                Direction::NewestFirst => format!("by {by}, newest first"),
                Direction::None => format!("not by {by}"),
                Direction::Unknown => "too few records to tell".to_owned(),
            },
        );
        let sorted = list.put_in_order(&mut rows.clone());
        let complaint = match (self.way, direction) {
            (Way::Delta(_), _)
            | (Way::NewestFirst(_), Direction::NewestFirst | Direction::Unknown) => None,
            (Way::NewestFirst(_), _) => Some(format!(
                "the list does not begin with the newest record, as source.http.cursor.newest_first says: \
                 add the API's sort parameter to source.http.query, or remove `newest_first`; it is \
                 sorted by {by}"
            )),
            (Way::OldestFirst | Way::Windows(_), Direction::NewestFirst)
                if !list.pager.is_whole() =>
            {
                Some(format!(
                    "the list begins with the newest record: add the API's sort parameter to \
                     source.http.query so that it is sorted by {by}, oldest first, or, where there is \
                     none, write `newest_first: true` in source.http.cursor"
                ))
            }
            (Way::OldestFirst | Way::Windows(_), _) => sorted.err().map(|error| error.to_string()),
        };
        sight.wrong.extend(complaint);
    }

    /// What the flow says that the list is sorted by, for a sentence.
    fn sorted_by(&self) -> String {
        let cursor = &self.list.anchors.cursor;
        let field = cursor.fields().next().map(|keys| format!("`{}`", keys.join(".")));
        let by = cursor.by.sorted_by();
        field.map_or_else(|| by.to_owned(), |field| format!("{by} ({field})"))
    }

    fn direction(&self) -> Direction {
        let marks: Vec<&Mark> = self.page.rows.iter().map(|row| &row.mark).collect();
        let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
            return Direction::Unknown;
        };
        let by = &self.list.anchors.cursor.by;
        let is_same = |left: &Mark, right: &Mark| match by.has_timestamp() {
            true => left.at == right.at,
            false => left.id == right.id,
        };
        let mut pairs = marks.windows(2);
        let ascends = pairs.clone().all(|pair| by.may_follow(pair[0], pair[1]));
        let descends =
            pairs.all(|pair| is_same(pair[0], pair[1]) || by.may_follow(pair[1], pair[0]));
        match (ascends, descends) {
            _ if is_same(first, last) && (ascends || descends) => Direction::Unknown,
            (true, _) => Direction::OldestFirst,
            (false, true) => Direction::NewestFirst,
            (false, false) => Direction::None,
        }
    }

    fn timestamps(&self, sight: &mut Sight) {
        let cursor = &self.list.anchors.cursor;
        let mut moments = self.page.rows.iter().filter_map(|row| row.mark.at.as_ref());
        let mut resolution = Resolution::new(cursor.zone());
        let Some(first) = moments.next() else { return };
        resolution.see(first.ns);
        moments.for_each(|at| resolution.see(at.ns));
        let zone = match cursor.guesses_zone(&first.text) {
            true => {
                "without a zone, taken as UTC (where they are local time, set source.http.cursor.zone)"
            }
            false if cursor.says_zone(&first.text) => "with their zone",
            false => "in the zone of source.http.cursor.zone",
        };
        let (needed_ms, name) = (resolution.lag_ns() / 1_000_000, resolution.name());
        let lag_ms = if cursor.says_lag() { cursor.settle_lag_ms() } else { needed_ms };
        sight.fact("timestamps", format!("{name}, {zone}, like `{}`", first.text));
        let lag = SignedDuration::from_millis(lag_ms);
        sight.fact("settle lag", format!("records younger than {lag:#} are left to a later run"));
        if lag_ms < needed_ms {
            sight.wrong.push(format!(
                "source.http.cursor.settle_lag is {lag:#}, and the timestamps are {name}: a record that joins a \
                 moment after it was read is lost; remove it, or raise it to {:#}",
                SignedDuration::from_millis(needed_ms)
            ));
        }
    }

    fn end(&self, sight: &mut Sight) {
        let (list, page, fetched) = (self.list, &self.page, &self.fetched);
        let told = match list.told(fetched) {
            Ok(told) => told,
            Err(error) => return sight.wrong.push(error.to_string()),
        };
        let next = list.pager.next(&Answered {
            asked: &list.first_page(&Position::Start),
            page,
            url: &fetched.url,
            base: list.pager.base(),
            told: &told,
            pages_read: 1,
            records_read: page.count as u64,
            largest: page.count,
            is_short: list.pager.is_short(page.count, page.count),
            is_empty: page.count == 0,
        });
        match next {
            Ok(Some(next)) => sight.fact("next page", self.next(&next)),
            Ok(None) => self.last(&told, sight),
            Err(error) => sight.wrong.push(error.to_string()),
        }
    }

    /// How the page that follows is asked for.
    fn next(&self, next: &PageRef) -> String {
        let values = RequestValues { parent: self.parent.as_deref(), ..RequestValues::default() };
        let page = self.list.pager.request(next, &values).page;
        let page = match next {
            PageRef::Address(url) => self.list.requester.shown(url),
            _ => page.into(),
        };
        match self.list.starts_anew() {
            true => format!("{page}; a run asks from the last record on instead"),
            false => page,
        }
    }

    /// Why no page follows.
    fn last(&self, told: &Told, sight: &mut Sight) {
        let (list, page, fetched) = (self.list, &self.page, &self.fetched);
        if let Some(part) = ending::part(list, page, fetched) {
            return sight.wrong.push(part);
        }
        if ending::is_in_doubt(list, page, told, fetched) {
            let says = "none is named, and the page is full: a run asks for half of it, to see where one is";
            return sight.fact("next page", says.to_owned());
        }
        let why = match ending::unnamed(list, page, (told, told.has_place), fetched) {
            Onward::Unsure(message) => return sight.wrong.push(message),
            _ if told.more == Some(false) => {
                "none: the answer says that there is no more".to_owned()
            }
            _ if page.count == 0 => "none: the list is empty".to_owned(),
            _ => match (told.has_place, told.total, told.pages) {
                (true, ..) => format!("none: {} is empty", list.told.next_place()),
                (_, Some(total), _) => format!("none: the list has {total} records"),
                (.., Some(pages)) => format!("none: the list has {pages} pages"),
                _ if list.told.follows() => {
                    format!(
                        "none: the answer has nothing at {}, and its page is not full",
                        list.told.next_place()
                    )
                }
                _ => "none: one answer has the whole list".to_owned(),
            },
        };
        sight.fact("next page", why);
    }

    fn limits(&self, sight: &mut Sight) {
        let headers = self
            .fetched
            .headers
            .iter()
            .filter(|(name, _)| LIMIT_WORDS.iter().any(|word| name.as_str().contains(word)));
        let shown = headers.map(|(name, value)| {
            let value = told::text(value.as_bytes());
            format!("{name}: {}", self.list.requester.exchange.line(&value, HEADER_CHARS_MAX))
        });
        let shown: Vec<String> = shown.collect();
        sight.fact(
            "limits",
            match shown.is_empty() {
                true => "the answer tells none; see source.http.limits".to_owned(),
                false => shown.join(", "),
            },
        );
    }
}
