//! `http`: pages of a list over HTTP, read in ascending order from a position.
//!
//! [`cursor`] and [`pagination`] are sections of their own. [`requests`] gets a page, [`address`] and [`body`]
//! are what it is asked for by, whose [`texts`] each request may complete, [`page`] splits it in one pass,
//! [`pager`] finds the next one, [`anchor`] says where a request starts, [`outlook`] how far it may read,
//! [`fallback`] which records are sorted by another timestamp, [`mod@line`] lets records out in order, [`tie`]
//! reads what one timestamp has too much of, [`run`] is a row of pages from one anchor, and [`walk`] puts
//! them together along one [`list`].
//!
//! Where a list ends is known by what an answer tells ([`told`], [`link`], [`extent`]), by what was read
//! before ([`seen`]), by how long nothing new came ([`idle`]),
//! or by a [`smaller`] page; [`offsets`] finds out which ones the
//! source takes, [`learned`] keeps what answers have shown of the list, and [`ending`] weighs all of it.
//!
//! [`way`] names the other ways along a list: [`newest`] first, by [`delta`] tokens, in [`windows`];
//! their positions carry [`steps`]. With [`for_each`] a list is one of the [`children`] of each parent, of which
//! some may be refused ([`refused_parents`]).

mod address;
mod anchor;
mod answers;
mod body;
mod children;
mod cursor;
mod delta;
mod ending;
mod extent;
mod fallback;
mod for_each;
mod idle;
mod learned;
mod line;
mod link;
mod list;
mod listed;
mod look;
mod mark;
mod newest;
mod offsets;
mod outlook;
mod page;
mod pager;
mod pagination;
mod place;
mod places;
mod posted;
mod refused_parents;
mod requests;
mod run;
mod seen;
mod smaller;
mod spec;
mod texts;
mod tie;
mod told;
mod walk;
mod way;
mod windows;

use std::sync::Arc;

use reqwest::header::{ACCEPT, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{EpochMs, Position},
    ports::{Marker, Source, Walk},
};

pub(crate) use cursor::TimeFormat;

use super::{Look, SourceKind, SourceReader, steps};
use crate::{
    error::ConnectError,
    file::{At, Fault, Findings},
    flow::Limits,
    http::{AdvertisedLimits, Auth, Exchange, Reads, RequestBudget, Transmitter, authenticator},
    options::Options,
    resolver::Resolver,
    value::{
        Headers, JsonTemplate, ListPath, Listed, Name, OneOrList, Query, RecordPath, Timeout, Url,
        given, path,
    },
};
use address::Address;
use answers::SourceAnswers;
use body::ListMethod;
use children::{Children, ChildrenWalk};
use cursor::Cursor;
use for_each::ForEach;
use list::List;
use listed::EmptyList;
use mark::{HttpMarker, MarkRequest};
use pagination::Pagination;
use spec::{Habits, ListSpec, PAGE_SIZE_DEFAULT};
use way::Way;

const TIMEOUT_DEFAULT_MS: u64 = 30_000;
const BODY_BYTES_DEFAULT: u64 = 32 << 20;
/// Read of an answer to a mark, which has a code at the most.
const MARK_BYTES_MAX: usize = 1024 * 1024;

