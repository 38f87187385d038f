//! `lookup`: what a record is looked up by, and how many at a time.

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports;

use super::{
    answer::Results,
    cached::CachedLookup,
    classify::Rules,
    http::Http,
    look_up::{ANSWER_BYTES_MAX, HttpLookup},
    request::Request,
    scope::Scope,
};
use crate::{
    connection::Connection,
    error::ConnectError,
    file::{At, Findings, Place},
    http::{AdvertisedLimits, Exchange, Reads, Transmitter, authenticator},
    json::Picker,
    keys::Keys,
    options::Options,
    resolver::Resolver,
    value::{Millis, RecordPath, path},
};

const SIZE_DEFAULT: u32 = 100;

/// What another system knows of a record, asked for before it is mapped: for many records in a
/// request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    /// Path in the source's record to what it is looked up by. A record without one is not looked up.
    by: RecordPath,
    /// Whether keys that differ in case alone name the same: they are asked for in lower case.
    /// Default false.
    #[serde(default)]
    ignore_case: bool,
    /// Most keys in a request, and no more than the API answers at once. Default 100, and 1 where
    /// the address holds `${lookup.key}`.
    #[schemars(range(min = 1, max = 1000))]
    size: Option<u32>,
    /// How long what was found may be used again; left out: every record is looked up anew.
    cache: Option<At<Millis<1_000, 86_400_000>>>,
    /// The HTTP API that knows.
    http: Box<Http>,
}

/// What a look-up must know of the rest of its flow.
pub(crate) struct Surroundings<'a> {
    /// The flow's name.
    pub(crate) flow: &'a str,
    /// Whether records are merged with what is found.
    pub(crate) merges: bool,
    /// What answers say is left.
    pub(crate) limits: AdvertisedLimits,
    /// The connection's values.
    pub(crate) connection: &'a Connection,
}

impl Lookup {
    /// The keys that lead to what a record is looked up by.
    pub(crate) fn by(&self) -> &[String] {
        &self.by.keys
    }

    /// Where the file says that answers are used again.
    pub(crate) fn cache_place(&self) -> Option<Place> {
        self.cache.as_ref().map(|cache| cache.place)
    }

    /// The longest that one request may take, in ms.
    pub(crate) fn request_ms(&self) -> u64 {
        self.http.request_ms()
    }

    fn size(&self) -> u32 {
        self.size.unwrap_or(if self.http.names_one_key() { 1 } else { SIZE_DEFAULT })
    }

    /// Notes what does not go together. `place` is the section's.
    pub(crate) fn check(&self, place: Place, findings: &mut Findings) {
        self.http.check(self.size(), place, findings);
    }

    /// The look-up for one connection. Makes no request.
    ///
    /// # Errors
    /// A value that the connection lacks, or that cannot stand where the section puts it.
    pub(crate) fn connect(
        &self,
        around: Surroundings<'_>,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<Box<dyn ports::Lookup>, ConnectError> {
        let scope = Scope::new(around.flow, self, around.connection);
        let http = self.http_lookup(around, resolver, options)?;
        Ok(match &self.cache {
            Some(cache) => Box::new(CachedLookup::new(http, cache.value.0, scope, options)),
            None => Box::new(http),
        })
    }

    fn http_lookup(
        &self,
        around: Surroundings<'_>,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<HttpLookup, ConnectError> {
        let http = &self.http;
        let request = Request::new(http, resolver)?;
        let auth = authenticator(http.auth.as_ref(), "lookup.http.auth", resolver, options)?;
        let mut headers = http.headers.fill(resolver)?;
        if let Some(kind) = request.content_type() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        }
        let transmitter = Transmitter {
            http: options.http.clone(),
            headers,
            reads: Reads::Everything,
            body_bytes_max: ANSWER_BYTES_MAX,
            redactor: resolver.redactor(),
            now: options.now.clone(),
            witness: None,
        };
        Ok(HttpLookup {
            by: Picker::of(self.by()),
            by_path: path::written(self.by()),
            merges: around.merges,
            keys: Keys { ignore_case: self.ignore_case },
            // The schema's range keeps it far below any usize.
            size: usize::try_from(self.size()).unwrap_or(usize::MAX).max(1),
            rules: Rules::new(http),
            results: Results::new(http),
            method: http.method(),
            exchange: Exchange {
                budget: None,
                transmitter,
                origin: request.origin().clone(),
                auth,
                timeout_ms: http.timeout_ms(),
                limits: around.limits,
            },
            request,
        })
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    #[test]
    fn what_is_left_out_has_its_default() {
        let lookup: Lookup = section(json!({
            "by": "email",
            "http": {
                "url": "https://a.example/customers",
                "query": { "email": "${lookup.key}" },
                "key": "email",
            },
        }));
        assert_eq!((lookup.size(), lookup.ignore_case, lookup.cache_place()), (100, false, None));
        let http = &lookup.http;
        assert_eq!((http.method(), http.timeout_ms()), (Method::GET, 30_000));
        assert_eq!(http.separator(), ",");
    }

    #[test]
    fn an_address_that_names_the_key_asks_for_one_at_a_time() {
        let lookup: Lookup = section(json!({
            "by": "id",
            "cache": "1h",
            "http": {
                "url": "https://a.example/customers/${lookup.key}.json?full=1",
                "missing": [404, 410],
            },
        }));
        assert_eq!(lookup.size(), 1);
        assert_eq!(lookup.cache.as_ref().map(|cache| cache.value.0), Some(3_600_000));
        let mut findings = Findings::default();
        lookup.check(Place::default(), &mut findings);
        assert_eq!(findings.faults, []);
    }

    #[test]
    fn json_is_posted_and_a_list_holds_a_key_for_each() {
        let inputs = json!([{ "id": "${lookup.key}", "tenant": "${params.chat}" }]);
        let lookup: Lookup = section(json!({
            "by": "id",
            "http": {
                "url": "https://a.example/batch",
                "body": { "idProperty": "email", "inputs": inputs },
                "key": "id",
            },
        }));
        assert_eq!((lookup.size(), lookup.http.method()), (100, Method::POST));
        let mut findings = Findings::default();
        lookup.check(Place::default(), &mut findings);
        assert_eq!(findings.faults, []);
    }
}
