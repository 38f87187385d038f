//! What the requests of a destination are composed of, by its keys.

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap},
};

use super::{endpoint::Endpoint, *};
use crate::file::Site;

impl Endpoint<'_> {
    /// Notes what does not go together in what is sent. `shape` says what becomes of records before.
    pub(super) fn check_sent(&self, shape: &Shape, findings: &mut Findings) {
        for headers in &self.headers {
            self.body.check(headers, findings);
        }
        self.http.idempotency.check(self.batch.is_some(), findings);
        self.check_names(shape, findings);
        if let Some(upsert) = self.upsert {
            upsert.value.check(findings);
        }
        self.check_question(findings);
        if let Some(envelope) = self.envelope {
            let whole = if self.split.is_some() { Part::Item } else { Part::Body };
            envelope::check(envelope, &whole(Vec::new()), findings);
        }
        let halves = self.upsert.iter().flat_map(|at| [&at.value.create, &at.value.update]);
        for envelope in halves.filter_map(|half| half.envelope.as_ref()) {
            envelope::check(envelope, &Part::Body(Vec::new()), findings);
        }
        let texts = self.address_texts();
        if self.batch.is_some() {
            self.check_batch(&texts, findings);
        }
        self.check_split(shape, findings);
        for (template, site) in self.texts() {
            for part in &template.parts {
                if let (Part::Item(_), None) = (part, self.split) {
                    let message = format!("`{part}` is never there: records are not split");
                    let remedy = "add `split`, or write `${record.…}` or `${body.…}`";
                    findings.add(Fault::new(site.place, message, remedy).of(part.to_string()));
                }
                if let Part::Body(path) = part
                    && !path.is_empty()
                    && !shape.writes(path)
                {
                    let message =
                        format!("`{part}` is never there: `transform.map` writes no such field");
                    let remedy =
                        "write `${record.…}` for a field of the source's record, or map it";
                    findings.add(Fault::new(site.place, message, remedy).of(part.to_string()));
                }
            }
        }
    }

    /// Notes a question by a key that is not sent with the record.
    fn check_question(&self, findings: &mut Findings) {
        let asks_by_key = self.http.on_unknown.as_ref().and_then(|it| it.value.asks_by_key());
        let Some(place) = asks_by_key else { return };
        let (message, remedy) = match (self.upsert, self.batch) {
            (Some(_), _) => (
                "creating and updating are two requests with two keys: `${idempotency_key}` names one of them",
                "write `${record.…}` for a field by which the destination knows the record",
            ),
            (None, Some(batch)) if !batch.sends_keys() => (
                "`${idempotency_key}` is a record's own key, and this batch sends none",
                "add `batch.key_field`, or write `${record.…}`",
            ),
            _ => return,
        };
        findings.add(Fault::new(place, message, remedy).of("${idempotency_key}".to_owned()));
    }

    /// Notes names that the body's format cannot have.
    fn check_names(&self, shape: &Shape, findings: &mut Findings) {
        let around = match self.batch {
            Some(batch) => batch.envelope(),
            None => self.envelope.map(|envelope| &envelope.root),
        };
        let is_whole = |(text, _): &(&Template, bool)| {
            text.parts
                .iter()
                .any(|part| matches!(part, Part::Records) || *part == Part::Body(Vec::new()))
        };
        // An envelope may have a few fields of it, under names of its own; an item is none of them.
        let all =
            self.split.is_none() && around.is_none_or(|around| around.texts().iter().any(is_whole));
        let shape = if all { shape } else { &Shape::Program };
        // A batch with nothing around it is a list, which is no body of XML at all.
        if let Some(url) = self.url.filter(|_| self.batch.is_none() || around.is_some()) {
            self.body.check_names(shape, around, url.site.place, findings);
        }
    }

    /// The texts of the address and the headers, each with where it stands.
    fn address_texts(&self) -> Vec<(&Template, &Site)> {
        let mut texts: Vec<_> = self.url.iter().map(|url| (&url.template, &url.site)).collect();
        let query = self.query.iter().flat_map(|query| &query.0);
        texts.extend(query.map(|(_, text)| (&text.template, &text.site)));
        texts.extend(self.headers.iter().flat_map(|headers| headers.texts()));
        texts
    }

    /// The texts that records fill in, but that of a deletion, each with where it stands.
    fn texts(&self) -> Vec<(&Template, &Site)> {
        let mut texts = self.address_texts();
        let halves = self.upsert.iter().flat_map(|at| [&at.value.create, &at.value.update]);
        let urls = halves.filter_map(|half| half.url.as_ref());
        texts.extend(urls.map(|url| (&url.template, &url.site)));
        let found = self.upsert.iter().filter_map(|at| at.value.find.as_ref());
        texts.extend(found.map(|find| (&find.value.url.template, &find.value.url.site)));
        if let Some(envelope) = self.envelope {
            texts.extend(envelope.root.texts().into_iter().map(|(text, _)| (text, &envelope.site)));
        }
        texts.extend(self.batch.iter().flat_map(|batch| batch.texts()));
        texts
    }

    /// Notes what does not go with records that are split, and items that nothing is sent of.
    fn check_split(&self, shape: &Shape, findings: &mut Findings) {
        let Some(split) = self.split else { return };
        let site = &split.items.site;
        if let Some(find) = self.upsert.and_then(|upsert| upsert.value.find.as_ref()) {
            let message = "this cannot be beside `split`: after a crash it would not be known which of a record's \
                           requests to ask for";
            findings.add(Fault::new(find.place, message, "remove one of them"));
        }
        findings.faults.extend(split.check(shape));
        if let Some(on_unknown) = &self.http.on_unknown
            && self.http.on_unknown() != model::OnUnknown::Retry
        {
            let message = "this cannot be beside `split`: after a crash between two of a record's requests, some of \
                           them were applied and others not";
            let remedy =
                "write `on_unknown: retry`, which sends all of them again with the same keys";
            findings.add(Fault::new(on_unknown.place, message, remedy));
        }
        if let Some(Removal { url: Some(url), .. }) = self.delete
            && let Some(part) = url.template.parts.iter().find(|it| matches!(it, Part::Item(_)))
        {
            let message = format!("`{part}` cannot stand here: a deletion is one request");
            let remedy = "write `${record.…}`";
            findings.add(Fault::new(url.site.place, message, remedy).of(part.to_string()));
        }
        if let Some(site) = self.batch.and_then(Batch::delete_action) {
            let message = "`delete_action` does nothing here: a deletion of a record that is split is one request";
            findings.add(Fault::new(site.place, message, "write `delete: { url: … }`"));
        }
        let has = |is: fn(&Part) -> bool| {
            self.texts().iter().any(|(template, _)| template.parts.iter().any(is))
        };
        // Without an envelope the item is the body.
        if self.envelope.is_some() && !has(|part| matches!(part, Part::Item(_))) {
            let message = "nothing of an item is sent: all requests of a record would be the same";
            let remedy = "write `${item}` or `${item.…}` in `envelope`";
            findings.add(Fault::new(site.place, message, remedy));
        }
        let is_of_source = matches!(split.items.part, Part::Record(_));
        if is_of_source && *shape != Shape::Same && !has(|part| matches!(part, Part::Body(_))) {
            let message = format!(
                "nothing of what `transform` makes is sent: the items are those of the source's record, `{}`",
                split.items.part
            );
            let remedy = "write `${body.…}` for a list that the transform makes, or use a field of it in `envelope`";
            findings.add(Fault::new(site.place, message, remedy));
        }
    }

    /// Notes what is of one record, in a request for many.
    fn check_batch(&self, texts: &[(&Template, &Site)], findings: &mut Findings) {
        // Items of one record have that in common.
        let is_common =
            |part: &Part| self.split.is_some() && matches!(part, Part::Record(_) | Part::Body(_));
        for (template, site) in texts {
            let mut parts = template.parts.iter();
            if let Some(part) = parts.find(|part| part.is_of_record() && !is_common(part)) {
                let message = format!("`{part}` cannot stand here");
                let remedy =
                    "a batch is one request for many records: remove `batch`, or the reference";
                findings.add(Fault::new(site.place, message, remedy).of(part.to_string()));
            }
        }
        let mut beside = Vec::new();
        if let Some(envelope) = self.envelope {
            beside.push(("envelope", envelope.site.place, "write it as `batch.envelope`"));
        }
        if let Some(upsert) = self.upsert {
            beside.push((
                "upsert",
                upsert.place,
                "remove `batch`: each record has its own request",
            ));
        }
        if let (Some(Removal { url: Some(url), .. }), None) = (self.delete, self.split) {
            let remedy = "with `body: ndjson`, write `batch.delete_action`, or remove `batch`";
            beside.push(("delete.url", url.site.place, remedy));
        }
        if let (Format::Form, Some(url)) = (self.body, self.url) {
            beside.push(("body: form", url.site.place, "remove `batch`: a form is one record"));
        }
        for (key, place, remedy) in beside {
            let message = format!("`{key}` cannot be beside `batch`");
            findings.add(Fault::new(place, message, remedy));
        }
    }

    /// The headers that are the same in all requests.
    pub(super) fn fixed_headers(&self, resolver: &Resolver<'_>) -> Result<HeaderMap, ConnectError> {
        let mut headers = HeaderMap::new();
        for some in &self.headers {
            headers.extend(some.fill(resolver)?);
        }
        headers.entry(CONTENT_TYPE).or_insert(self.body.content_type());
        Ok(headers)
    }

    /// Which records are deletions.
    pub(super) fn deletions(&self) -> Deletions {
        Deletions::new(self.delete.and_then(|it| it.when.as_ref()))
    }

    /// What puts many records into a request that goes where those of single ones would.
    pub(super) fn bulk(
        &self,
        single: &Composer,
        keys: &KeyMaker,
        resolver: &Resolver<'_>,
    ) -> Result<Option<Bulk>, ConnectError> {
        let scope = format!("{} {}", single.method(), single.url().written());
        let bulk = |batch| Bulk::new(batch, self.body, keys.clone(), scope, resolver);
        self.batch.map(bulk).transpose()
    }

    /// What composes requests for records; with `upsert`, those that are tried first.
    pub(super) fn single(
        &self,
        shape: &Shape,
        keys: &KeyMaker,
        resolver: &Resolver<'_>,
    ) -> Result<Composer, ConnectError> {
        match self.upsert {
            None => self.composer(self.method.into(), None, true, (shape, keys, resolver)),
            Some(upsert) => match &upsert.value.find {
                Some(find) => self.question(&find.value, (shape, keys, resolver)),
                None => self.half(&upsert.value, upsert.value.first(), (shape, keys, resolver)),
            },
        }
    }

    /// What composes the requests that follow the first ones.
    pub(super) fn follow(
        &self,
        shape: &Shape,
        keys: &KeyMaker,
        resolver: &Resolver<'_>,
    ) -> Result<Option<Follow>, ConnectError> {
        let Some(At { value: upsert, .. }) = self.upsert else { return Ok(None) };
        let half = |which| self.half(upsert, which, (shape, keys, resolver));
        Ok(Some(match &upsert.find {
            Some(find) => {
                Follow::new(find.value.finder(half(First::Create)?, half(First::Update)?))
            }
            None => Follow::new(upsert.other(half(match upsert.first() {
                First::Create => First::Update,
                First::Update => First::Create,
            })?)),
        }))
    }

    /// What composes the requests for deletions.
    pub(super) fn removal(
        &self,
        shape: &Shape,
        keys: &KeyMaker,
        resolver: &Resolver<'_>,
    ) -> Result<Option<Composer>, ConnectError> {
        let is_alone = self.batch.is_none() || self.split.is_some();
        let Some(removal) = self.delete.filter(|_| is_alone) else { return Ok(None) };
        let url = removal.url.as_ref().map(|url| (&url.template, &*url.site.key));
        let method = removal.method.unwrap_or(HttpMethod::Delete);
        // Nothing is made of a deletion.
        let around = (if url.is_some() { &Shape::Same } else { shape }, keys, resolver);
        self.composer(method.into(), url, false, around).map(Some)
    }

    fn half(
        &self,
        upsert: &Upsert,
        which: First,
        around: (&Shape, &KeyMaker, &Resolver<'_>),
    ) -> Result<Composer, ConnectError> {
        let (half, method) = match which {
            First::Create => (&upsert.create, HttpMethod::Post),
            First::Update => (&upsert.update, HttpMethod::Patch),
        };
        let url = half.url.as_ref().map(|url| (&url.template, &*url.site.key));
        let parts = self.parts(half.method.unwrap_or(method).into(), url, true, around)?;
        let resolver = around.2;
        let envelope = half.envelope.as_ref().map(|it| Envelope::new(it, resolver)).transpose()?;
        let parts = Parts { envelope: envelope.or(parts.envelope), ..parts };
        Ok(Composer::new(parts, around.1.clone()))
    }

    /// What composes the question that goes before a creation or an update.
    fn question(
        &self,
        find: &Find,
        around: (&Shape, &KeyMaker, &Resolver<'_>),
    ) -> Result<Composer, ConnectError> {
        let (_, keys, resolver) = around;
        let url = Some((&find.url.template, &*find.url.site.key));
        let parts = self.parts(find.method(), url, find.body.is_some(), around)?;
        let envelope = find.body.as_ref().map(|it| Envelope::new(it, resolver)).transpose()?;
        let parts = Parts { envelope, query: Vec::new(), ..parts };
        Ok(Composer::new(parts, keys.without_place()))
    }

    fn composer(
        &self,
        method: Method,
        url: Option<(&Template, &str)>,
        has_body: bool,
        around: (&Shape, &KeyMaker, &Resolver<'_>),
    ) -> Result<Composer, ConnectError> {
        Ok(Composer::new(self.parts(method, url, has_body, around)?, around.1.clone()))
    }

    fn parts(
        &self,
        method: Method,
        url: Option<(&Template, &str)>,
        has_body: bool,
        (shape, _, resolver): (&Shape, &KeyMaker, &Resolver<'_>),
    ) -> Result<Parts, ConnectError> {
        let (url, key) = match url {
            Some(url) => url,
            None => self.url().map(|url| (&url.template, &*url.site.key))?,
        };
        let text =
            |text: &Template, key: &str| SentText::new(text, key, resolver, RecordIs::Source);
        let query = self
            .query
            .iter()
            .flat_map(|query| &query.0)
            .map(|(name, query)| Ok((name.clone(), text(&query.template, &query.site.key)?)));
        Ok(Parts {
            method,
            url: RecordUrl::new(url, key, resolver, shape)?,
            query: query.collect::<Result<_, ConnectError>>()?,
            headers: self.by_record(resolver)?,
            envelope: match self.envelope {
                Some(envelope) => Some(Envelope::new(envelope, resolver)?),
                None => None,
            },
            format: has_body.then_some(self.body),
        })
    }

    fn by_record(
        &self,
        resolver: &Resolver<'_>,
    ) -> Result<Vec<(reqwest::header::HeaderName, SentText)>, ConnectError> {
        let mut all = Vec::new();
        for headers in &self.headers {
            all.extend(headers.fill_by_record(resolver)?);
        }
        Ok(all)
    }
}
