//! One way that requests take to the API, with all that says what is sent and what answers mean: the destination's own,
//! or a route's.

use super::*;
use crate::{http::Origin, transform::Condition};

/// One way of requests.
pub(super) struct Endpoint<'f> {
    /// Which of the routes it is; none for the only way.
    pub(super) at: Option<usize>,
    /// For which records.
    pub(super) when: Option<&'f Condition>,
    pub(super) url: Option<&'f Url<Sent>>,
    pub(super) query: Vec<&'f Query<Sent>>,
    pub(super) method: HttpMethod,
    pub(super) headers: Vec<&'f Headers<Sent>>,
    pub(super) body: Format,
    pub(super) envelope: Option<&'f JsonTemplate<Enveloped>>,
    pub(super) delete: Option<&'f Removal>,
    pub(super) upsert: Option<&'f At<Upsert>>,
    pub(super) split: Option<&'f Split>,
    pub(super) auth: Option<&'f Auth>,
    /// The credentials are its own, and no other's.
    pub(super) has_own_auth: bool,
    pub(super) batch: Option<&'f Batch>,
    pub(super) answers: &'f Answers,
    pub(super) expect: Option<Expect>,
    /// What all ways have in common.
    pub(super) http: &'f Http,
}

impl Endpoint<'_> {
    /// The keys that lead to it.
    pub(super) fn key(&self) -> String {
        match self.at {
            None => "destination.http".to_owned(),
            Some(at) => format!("destination.http.routes.{at}"),
        }
    }

    /// Its address.
    ///
    /// # Errors
    /// If there is none: `check` has said so.
    pub(super) fn url(&self) -> Result<&Url<Sent>, ConnectError> {
        self.url.ok_or_else(|| ConnectError::new(&self.key(), "it has no `url`"))
    }

    /// Notes keys that contradict each other, or what becomes of records before.
    pub(super) fn check(&self, shape: &Shape, findings: &mut Findings) {
        self.answers.check(findings);
        if let Some(auth) = self.auth {
            auth.check(findings);
        }
        if let Some(batch) = self.batch {
            batch.check(self.body, findings);
        }
        self.check_sent(shape, findings);
    }

    /// What sends its requests for one connection.
    ///
    /// # Errors
    /// A value that the connection lacks, or that cannot be used.
    pub(super) fn connect(
        &self,
        limits: &Limits,
        shape: &Shape,
        resolver: &Resolver<'_>,
        options: &Options,
    ) -> Result<HttpDestination, ConnectError> {
        let keys = self.http.keys();
        let single = self.single(shape, &keys, resolver)?;
        let bulk = self.bulk(&single, &keys, resolver)?;
        let redactor = resolver.redactor();
        let place = if self.has_own_auth { self.key() } else { "destination.http".to_owned() };
        let auth = authenticator(self.auth, &format!("{place}.auth"), resolver, options)?;
        let headers = self.fixed_headers(resolver)?;
        let rules = Rules::new(self.answers, self.http.short_forms(), single.url().names_record());
        let limits = limits.advertised();
        let has_results = self.batch.is_some_and(Batch::has_results);
        let reads = has_results || rules.reads_codes() || limits.reads_bodies();
        let expects = Expect::of(self.expect, reads);
        let has = match &self.http.on_unknown {
            Some(on_unknown) => {
                on_unknown.value.question(resolver, single.url().origin(), shape)?
            }
            None => None,
        };
        Ok(HttpDestination {
            exchange: Exchange {
                budget: None,
                transmitter: Transmitter {
                    http: options.http.clone(),
                    headers,
                    reads: Reads::Everything,
                    body_bytes_max: self.answer_bytes_max(&rules, &limits),
                    redactor,
                    now: options.now.clone(),
                },
                origin: single.url().origin().clone(),
                auth,
                timeout_ms: self.http.timeout_ms(),
                limits,
            },
            has_key: keys.header.is_some(),
            removal: self.removal(shape, &keys, resolver)?,
            follow: self.follow(shape, &keys, resolver)?,
            deletions: self.deletions(),
            items: self.split.map(|split| Items::new(split.splitter())),
            rules,
            single,
            bulk,
            has,
            success: Success { expects, is_bulk: self.batch.is_some(), has_results },
        })
    }

    /// Where the credentials that all ways have in common go to, if this one has them.
    pub(super) fn shares_credentials_with(&self, to: &HttpDestination) -> Option<Origin> {
        let has_secrets = || {
            let texts = self.http.headers.texts();
            texts.into_iter().any(|(template, _)| template.secrets().next().is_some())
        };
        let shares = !self.has_own_auth && (self.auth.is_some() || has_secrets());
        shares.then(|| to.exchange.origin.clone())
    }

    /// How much of an answer has to be read for all that it may say.
    fn answer_bytes_max(&self, rules: &Rules, limits: &AdvertisedLimits) -> usize {
        // A bulk's answer may list failures that the flow does not know of.
        if self.batch.is_some() {
            RESULTS_BYTES_MAX
        } else if rules.reads_codes() || limits.reads_bodies() {
            CODED_BYTES_MAX
        } else {
            ANSWER_BYTES_MAX
        }
    }
}
