//! What the requests of a destination are composed of, by its keys.

use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::*;

impl Http {
    /// Notes what does not go together in what is sent. `shape` says what becomes of records before.
    pub(super) fn check_sent(&self, shape: &Shape, findings: &mut Findings) {
        self.body.check(&self.headers, findings);
        self.idempotency.check(self.batch.is_some(), findings);
        if let Some(upsert) = &self.upsert {
            upsert.value.check(findings);
        }
        self.check_question(findings);
        if let Some(envelope) = &self.envelope {
            envelope::check(envelope, &Part::Body(Vec::new()), findings);
        }
        let mut texts = vec![(&self.url.template, &self.url.site)];
        texts.extend(self.query.0.iter().map(|(_, text)| (&text.template, &text.site)));
        texts.extend(self.headers.texts());
        if self.batch.is_some() {
            self.check_batch(&texts, findings);
        }
        let halves = self.upsert.iter().flat_map(|at| [&at.value.create, &at.value.update]);
        let urls = halves.filter_map(|half| half.url.as_ref());
        texts.extend(urls.map(|url| (&url.template, &url.site)));
        for (template, site) in texts {
            for part in &template.parts {
                if let Part::Body(path) = part
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
        let asks_by_key = self.on_unknown.as_ref().and_then(|it| it.value.asks_by_key());
        let Some(place) = asks_by_key else { return };
        let (message, remedy) = match (&self.upsert, &self.batch) {
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

    /// Notes what is of one record, in a request for many.
    fn check_batch(&self, texts: &[(&Template, &crate::file::Site)], findings: &mut Findings) {
        for (template, site) in texts {
            if let Some(part) = template.parts.iter().find(|part| part.is_of_record()) {
                let message = format!("`{part}` cannot stand here");
                let remedy =
                    "a batch is one request for many records: remove `batch`, or the reference";
                findings.add(Fault::new(site.place, message, remedy).of(part.to_string()));
            }
        }
        let mut beside = Vec::new();
        if let Some(envelope) = &self.envelope {
            beside.push(("envelope", envelope.site.place, "write it as `batch.envelope`"));
        }
        if let Some(upsert) = &self.upsert {
            beside.push((
                "upsert",
                upsert.place,
                "remove `batch`: each record has its own request",
            ));
        }
        if let Some(Removal { url: Some(url), .. }) = &self.delete {
            let remedy = "with `body: ndjson`, write `batch.delete_action`, or remove `batch`";
            beside.push(("delete.url", url.site.place, remedy));
        }
        if self.body == Format::Form {
            beside.push((
                "body: form",
                self.url.site.place,
                "remove `batch`: a form is one record",
            ));
        }
        for (key, place, remedy) in beside {
            let message = format!("`{key}` cannot be beside `batch`");
            findings.add(Fault::new(place, message, remedy));
        }
    }

    /// What makes the keys of requests.
    pub(super) fn keys(&self) -> KeyMaker {
        self.idempotency.keys(self.idempotency_key.clone().unwrap_or_default().header())
    }

    /// The headers that are the same in all requests.
    pub(super) fn fixed_headers(&self, resolver: &Resolver<'_>) -> Result<HeaderMap, ConnectError> {
        let mut headers = self.headers.fill(resolver)?;
        headers.entry(CONTENT_TYPE).or_insert(self.body.content_type());
        Ok(headers)
    }

    /// Which records are deletions.
    pub(super) fn deletions(&self) -> Deletions {
        Deletions::new(self.delete.as_ref().and_then(|it| it.when.as_ref()))
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
        self.batch.as_ref().map(bulk).transpose()
    }

    /// What composes requests for records; with `upsert`, those that are tried first.
    pub(super) fn single(
        &self,
        shape: &Shape,
        keys: &KeyMaker,
        resolver: &Resolver<'_>,
    ) -> Result<Composer, ConnectError> {
        match &self.upsert {
            None => self.composer(self.method, None, true, (shape, keys, resolver)),
            Some(upsert) => self.half(&upsert.value, true, (shape, keys, resolver)),
        }
    }

    /// What composes the requests that follow the first ones.
    pub(super) fn follow(
        &self,
        shape: &Shape,
        keys: &KeyMaker,
        resolver: &Resolver<'_>,
    ) -> Result<Option<upsert::Follow>, ConnectError> {
        let Some(upsert) = &self.upsert else { return Ok(None) };
        let second = self.half(&upsert.value, false, (shape, keys, resolver))?;
        Ok(Some(upsert.value.follow(second)))
    }

    /// What composes the requests for deletions.
    pub(super) fn removal(
        &self,
        shape: &Shape,
        keys: &KeyMaker,
        resolver: &Resolver<'_>,
    ) -> Result<Option<Composer>, ConnectError> {
        let Some(removal) = self.delete.as_ref().filter(|_| self.batch.is_none()) else {
            return Ok(None);
        };
        let url = removal.url.as_ref().map(|url| (&url.template, &*url.site.key));
        let method = removal.method.unwrap_or(HttpMethod::Delete);
        // Nothing is made of a deletion.
        let around = (if url.is_some() { &Shape::Same } else { shape }, keys, resolver);
        self.composer(method, url, false, around).map(Some)
    }

    fn half(
        &self,
        upsert: &Upsert,
        is_first: bool,
        around: (&Shape, &KeyMaker, &Resolver<'_>),
    ) -> Result<Composer, ConnectError> {
        let creates = (upsert.first == First::Create) == is_first;
        let (half, method) = match creates {
            true => (&upsert.create, HttpMethod::Post),
            false => (&upsert.update, HttpMethod::Patch),
        };
        let url = half.url.as_ref().map(|url| (&url.template, &*url.site.key));
        self.composer(half.method.unwrap_or(method), url, true, around)
    }

    fn composer(
        &self,
        method: HttpMethod,
        url: Option<(&Template, &str)>,
        has_body: bool,
        (shape, keys, resolver): (&Shape, &KeyMaker, &Resolver<'_>),
    ) -> Result<Composer, ConnectError> {
        let (url, key) = url.unwrap_or((&self.url.template, &self.url.site.key));
        let text =
            |text: &Template, key: &str| SentText::new(text, key, resolver, RecordIs::Source);
        let query = self
            .query
            .0
            .iter()
            .map(|(name, query)| Ok((name.clone(), text(&query.template, &query.site.key)?)));
        let parts = Parts {
            method: method.into(),
            url: RecordUrl::new(url, key, resolver, shape)?,
            query: query.collect::<Result<_, ConnectError>>()?,
            headers: self.headers.fill_by_record(resolver)?,
            envelope: match &self.envelope {
                Some(envelope) => Some(Envelope::new(envelope, resolver)?),
                None => None,
            },
            format: has_body.then_some(self.body),
        };
        Ok(Composer::new(parts, keys.clone()))
    }
}
