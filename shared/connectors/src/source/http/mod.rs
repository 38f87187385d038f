//! Pages over HTTP, read in ascending order from a position.
//!
//! [`requests`] gets a page, [`body`] is what it is asked for by, [`page`] splits it in one pass, [`pager`] finds the next one, [`anchor`]
//! says where a request starts, [`mod@line`] lets records out in order, [`tie`] reads what one timestamp
//! has too much of, and [`walk`] puts them together.

mod anchor;
mod body;
mod line;
mod mark;
mod moment;
mod page;
mod pager;
mod pagination;
mod requests;
mod tie;
mod walk;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use tidegate_core::{
    model::{EpochMs, Mark, Position},
    ports::{Marker, Source, SourceError, Walk},
};
use tidegate_flow::spec::{CursorBy, HttpSourceSpec};
use url::Url;

use crate::{
    Options,
    error::ConnectError,
    http::{Exchange, Limits, Origin, Reads, Transmitter, authenticator, headers},
    resolver::Resolver,
};
use anchor::Cursor;
use body::ListBody;
use mark::HttpMarker;
use page::{PageShape, Row};
use pager::Pager;
pub(crate) use pagination::Pagination;
use pagination::{Drift, PageRef};
use requests::Requester;
use walk::HttpWalk;

/// A list behind an HTTP API.
pub(crate) struct HttpSource {
    requester: Requester,
    pager: Pager,
    shape: PageShape,
    cursor: Cursor,
    /// With ids as both cursor and pagination, a walk's first page is the one after its position.
    by_last_id: bool,
    marker: Option<HttpMarker>,
}

impl HttpSource {
    /// Fills in a connection's values.
    pub(crate) fn new(
        spec: &HttpSourceSpec,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        const PLACE: &str = "source.http.url";
        let text = resolver.text(&spec.url, PLACE)?;
        let mut base: Url = text.parse().map_err(|_| {
            ConnectError::new(PLACE, "it is no absolute URL once its references are filled in")
        })?;
        let origin = Origin::of(&base).ok_or_else(|| {
            ConnectError::new(
                PLACE,
                "it must be http or https, with a host and without credentials",
            )
        })?;
        for (name, value) in &spec.query {
            let value = resolver.text(value, &format!("source.http.query.{name}"))?;
            base.query_pairs_mut().append_pair(name, &value);
        }
        let redactor = resolver.redactor();
        let auth = authenticator(spec.auth.as_ref(), "source.http.auth", resolver, options)?;
        let mut headers = headers(&spec.headers, "source.http.headers", resolver)?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let exchange = |headers, reads, timeout_ms| Exchange {
            transmitter: Transmitter {
                http: options.http.clone(),
                headers,
                reads,
                body_bytes_max: spec.body_bytes_max,
                redactor: redactor.clone(),
                now: options.now.clone(),
            },
            origin: origin.clone(),
            auth: auth.clone(),
            timeout_ms,
            limits: Limits::default(),
        };
        let marker = spec.mark.as_ref().map(|mark| {
            // A mark has all the time that its caller gives it.
            HttpMarker::new(mark, resolver, exchange(headers.clone(), Reads::Nothing, u64::MAX))
        });
        let next = spec.pagination.next_path().map(|path| path.keys.as_slice());
        let cursor = &spec.cursor;
        let start = cursor.start.as_ref();
        let places = [&cursor.since, &cursor.until].into_iter().flatten().map(String::as_str);
        let params = [spec.pagination.page_param(), spec.pagination.size_param()];
        let places = places.chain(params.into_iter().flatten().map(|name| name.text.as_str()));
        let body = spec.body.as_ref().map(|body| ListBody::new(body, cursor, places, resolver));
        let body = body.transpose()?;
        if body.is_some() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
        Ok(Self {
            shape: PageShape::new(&spec.records, &spec.id, cursor, next),
            by_last_id: cursor.by == CursorBy::Id && spec.pagination.goes_by_last_id(),
            pager: Pager::new(spec.pagination.clone(), spec.page_size, base, body),
            cursor: Cursor {
                by: cursor.by,
                format: cursor.format,
                since: cursor.since.clone(),
                inclusive: cursor.inclusive,
                until: cursor.until.clone(),
                start: start
                    .map(|start| resolver.text(start, "source.http.cursor.start"))
                    .transpose()?,
            },
            marker: marker.transpose()?,
            requester: Requester {
                exchange: exchange(headers, Reads::Successes, spec.timeout_ms),
                now: options.now.clone(),
            },
        })
    }

    /// The first page of a stretch that begins after `position`.
    fn first_page(&self, position: &Position) -> PageRef {
        match position.mark() {
            Some(mark) if self.by_last_id && !line::is_floor(mark) => {
                PageRef::After(mark.id.clone())
            }
            _ => PageRef::First,
        }
    }

    /// Whether a walk starts anew at the last key after every page. Where a page is found by the
    /// last id, and ids are the order, the next page is just that already.
    fn starts_anew(&self) -> bool {
        self.cursor.since.is_some() && !self.pager.is_whole() && !self.by_last_id
    }

    fn drift(&self) -> Drift {
        self.pager.drift(self.starts_anew())
    }

    /// Whether one record may stand after another in the declared order.
    fn in_order(&self, earlier: &Mark, later: &Mark) -> bool {
        match self.cursor.by {
            CursorBy::Timestamp => earlier.at <= later.at,
            CursorBy::Id | CursorBy::TimestampId => earlier <= later,
        }
    }

    /// Checks a page's order; where one response has everything, sorts it instead.
    fn put_in_order(&self, rows: &mut [Row]) -> Result<(), SourceError> {
        if self.pager.is_whole() {
            rows.sort_by(|left, right| left.mark.cmp(&right.mark));
            return Ok(());
        }
        let fault = rows.windows(2).find(|pair| !self.in_order(&pair[0].mark, &pair[1].mark));
        fault.map_or(Ok(()), |pair| Err(self.unsorted(&pair[0].mark, &pair[1].mark)))
    }

    fn unsorted(&self, earlier: &Mark, later: &Mark) -> SourceError {
        let order = match self.cursor.by {
            CursorBy::Id => "id",
            CursorBy::Timestamp => "timestamp",
            CursorBy::TimestampId => "timestamp, then id",
        };
        let show = |mark: &Mark| Position::At(mark.clone()).to_string();
        SourceError::Halt(format!(
            "the list is not sorted by {order}, oldest first: {} comes before {}; add the API's \
             sort parameter to source.http.query, or set source.http.cursor.by to the order that \
             it has",
            show(earlier),
            show(later)
        ))
    }
}

impl Source for HttpSource {
    fn walk(&self, from: Position, until_ms: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(HttpWalk::new(self, from, until_ms))
    }

    fn marker(&self) -> Option<&dyn Marker> {
        self.marker.as_ref().map(|marker| marker as _)
    }
}
