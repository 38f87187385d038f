//! What a flow file says of one list, on its way to a [`List`].

use reqwest::header::CONTENT_TYPE;

use super::{
    address::Address,
    anchor::Anchors,
    body::ListBody,
    cursor::{Cursor, Named},
    learned::Learned,
    list::List,
    listed::EmptyList,
    page::{PageShape, Places},
    pager::{BoundParams, Pager},
    pagination::Pagination,
    posted::Posted,
    requests::Requester,
    told::ToldReader,
};
use crate::{
    error::ConnectError,
    http::{Exchange, Rules},
    options::Options,
    resolver::Resolver,
    value::{Headers, JsonTemplate, ListPath, Listed, Name, Query, RequestText, Text},
};

/// How many records are asked for at a time, where the flow does not say.
pub(super) const PAGE_SIZE_DEFAULT: u32 = 100;
/// What a record takes beside its JSON: one response has no more records than there is room for.
const RECORD_BYTES_MIN: usize = 128;

/// The keys of one list, whose address and credentials are known.
pub(super) struct ListSpec<'s> {
    pub(super) headers: &'s Headers<Listed>,
    pub(super) body: Option<&'s JsonTemplate<Listed>>,
    pub(super) form: Option<&'s Query<Listed>>,
    pub(super) records: Option<&'s ListPath>,
    /// The paths to what names a record.
    pub(super) ids: &'s [Vec<String>],
    pub(super) key_as: Option<&'s Name>,
    pub(super) cursor: &'s Cursor,
    pub(super) pagination: &'s Pagination,
    pub(super) page_size: u32,
    /// Which bounds its texts refer to.
    pub(super) named: Named,
    pub(super) habits: Habits,
}

/// How an API answers, whichever list it is asked for.
pub(super) struct Habits {
    /// What answers mean.
    pub(super) rules: Rules,
    /// What an answer without records is taken for.
    pub(super) empty: EmptyList,
}

impl ListSpec<'_> {
    /// The list at an address.
    pub(super) fn connect(
        self,
        address: Address,
        mut exchange: Exchange,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<List, ConnectError> {
        let (cursor, pagination) = (self.cursor, self.pagination);
        let body = self.posted(resolver)?;
        if let Some(body) = &body {
            let headers = &mut exchange.transmitter.headers;
            headers.entry(CONTENT_TYPE).or_insert(body.content_type());
        }
        let records = self.records.map_or(&[][..], |records| &records.keys);
        let key_as = self.key_as.map(|name| name.text.as_str());
        let records_max = exchange.transmitter.body_bytes_max / RECORD_BYTES_MIN;
        let places = Places { records, ids: self.ids, key_as, records_max };
        let param = |name: &Option<Name>| name.as_ref().map(|name| name.text.clone());
        let bounds = BoundParams { since: param(&cursor.since), until: param(&cursor.until) };
        let headers = self.headers.fill_by_request(resolver)?;
        let (style, size) = (pagination.clone(), self.page_size);
        let Habits { rules, empty } = self.habits;
        Ok(List {
            shape: PageShape::new(&places, cursor),
            told: ToldReader::new(&pagination.told()),
            by_last_id: !cursor.by.has_timestamp() && pagination.goes_by_last_id(),
            pager: Pager::new(style, size, bounds, address, headers, body),
            empty,
            anchors: Anchors::new(cursor, self.named, resolver)?,
            requester: Requester::new(exchange, rules, options.now.clone()),
            learned: Learned::default(),
        })
    }

    /// What is posted for a page; `None` for a GET.
    fn posted(&self, resolver: &Resolver<'_>) -> Result<Option<Posted>, ConnectError> {
        if let Some(body) = self.body {
            let params = [self.pagination.page_param(), self.pagination.size_param()];
            let bounds = [self.cursor.since.as_ref(), self.cursor.until.as_ref()];
            let places = bounds.into_iter().chain(params).flatten();
            let body = ListBody::new(body, self.cursor, places, resolver)?;
            return Ok(Some(Posted::Json(Box::new(body))));
        }
        let field = |(name, text): &(String, Text<Listed>)| {
            Ok((name.clone(), RequestText::new(&text.template, &text.site.key, resolver)?))
        };
        let Some(form) = self.form else { return Ok(None) };
        let fields = form.0.iter().map(field).collect::<Result<_, ConnectError>>()?;
        Ok(Some(Posted::Form(fields)))
    }
}