/// A list behind an HTTP API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpSource")]
pub(crate) struct Http {
    /// The list's address. It, `query`, `headers` and `body` may hold `${cursor.since}` and `${cursor.until}`,
    /// where the API takes the position inside of an expression.
    #[schemars(example = "${params.source_url}/orders")]
    url: Url<Listed>,
    /// How the list is asked for. Default GET, and POST with a `body` or a `form`.
    method: Option<At<ListMethod>>,
    /// Query parameters sent with every request for the list; a list of values gives a parameter as
    /// often.
    #[serde(default)]
    query: Query<Listed>,
    /// Headers sent with every request.
    #[serde(default)]
    headers: Headers<Listed>,
    /// The JSON object sent with every request for the list; its texts may hold references. With it,
    /// the parameters of `cursor` and `pagination` are no query parameters but places in it: keys
    /// with dots between (`filters.from`), and a number for an item of a list (`sorts.0.value`). No
    /// value of its own may stand at such a place. Page numbers, offsets and page sizes are sent as
    /// numbers; so are ids that are whole numbers, tokens that the source gave as numbers, and
    /// timestamps with `format: epoch_s` or `epoch_ms`. All the rest are texts.
    #[serde(default, deserialize_with = "given")]
    body: Option<JsonTemplate<Listed>>,
    /// The fields of a form that is posted for the list, in the place of `body`; its texts may hold
    /// references, and a list of values gives a field as often. The parameters of `cursor` and
    /// `pagination` are further fields of it.
    form: Option<At<Query<Listed>>>,
    /// How requests prove who sends them.
    auth: Option<Auth>,
    /// Path to the list of records in the body; left out: the body is the list. `orders.*` takes each value
    /// of an object, `children.*.data` what stands at `data` in each item. Where a single object stands
    /// that has an id, it is the one record.
    records: Option<ListPath>,
    /// The field that a record gets its key as, where `records` takes each value of an object by its key.
    key_as: Option<Name>,
    /// Path to a record's id. Default `id`. A list of paths where it takes several values together to name
    /// a record: `[order_id, line]` gives ids like `7/2`. Ids have at most 1,024 bytes.
    id: Option<OneOrList<RecordPath>>,
    /// What the source sorts by, and how to ask for what is new.
    cursor: At<Cursor>,
    /// How the next page of the list is asked for; `none` where one request gives all.
    pagination: At<Pagination>,
    /// How many records to ask for at a time. Default 100.
    #[schemars(range(min = 1, max = 10000))]
    page_size: Option<u32>,
    /// What answers mean by a code in their body, and failures by their kind.
    #[serde(default)]
    answers: SourceAnswers,
    /// Whether null in the place of the array is an empty list. Default false: it is asked for again,
    /// and then the run stops and says so.
    null_is_empty: Option<bool>,
    /// Whether a body with nothing in the place of the array is an empty list. Default false, as with
    /// null.
    absent_is_empty: Option<bool>,
    /// What the source permits, over all runs, and over all streams that share the budget: of lists and
    /// of marks. A request that is not permitted soon ends the run, and the next one goes on. Left out: the
    /// source is asked as fast as it answers, unless it answers that this was too much.
    limits: Option<Limits>,
    /// The longest that one request may take. Default `30s`.
    timeout: Option<Timeout>,
    /// Most bytes of one response, decompressed. Default 32 MiB.
    #[schemars(range(min = 1024, max = 1073741824))]
    body_bytes_max: Option<u64>,
    /// The list of parents, where the list is of the children of each.
    for_each: Option<ForEach>,
    /// The request that marks a delivered record as processed at the source.
    mark: Option<MarkRequest>,
}

/// A list for one connection.
struct HttpSource {
    list: List,
    way: Way,
    /// The parents, where the list is of the children of each.
    children: Option<Children>,
    marker: Option<HttpMarker>,
}

impl SourceKind for Http {
    fn check(&self, findings: &mut Findings) {
        if let Some(auth) = &self.auth {
            auth.check(findings);
        }
        let At { value: cursor, place } = &self.cursor;
        cursor.check(*place, self.named_bounds(), findings);
        self.check_texts(findings);
        self.answers.check(findings);
        if let Some(limits) = &self.limits {
            limits.check(findings);
        }
        let At { value: pagination, place } = &self.pagination;
        if !cursor.is_newest_first() {
            pagination.check(&*cursor.by, *place, findings);
        }
        if let Some(each) = &self.for_each {
            each.check(!self.parent_paths().is_empty(), findings);
        }
        self.check_key(findings);
        let posted = (self.body.as_ref(), self.form.as_ref());
        places::check(self.method.as_ref(), posted, cursor, pagination, findings);
    }

    fn settle_lag_ms(&self) -> EpochMs {
        self.cursor.value.settle_lag_ms()
    }

    fn id_path(&self) -> Vec<String> {
        match self.id_paths().as_slice() {
            [only] => only.clone(),
            _ => Vec::new(),
        }
    }

