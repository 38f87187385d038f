//! Credentials that are exchanged for a token: what a flow needs and asks for with them, and what is said
//! of a wrong section.

use tidegate_flow::{FlowErrors, FlowSpec, parse};

/// The source's section stands on line 5.
fn file(source: &str, destination: &str) -> String {
    format!(
        "flow: least
params: {{ id: {{}}, host: {{ default: auth.example }} }}
source:
  http:
    auth: {source}
    url: https://a.example/x
    cursor: {{ by: id }}
    pagination: none
destination:
  http:
    auth: {destination}
    url: https://b.example/y
"
    )
}

const BEARER: &str = "{ bearer: '${secrets.t}' }";

fn read(source: &str, destination: &str) -> FlowSpec {
    parse("auth.yaml", &file(source, destination)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(source: &str) -> FlowErrors {
    match parse("auth.yaml", &file(source, BEARER)) {
        Ok(flow) => panic!("a flow came of it: {flow:#?}"),
        Err(errors) => errors,
    }
}

#[test]
fn what_a_connection_has_to_give_is_known() {
    let flow = read(
        "{ oauth2_refresh: { token_url: '${params.host}/token', client_id: '${params.id}', \
         client_secret: '${secrets.s}', refresh_token: '${secrets.first}', credentials: basic } }",
        "{ session: { url: 'https://a.example', body: { p: '${secrets.p}' }, token: { path: t } } }",
    );
    assert_eq!(flow.needs().params.keys().collect::<Vec<_>>(), ["host", "id"]);
    assert_eq!(flow.needs().secrets.keys().collect::<Vec<_>>(), ["first", "p", "s"]);
    // An address without a scheme.
    let missing = flow.missing(&tidegate_flow::Connection::default(), "auth.yaml");
    assert!(
        missing.iter().any(|error| error.message.contains("auth.example/token")),
        "{missing:?}"
    );
}

#[test]
fn a_request_that_may_have_to_ask_for_a_token_first_is_given_the_time() {
    let client = "{ oauth2_client: { token_url: 'https://a.example', client_id: a, \
                  client_secret: '${secrets.s}' } }";
    assert_eq!(read(BEARER, BEARER).settings.request_timeout_ms, 30_000);
    assert_eq!(read(BEARER, client).settings.request_timeout_ms, 45_000);
}

#[test]
fn a_look_up_has_its_own_time_and_its_own_credentials() {
    let file = |timeout: &str, auth: &str| {
        format!(
            "flow: a
source: {{ http: {{ url: 'https://a.example', cursor: {{ by: id }}, pagination: none }} }}
lookup:
  by: sku
  http: {{ url: 'https://c.example', query: {{ k: '${{lookup.keys}}' }}, key: sku, {timeout} auth: {auth} }}
transform: {{ map: {{ price: {{ lookup: price }} }} }}
destination: {{ http: {{ url: 'https://b.example', timeout: 2s }} }}
"
        )
    };
    let refresh = "{ oauth2_refresh: { token_url: 'https://a.example', client_id: a, \
                   client_secret: '${secrets.s}', refresh_token: '${secrets.r}' } }";
    for (timeout, auth, lookup_ms) in [
        ("timeout: 20s,", BEARER, 20_000),
        ("timeout: 20s,", refresh, 35_000),
        ("timeout: 1s,", BEARER, 1_000),
        ("", BEARER, 30_000),
    ] {
        let flow = tidegate_flow::parse("a.yaml", &file(timeout, auth));
        let settings = flow.unwrap_or_else(|e| panic!("{e}")).settings;
        assert_eq!((settings.lookup_timeout_ms, settings.request_timeout_ms), (lookup_ms, 2_000));
    }
}

#[test]
fn slips_are_named_with_their_line_and_remedy() {
    let client = |rest: &str| {
        format!("{{ oauth2_client: {{ token_url: 'https://a.example', client_id: a, {rest} }} }}")
    };
    let refresh = |rest: &str| {
        format!("{{ oauth2_refresh: {{ token_url: 'https://a.example', client_id: a, {rest} }} }}")
    };
    let jwt = |rest: &str| {
        format!(
            "{{ jwt_bearer: {{ token_url: 'https://a.example', issuer: a, audience: b, {rest} }} }}"
        )
    };
    let session = |rest: &str| format!("{{ session: {{ url: 'https://a.example', {rest} }} }}");
    for (auth, message, remedy) in [
        (client("client_secret: hunter2"), "`auth.oauth2_client.client_secret` must be a", "replace"),
        (client("client_secret: '${params.id}'"), "client_secret` must be a", "${secrets.NAME}"),
        (client("scope: x"), "missing key `client_secret`", "add `client_secret:`"),
        (client("client_secret: '${secrets.s}', credentials: header"), "cannot be `header`", "basic"),
        (client("client_secret: '${secrets.s}', scop: x"), "unknown key `scop`", "`scope`"),
        (client("client_secret: '${secrets.s}', scope: ''"), "the value is empty", "write the value"),
        (client("client_secret: '${secrets.s}${record.id}'"), "cannot stand here", ""),
        ("{ oauth2_client: { token_url: 'ftp://a', client_id: a, client_secret: '${secrets.s}' } }".into(), "only http and https", "https://"),
        (refresh("refresh_token: hunter2"), "`auth.oauth2_refresh.refresh_token` must be", "replace"),
        (refresh("refresh_token: '${secrets.r}', credentials: basic"), "needs a `client_secret`", "add `client_secret:`"),
        (jwt("private_key: hunter2"), "`auth.jwt_bearer.private_key` must be", "${secrets.NAME}"),
        (jwt("private_key: '${secrets.k}', algorithm: HS256"), "cannot be `HS256`", "RS256"),
        (jwt("private_key: '${secrets.k}', lifetime: 5s"), "out of range", "from 10s to 1h"),
        (session("body: { password: hunter2 }, token: { path: t }"), "holds no `${secrets.…}`", "replace"),
        (session("body: { password: '${secrets.p}' }"), "missing key `token`", "add `token:`"),
        (session("body: { p: '${secrets.p}' }, token: { path: t, cookie: c }"), "takes one kind", "remove one"),
        (session("body: { p: '${secret.p}' }, token: { path: t }"), "there is no `secret`", "did you mean"),
        (session("body: { p: '${secrets.p}' }, token: { header: 'a b' }"), "cannot name a header", "X-Api-Key"),
        (session("token: { path: t }, prefix: '${secrets.p}'"), "without references", "`Token `"),
        (session("token: { path: t }, header: Host"), "not the flow's to set", "remove it"),
        ("{ oauth2: {} }".into(), "unknown key `oauth2`", "oauth2_client"),
    ] {
        let errors = errors(&auth);
        let said = errors.iter().any(|error| {
            error.location.line == 5
                && error.message.contains(message)
                && error.remedy.contains(remedy)
        });
        assert!(said, "for {auth} expected `{message}` and `{remedy}`:\n{errors}");
        assert!(!errors.to_string().contains("hunter2"), "{errors}");
    }
}
