//! `for_each`: the list is of the children of each parent, which another list has.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    address::Address,
    children::Children,
    cursor::{Cursor, Named},
    list::List,
    pagination::Pagination,
    places,
    spec::{Habits, ListSpec, PAGE_SIZE_DEFAULT},
};
use crate::{
    error::ConnectError,
    file::{At, Fault, Findings},
    http::Exchange,
    json::Picker,
    options::Options,
    resolver::Resolver,
    source::notes::NoteStore,
    value::{
        Headers, JsonTemplate, ListPath, Listed, Name, Query, RecordPath, Url, given,
        template::Part,
    },
};

/// A list of parents. The source's own list is asked for once for each of them, with `${parent.…}` for the fields
/// of the parent in `url`, `query`, `headers` and `body`; how far it was read is kept for each. A child's id counts
/// within its parent. A parent that is refused is parked with what was answered, and asked again in the next run;
/// the others are read on, unless no parent is answered. The parents are asked for with the same credentials and limits, from the same host, and what
/// answers mean is the same.
///
/// ```yaml
/// source:
///   http:
///     url: ${params.api}/repositories/${parent.name}/issues
///     query: { sort: updated, direction: asc }
///     cursor: { by: timestamp, field: updated_at, since: since, settle_lag: 2s }
///     pagination: { link_header: { size_param: per_page } }
///     for_each:
///       url: ${params.api}/repositories
///       pagination: { link_header: { size_param: per_page } }
///       changed: pushed_at
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Parents")]
pub(super) struct ForEach {
    /// The address of the list of parents.
    url: Url<Listed>,
    /// Query parameters sent with every request for the parents.
    #[serde(default)]
    query: Query<Listed>,
    /// The JSON object that the parents are asked for by; with it, by POST.
    #[serde(default, deserialize_with = "given")]
    body: Option<JsonTemplate<Listed>>,
    /// Path to the array of parents in the body; left out: the body is the array.
    records: Option<ListPath>,
    /// Path to a parent's id. Default `id`.
    id: Option<RecordPath>,
    /// What the parents are sorted by. Default `by: id`. Every run goes through all of them.
    cursor: Option<At<Cursor>>,
    /// How the next page of parents is asked for.
    pagination: At<Pagination>,
    /// How many parents to ask for at a time. Default 100.
    #[schemars(range(min = 1, max = 10000))]
    page_size: Option<u32>,
    /// Path to what changes on a parent whenever one of its children does, like a timestamp or a count. A parent
    /// on which it is as it was is not asked for its children. Left out: every parent is asked in every run.
    changed: Option<RecordPath>,
    /// A key under which each child gets the record of its parent.
    embed: Option<Name>,
}

impl ForEach {
    /// Notes keys that do not go together.
    pub(super) fn check(&self, names_parent: bool, findings: &mut Findings) {
        if !names_parent {
            let message =
                "the list is the same for every parent: nothing of `source.http` names one";
            let remedy = "write `${parent.id}` where the API takes it, or remove `for_each`";
            findings.add(Fault::new(self.url.site.place, message, remedy));
        }
        let cursor = self.cursor();
        if let Some(At { place, .. }) = &self.cursor {
            cursor.check(*place, Named::default(), findings);
            if cursor.is_newest_first() || cursor.by.delta_path().is_some() {
                let message = "parents are read from the first to the last in every run";
                let remedy = "write `by: id`, `by: timestamp` or `by: timestamp_id`, oldest first";
                findings.add(Fault::new(*place, message, remedy));
            }
        }
        let At { value: pagination, place } = &self.pagination;
        pagination.check(&*cursor.by, *place, findings);
        places::check(None, (self.body.as_ref(), None), &cursor, pagination, findings);
        self.check_texts(findings);
    }

    /// Notes references in the texts: the list has neither bounds nor a parent.
    fn check_texts(&self, findings: &mut Findings) {
        let query = self.query.0.iter().map(|(_, text)| (&text.template, text.site.place));
        let body = self.body.iter().flat_map(|body| {
            body.root.texts().into_iter().map(|(template, _)| (template, body.site.place))
        });
        let url = (&self.url.template, self.url.site.place);
        for (text, place) in std::iter::once(url).chain(query).chain(body) {
            let by_request = |part: &&Part| matches!(part, Part::Cursor(_) | Part::Parent(_));
            let Some(part) = text.parts.iter().find(by_request) else { continue };
            let message = format!("`{part}` cannot stand here");
            let remedy = "the list of parents is read as a whole: remove it";
            findings.add(Fault::new(place, message, remedy).of(part.to_string()));
        }
    }

    fn cursor(&self) -> Cursor {
        self.cursor.as_ref().map_or_else(Cursor::by_id, |cursor| cursor.value.clone())
    }

    /// The parents for one connection. `paths` are the fields that their children are asked for by; `exchange`
    /// and `habits` are the children's.
    pub(super) fn connect(
        &self,
        paths: &[Vec<String>],
        (exchange, habits): (Exchange, Habits),
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Children, ConnectError> {
        let address = Address::new(&self.url, &self.query, resolver)?;
        if *address.origin() != exchange.origin {
            let message = format!("only {} may see the source's credentials", exchange.origin);
            return Err(ConnectError::new(&self.url.site.key, message));
        }
        let id = self.id.as_ref().map_or_else(|| vec!["id".into()], |id| id.keys.clone());
        let (headers, cursor) = (Headers::default(), self.cursor());
        let spec = ListSpec {
            headers: &headers,
            body: self.body.as_ref(),
            form: None,
            records: self.records.as_ref(),
            ids: &[id],
            key_as: None,
            cursor: &cursor,
            pagination: &self.pagination.value,
            page_size: self.page_size.unwrap_or(PAGE_SIZE_DEFAULT),
            named: Named::default(),
            habits,
        };
        let parents: List = spec.connect(address, exchange, resolver, options)?;
        let mut picker = Picker::new();
        let slots = paths.iter().map(|path| (path.join("."), picker.add(path))).collect();
        let changed = self.changed.as_ref().map(|path| picker.add(&path.keys));
        let embed = self.embed.as_ref().map(|name| name.text.clone());
        Ok(Children { parents, picker, slots, changed, embed, notes: NoteStore::new(options) })
    }
}