    fn marker(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Option<Box<dyn Marker>>, ConnectError> {
        if self.mark.is_none() {
            return Ok(None);
        }
        let (_, exchange) = self.exchange(resolver, options)?;
        let marker = self.http_marker(&exchange, resolver)?;
        Ok(marker.map(|marker| Box::new(marker) as _))
    }
}

impl SourceReader for Http {
    fn connect(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn Source>, ConnectError> {
        Ok(Box::new(self.source(resolver, options)?))
    }

    fn look(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn Look>, ConnectError> {
        Ok(Box::new(self.source(resolver, options)?))
    }
}

impl Http {
    fn source(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<HttpSource, ConnectError> {
        let (address, exchange) = self.exchange(resolver, options)?;
        let marker = self.http_marker(&exchange, resolver)?;
        let children = self.for_each.as_ref();
        let paths = self.parent_paths();
        let children = children.map(|each| {
            let exchange = exchange.beside(self.advertised());
            each.connect(&paths, (exchange, self.habits()), resolver, options)
        });
        let children = children.transpose()?;
        let list = self.list(address, exchange, resolver, options)?;
        let way = Way::new(&self.cursor.value, resolver, options)?;
        Ok(HttpSource { list, way, children, marker })
    }

    /// What marks records, by requests like those for the list.
    fn http_marker(
        &self,
        exchange: &Exchange,
        resolver: &Resolver<'_>,
    ) -> Result<Option<HttpMarker>, ConnectError> {
        // A mark has all the time that its caller gives it.
        let marker = self.mark.as_ref().map(|mark| {
            let body_bytes_max = MARK_BYTES_MAX;
            let transmitter = Transmitter { body_bytes_max, ..exchange.transmitter.clone() };
            let exchange = Exchange {
                transmitter,
                timeout_ms: u64::MAX,
                ..exchange.beside(self.advertised())
            };
            mark.connect(resolver, exchange, self.answers.rules())
        });
        marker.transpose()
    }

    /// The paths to what names a record.
    fn id_paths(&self) -> Vec<Vec<String>> {
        let given = self.id.as_ref().filter(|id| !id.0.is_empty());
        given.map_or_else(
            || vec![vec!["id".into()]],
            |id| id.0.iter().map(|path| path.value.keys.clone()).collect(),
        )
    }

    /// Notes what does not go with an id of several values, and a key that no object gives.
    fn check_key(&self, findings: &mut Findings) {
        let several = self.id.as_ref().filter(|id| id.0.len() > 1);
        if let Some(first) = several.and_then(|id| id.0.first())
            && (self.cursor.value.by.sorts_ids() || self.pagination.value.goes_by_last_id())
        {
            let message =
                "an id of several values has no order, and the list goes by the order of ids";
            let remedy =
                "write `by: timestamp` with a `field`, and a pagination other than `last_id`";
            findings.add(Fault::new(first.place, message, remedy));
        }
        let by_key = self.records.as_ref().and_then(|records| records.keys.last());
        if let Some(key_as) = &self.key_as
            && by_key.is_none_or(|key| key != path::EACH)
        {
            let message =
                "`key_as` is for an object of records, and `records` does not end with `*`";
            let remedy = "write `records: orders.*`, or remove it";
            findings.add(Fault::new(key_as.site.place, message, remedy));
        }
    }

    /// The list's address with its query, and how it is asked.
    fn exchange(
        &self,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<(Address, Exchange), ConnectError> {
        let address = Address::new(&self.url, &self.query, resolver)?;
        let origin = address.origin().clone();
        let redactor = resolver.redactor();
        let auth = authenticator(self.auth.as_ref(), "source.http.auth", resolver, options)?;
        let mut headers = self.headers.fill(resolver)?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let body_bytes_max = self.body_bytes_max.unwrap_or(BODY_BYTES_DEFAULT);
        let transmitter = Transmitter {
            http: options.http.clone(),
            headers,
            reads: Reads::Everything,
            // The schema's range keeps it far below any usize.
            body_bytes_max: usize::try_from(body_bytes_max)
                .unwrap_or(usize::MAX)
                .min(options.body_bytes_max),
            redactor,
            now: options.now.clone(),
            witness: None,
        };
        let timeout_ms = self.timeout.map_or(TIMEOUT_DEFAULT_MS, |timeout| timeout.0);
        let limits = self.advertised();
        let budget = self
            .limits
            .as_ref()
            .map(|limits| Arc::new(RequestBudget::new(limits, &origin.to_string(), options)));
        let exchange = Exchange { transmitter, origin, auth, timeout_ms, limits, budget };
        Ok((address, exchange))
    }

    /// How its API answers.
    fn habits(&self) -> Habits {
        Habits {
            rules: self.answers.rules(),
            empty: EmptyList {
                null: self.null_is_empty.unwrap_or(false),
                absent: self.absent_is_empty.unwrap_or(false),
            },
        }
    }

    /// Where answers say what is left.
    fn advertised(&self) -> AdvertisedLimits {
        self.limits.as_ref().map(Limits::advertised).unwrap_or_default()
    }

    /// The list at an address.
    fn list(
        &self,
        address: Address,
        exchange: Exchange,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<List, ConnectError> {
        let ids = self.id_paths();
        let spec = ListSpec {
            headers: &self.headers,
            body: self.body.as_ref(),
            form: self.form.as_ref().map(|form| &form.value),
            records: self.records.as_ref(),
            ids: &ids,
            key_as: self.key_as.as_ref(),
            cursor: &self.cursor.value,
            pagination: &self.pagination.value,
            page_size: self.page_size.unwrap_or(PAGE_SIZE_DEFAULT),
            named: self.named_bounds(),
            habits: self.habits(),
        };
        spec.connect(address, exchange, resolver, options)
    }
}

impl Source for HttpSource {
    fn walk(&self, from: Position, until_ms: EpochMs) -> Box<dyn Walk + '_> {
        match &self.children {
            None => self.way.walk(&self.list, from, until_ms, None),
            Some(children) => {
                Box::new(ChildrenWalk::new(&self.list, &self.way, children, from, until_ms))
            }
        }
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
        assert_eq!(cursor.inclusive, Some(false));
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
