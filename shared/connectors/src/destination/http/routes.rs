//! `routes`: records to several addresses, by what they say.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Http, batch::Batch, body::Format, endpoint::Endpoint, expect::Expect, method::HttpMethod,
    removal::Removal, split::Split, upsert::Upsert,
};
use crate::{
    file::{At, Fault, Findings},
    http::{Answers, Auth},
    transform::Condition,
    value::{Enveloped, Headers, JsonTemplate, Query, Sent, Url},
};

/// Where some of the records go, and how. What is left out is as the destination says beside `routes`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DestinationRoute")]
pub(super) struct Route {
    /// A jq expression over the source's record: for which records it is neither false nor null, those take this route,
    /// unless one above takes them. Left out, in the last route alone: all that are left.
    #[schemars(example = ".type == \"invoice\"")]
    pub(super) when: Option<At<Condition>>,
    /// The address.
    url: Option<Url<Sent>>,
    /// Query parameters, after those of the destination.
    #[serde(default)]
    query: Query<Sent>,
    /// How to send.
    method: Option<HttpMethod>,
    /// Headers, beside those of the destination; of one name, this one is sent.
    #[serde(default)]
    headers: Headers<Sent>,
    /// The format of bodies.
    body: Option<Format>,
    /// The body as JSON.
    envelope: Option<JsonTemplate<Enveloped>>,
    /// What is sent for a deletion.
    delete: Option<Removal>,
    /// Create or update.
    upsert: Option<At<Upsert>>,
    /// One record to many requests.
    split: Option<Split>,
    /// How requests prove who sends them. At another host it has to be said here: credentials go to one alone.
    auth: Option<Auth>,
    /// Many records in a request.
    batch: Option<Batch>,
    /// What answers mean by a code in their body.
    answers: Option<Answers>,
    /// What an answer of success has for a body.
    expect: Option<Expect>,
}

/// What becomes of a record that no route takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Otherwise {
    /// It is parked, with that reason.
    #[default]
    Park,
    /// It is skipped.
    Skip,
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
    pub(super) fn check_routes(&self, place: crate::file::Place, findings: &mut Findings) {
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
}
