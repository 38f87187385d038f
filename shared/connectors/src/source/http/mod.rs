//! `http`: pages of a list over HTTP, read in ascending order from a position.
//!
//! [`cursor`] and [`pagination`] are sections of their own. [`requests`] gets a page, [`body`] is what it
//! is asked for by, [`page`] splits it in one pass, [`pager`] finds the next one, [`anchor`] says where a
//! request starts, [`mod@line`] lets records out in order, [`tie`] reads what one timestamp has too much
//! of, and [`walk`] puts them together along one [`list`].

mod anchor;
mod body;
mod cursor;
mod line;
mod list;
mod mark;
mod page;
mod pager;
mod pagination;
mod places;
mod requests;
mod tie;
mod walk;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{EpochMs, Position},
    ports::{Marker, Source, Walk},
};

use super::SourceKind;
use crate::{
    error::ConnectError,
    file::{At, Findings},
    http::{AdvertisedLimits, Auth, Exchange, Origin, Reads, Transmitter, authenticator},
    options::Options,
    resolver::Resolver,
    value::{Headers, JsonTemplate, NoRecord, Path, Query, Timeout, Url, given},
};
use anchor::Anchors;
use body::{ListBody, ListMethod};
use cursor::Cursor;
use list::List;
use mark::{HttpMarker, MarkRequest};
use page::PageShape;
use pager::Pager;
use pagination::Pagination;
use requests::Requester;
use walk::HttpWalk;

const TIMEOUT_DEFAULT_MS: u64 = 30_000;
const PAGE_SIZE_DEFAULT: u32 = 100;
const BODY_BYTES_DEFAULT: u64 = 32 << 20;

/// A list behind an HTTP API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpSource")]
pub(crate) struct Http {
    /// The list's address.
    #[schemars(example = "${params.source_url}/orders")]
    url: Url,
    /// How the list is asked for. Default GET, and POST with a `body`.
    method: Option<At<ListMethod>>,
    /// Query parameters sent with every request for the list.
    #[serde(default)]
    query: Query,
    /// Headers sent with every request.
    #[serde(default)]
    headers: Headers,
    /// The JSON object sent with every request for the list; its texts may hold references. With it,
    /// the parameters of `cursor` and `pagination` are no query parameters but places in it: keys
    /// with dots between (`filters.from`), and a number for an item of a list (`sorts.0.value`). No
    /// value of its own may stand at such a place. Page numbers, offsets and page sizes are sent as
    /// numbers; so are ids that are whole numbers, and timestamps with `format: epoch_s` or
    /// `epoch_ms`. Tokens and all the rest are texts.
    #[serde(default, deserialize_with = "given")]
    body: Option<JsonTemplate<NoRecord>>,
    /// How requests prove who sends them.
    auth: Option<Auth>,
    /// Path to the array of records in the body; left out: the body is the array.
    records: Option<Path>,
    /// Path to a record's id. Default `id`.
    id: Option<Path>,
    /// What the source sorts by, and how to ask for what is new.
    cursor: At<Cursor>,
    /// How the next page of the list is asked for; `none` where one request gives all.
    pagination: At<Pagination>,
    /// How many records to ask for at a time. Default 100.
    #[schemars(range(min = 1, max = 10000))]
    page_size: Option<u32>,
    /// The longest that one request may take. Default `30s`.
    timeout: Option<Timeout>,
    /// Most bytes of one response, decompressed. Default 32 MiB.
    #[schemars(range(min = 1024, max = 1073741824))]
    body_bytes_max: Option<u64>,
    /// The request that marks a delivered record as processed at the source.
    mark: Option<MarkRequest>,
}

/// A list for one connection.
struct HttpSource {
    list: List,
    marker: Option<HttpMarker>,
}

impl SourceKind for Http {
    fn check(&self, findings: &mut Findings) {
        if let Some(auth) = &self.auth {
            auth.check(findings);
        }
        let At { value: cursor, place } = &self.cursor;
        cursor.check(*place, findings);
        let At { value: pagination, place } = &self.pagination;
        pagination.check(&*cursor.by, *place, findings);
        places::check(self.method.as_ref(), self.body.as_ref(), cursor, pagination, findings);
    }

    fn settle_lag_ms(&self) -> EpochMs {
        self.cursor.value.settle_lag_ms()
    }

    fn id_path(&self) -> Vec<String> {
        self.id.as_ref().map_or_else(|| vec!["id".into()], |id| id.keys.clone())
    }

    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn Source>, ConnectError> {
        let (address, exchange) = self.exchange(resolver, options)?;
        // A mark has all the time that its caller gives it.
        let marker = self.mark.as_ref().map(|mark| {
            let transmitter = Transmitter { reads: Reads::Nothing, ..exchange.transmitter.clone() };
            let (origin, auth) = (exchange.origin.clone(), exchange.auth.clone());
            let limits = AdvertisedLimits::default();
            let exchange = Exchange { transmitter, origin, auth, timeout_ms: u64::MAX, limits };
            mark.connect(resolver, exchange)
        });
        let list = self.list(address, exchange, resolver, options)?;
        Ok(Box::new(HttpSource { list, marker: marker.transpose()? }))
    }
}

