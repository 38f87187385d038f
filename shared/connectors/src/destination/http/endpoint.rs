//! One way that requests take to the API, with all that says what is sent and what answers mean: the destination's own,
//! or a route's.

use super::*;
use crate::http::Origin;

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
                    witness: options.witness.clone(),
                },
                origin: single.url().origin().clone(),
                auth,
                timeout_ms: self.http.timeout_ms(),
                limits,
            },
            has_key: keys.header.is_some(),
            removal: self.removal(shape, &keys, resolver)?,
            follow: self.follow(shape, &keys, resolver)?,
            finds: self.http.finds(),
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
        self.shares_credentials().then(|| to.exchange.origin.clone())
    }

    fn shares_credentials(&self) -> bool {
        let has_secrets = || {
            let mut texts = self.http.headers.texts();
            texts.any(|(template, _)| template.secrets().next().is_some())
        };
        !self.has_own_auth && (self.auth.is_some() || has_secrets())
    }

    /// The host that it leads to, where the file says it as it stands.
    fn stated_origin(&self) -> Option<Origin> {
        let [Part::Literal(first), rest @ ..] = self.url?.template.parts.as_slice() else {
            return None;
        };
        let (_, behind) = first.split_once("://")?;
        let is_whole = rest.is_empty() || behind.contains('/');
        is_whole.then(|| url::Url::parse(first).ok().as_ref().and_then(Origin::of)).flatten()
    }

    /// How much of an answer has to be read for all that it may say.
    fn answer_bytes_max(&self, rules: &Rules, limits: &AdvertisedLimits) -> usize {
        // A bulk's answer may list failures that the flow does not know of.
        if self.batch.is_some() {
            RESULTS_BYTES_MAX
        } else if rules.reads_codes() || limits.reads_bodies() || self.upsert.is_some() {
            CODED_BYTES_MAX
        } else {
            ANSWER_BYTES_MAX
        }
    }
}

impl Http {
    /// The ways that requests take: that of each route, or the only one.
    pub(super) fn endpoints(&self) -> Vec<Endpoint<'_>> {
        let routes = self.routes.iter().flat_map(|routes| &routes.value).enumerate();
        let ways: Vec<_> = routes.map(|(at, route)| self.of_route(at, &route.value)).collect();
        if ways.is_empty() { vec![self.of_all()] } else { ways }
    }

    fn of_all(&self) -> Endpoint<'_> {
        Endpoint {
            at: None,
            when: None,
            url: self.url.as_ref(),
            query: vec![&self.query],
            method: self.method.unwrap_or_default(),
            headers: vec![&self.headers],
            body: self.body.unwrap_or_default(),
            envelope: self.envelope.as_ref(),
            delete: self.delete.as_ref(),
            upsert: self.upsert.as_ref(),
            split: self.split.as_ref(),
            auth: self.auth.as_ref(),
            has_own_auth: false,
            batch: self.batch.as_ref(),
            answers: &self.answers,
            expect: self.expect,
            http: self,
        }
    }

    fn of_route<'f>(&'f self, at: usize, route: &'f Route) -> Endpoint<'f> {
        let all = self.of_all();
        Endpoint {
            at: Some(at),
            when: route.when.as_ref().map(|when| &when.value),
            url: route.url.as_ref().or(all.url),
            query: vec![&self.query, &route.query],
            method: route.method.unwrap_or(all.method),
            headers: vec![&self.headers, &route.headers],
            body: route.body.unwrap_or(all.body),
            envelope: route.envelope.as_ref().or(all.envelope),
            delete: route.delete.as_ref().or(all.delete),
            upsert: route.upsert.as_ref().or(all.upsert),
            split: route.split.as_ref().or(all.split),
            auth: route.auth.as_ref().or(all.auth),
            has_own_auth: route.auth.is_some(),
            batch: route.batch.as_ref().or(all.batch),
            answers: route.answers.as_ref().unwrap_or(all.answers),
            expect: route.expect.or(all.expect),
            http: self,
        }
    }

    /// Notes routes that no record takes, and an address that is missing.
    pub(super) fn check_routes(&self, place: Place, findings: &mut Findings) {
        let routes = self.routes.as_ref().filter(|routes| !routes.value.is_empty());
        if let Some(otherwise) = &self.otherwise {
            let takes_all = |routes: &At<Vec<At<Route>>>| {
                routes.value.last().is_some_and(|last| last.value.when.is_none())
            };
            let fault = match routes {
                None => Some(("there are no routes", "write `routes`, or remove it")),
                Some(routes) if takes_all(routes) => Some((
                    "the last route takes all records that are left",
                    "give it a `when`, or remove `otherwise`",
                )),
                Some(_) => None,
            };
            if let Some((message, remedy)) = fault {
                let message = format!("`otherwise` does nothing: {message}");
                findings.add(Fault::new(otherwise.place, message, remedy));
            }
        }
        self.check_hosts(findings);
        let Some(routes) = routes else {
            if self.url.is_none() {
                let message = "missing key `url` in `destination.http`";
                let remedy = "add `url:` the address, or `routes:` with an address in each";
                findings.add(Fault::new(place, message, remedy));
            }
            return;
        };
        for (at, route) in routes.value.iter().enumerate() {
            if route.value.when.is_none() && at + 1 < routes.value.len() {
                let message = "the routes behind this one are never taken: it takes all records";
                findings.add(Fault::new(route.place, message, "give it a `when`, or put it last"));
            }
            if self.url.is_none() && route.value.url.is_none() {
                let remedy = "add `url:` to it, or to the destination for all routes";
                findings.add(Fault::new(route.place, "the route has no address", remedy));
            }
        }
    }

    /// Notes credentials that would go to two hosts.
    fn check_hosts(&self, findings: &mut Findings) {
        let endpoints = self.endpoints();
        let mut shared = endpoints.iter().filter(|it| it.shares_credentials());
        let mut first = None;
        let other = shared.find_map(|endpoint| {
            let origin = endpoint.stated_origin()?;
            let first = first.get_or_insert_with(|| origin.clone());
            (*first != origin).then(|| (endpoint.url, first.clone()))
        });
        if let Some((Some(url), first)) = other {
            let message = format!("only {first} may see the destination's credentials");
            let remedy = "give the route an `auth` of its own";
            findings.add(Fault::new(url.site.place, message, remedy));
        }
    }
}