impl Http {
    /// The list's address with its query, and how it is asked.
    fn exchange(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<(url::Url, Exchange), ConnectError> {
        let mut address = self.url.fill(resolver)?;
        let origin = Origin::of(&address).ok_or_else(|| {
            let message = "it must be http or https, with a host and without credentials";
            ConnectError::new(&self.url.site.key, message)
        })?;
        for (name, value) in self.query.fill(resolver)? {
            address.query_pairs_mut().append_pair(&name, &value);
        }
        let redactor = resolver.redactor();
        let auth = authenticator(self.auth.as_ref(), "source.http.auth", resolver, options)?;
        let mut headers = self.headers.fill(resolver)?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let body_bytes_max = self.body_bytes_max.unwrap_or(BODY_BYTES_DEFAULT);
        let transmitter = Transmitter {
            http: options.http.clone(),
            headers,
            reads: Reads::Successes,
            // The schema's range keeps it far below any usize.
            body_bytes_max: usize::try_from(body_bytes_max).unwrap_or(usize::MAX),
            redactor,
            now: options.now.clone(),
        };
        let timeout_ms = self.timeout.map_or(TIMEOUT_DEFAULT_MS, |timeout| timeout.0);
        let limits = AdvertisedLimits::default();
        Ok((address, Exchange { transmitter, origin, auth, timeout_ms, limits }))
    }

    /// The list at an address.
    fn list(
        &self,
        address: url::Url,
        mut exchange: Exchange,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<List, ConnectError> {
        let (cursor, pagination) = (&self.cursor.value, &self.pagination.value);
        let params = [pagination.page_param(), pagination.size_param()];
        let bounds = [cursor.since.as_ref(), cursor.until.as_ref()];
        let places = bounds.into_iter().chain(params).flatten();
        let body = self.body.as_ref().map(|body| ListBody::new(body, cursor, places, resolver));
        let body = body.transpose()?;
        if body.is_some() {
            let json = HeaderValue::from_static("application/json");
            exchange.transmitter.headers.entry(CONTENT_TYPE).or_insert(json);
        }
        let records = self.records.as_ref().map_or(&[][..], |records| &records.keys);
        let next = pagination.next_path().map(|path| path.keys.as_slice());
        let page_size = self.page_size.unwrap_or(PAGE_SIZE_DEFAULT);
        Ok(List {
            shape: PageShape::new(records, &self.id_path(), cursor, next),
            by_last_id: !cursor.by.has_timestamp() && pagination.goes_by_last_id(),
            pager: Pager::new(pagination.clone(), page_size, address, body),
            anchors: Anchors::new(cursor, resolver)?,
            requester: Requester { exchange, now: options.now.clone() },
        })
    }
}

impl Source for HttpSource {
    fn walk(&self, from: Position, until_ms: EpochMs) -> Box<dyn Walk + '_> {
        Box::new(HttpWalk::new(&self.list, from, until_ms))
    }

    fn marker(&self) -> Option<&dyn Marker> {
        self.marker.as_ref().map(|marker| marker as _)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{source, testing::section};

    fn least() -> Value {
        json!({ "url": "https://a.example/x", "cursor": { "by": "id" }, "pagination": "none" })
    }

    #[test]
    fn every_key_is_read() {
        let http: Http = section(json!({
                "url": "https://a.example/x",
                "method": "POST",
                "query": { "limit": 5, "active": true },
                "body": { "filters": [] },
                "records": "data.items",
                "id": "meta.uuid",
                "cursor": {
                    "by": "timestamp_id", "field": "at", "since": "from", "inclusive": false,
                    "until": "to", "settle_lag": "5s",
                },
                "pagination": { "token": { "param": "next", "path": "meta.next" } },
                "page_size": 250,
                "timeout": "20s",
                "body_bytes_max": 1_048_576,
                "mark": { "url": "https://a.example/x/${record.id}", "body": { "seen": true } },
        }));
        let mut findings = Findings::default();
        http.check(&mut findings);
        assert_eq!(findings.faults, []);
        let query: Vec<_> =
            http.query.0.iter().map(|(name, text)| (&**name, text.template.as_literal())).collect();
        assert_eq!(query, [("active", Some("true")), ("limit", Some("5"))]);
        assert_eq!(http.records.as_ref().unwrap().keys, ["data", "items"]);
        assert_eq!(http.id_path(), ["meta", "uuid"]);
        assert_eq!(http.settle_lag_ms(), 5_000);
        let cursor = &http.cursor.value;
        assert!(!cursor.is_inclusive());
        assert_eq!(cursor.until.as_ref().unwrap().text, "to");
        assert_eq!(http.pagination.value.page_param().unwrap().text, "next");
        assert_eq!((http.page_size, http.body_bytes_max), (Some(250), Some(1 << 20)));
        assert_eq!(http.timeout, Some(crate::value::Millis(20_000)));
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let source: source::Source = section(json!({ "http": least() }));
        assert_eq!((source.id_path(), source.settle_lag_ms()), (vec!["id".to_owned()], 0));
        let mut findings = Findings::default();
        source.check(&mut findings);
        assert_eq!(findings.faults, []);
    }
}
