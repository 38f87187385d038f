//! `aws_sigv4`: every request is signed for an AWS service (AWS Signature Version 4).
//!
//! Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".

use std::borrow::Cow;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use ring::{
    digest::{SHA256, digest},
    hmac::{HMAC_SHA256, Key, sign},
};
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;
use url::Url;

use super::{authenticator::Authenticator, credentials::Credentials};
use crate::{
    Options,
    error::ConnectError,
    http::{encode_segment, proof::Proof, request::Request},
    resolver::Resolver,
    value::{SecretText, Words},
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const BODY_DIGEST: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// A signature of every request, as AWS services want it: AWS Signature Version 4.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwsSigv4 {
    /// The region that is asked.
    #[schemars(example = "eu-central-1")]
    region: Words,
    /// The service that is asked, as signatures name it.
    #[schemars(example = "execute-api")]
    service: Words,
    /// The access key's id.
    access_key_id: Words,
    /// The access key's secret, a `${secrets.…}` reference.
    secret_access_key: SecretText,
    /// The token that temporary credentials come with, a `${secrets.…}` reference.
    session_token: Option<SecretText>,
}

/// Signs requests. It holds secrets: it has no `Debug`.
struct Signer {
    region: String,
    service: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<HeaderValue>,
}

impl Credentials for AwsSigv4 {
    fn connect(
        &self,
        place: &str,
        resolver: &Resolver<'_>,
        _: &Options,
    ) -> Result<Authenticator, ConnectError> {
        self.signer(place, resolver).map(Authenticator::fixed)
    }
}

impl AwsSigv4 {
    fn signer(&self, place: &str, resolver: &Resolver<'_>) -> Result<Signer, ConnectError> {
        let header_value = |text: &str| {
            let message = "the credentials hold a character that no header may carry";
            HeaderValue::from_str(text).map_err(|_| ConnectError::new(place, message))
        };
        let session_token = match &self.session_token {
            None => None,
            Some(token) => {
                let mut value = header_value(&token.fill(resolver)?)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let signer = Signer {
            region: self.region.fill(resolver)?,
            service: self.service.fill(resolver)?,
            access_key_id: self.access_key_id.fill(resolver)?,
            secret_access_key: self.secret_access_key.fill(resolver)?,
            session_token,
        };
        // So that no signature fails for it later.
        header_value(&signer.authorization("", "", ""))?;
        Ok(signer)
    }
}

impl Proof for Signer {
    fn prove(&self, request: &mut Request, now_ms: EpochMs) {
        let time = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let time = time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let body_digest = hex(digest(&SHA256, &request.body).as_ref());
        let plain = |text: &str| HeaderValue::from_str(text).expect("digits and letters");
        request.headers.insert(DATE, plain(&time));
        if let Some(token) = &self.session_token {
            request.headers.insert(SESSION_TOKEN, token.clone());
        }
        if self.is_s3() {
            request.headers.insert(BODY_DIGEST, plain(&body_digest));
        }
        // What a section may say of it counts no more, and is not signed.
        request.headers.remove(AUTHORIZATION);
        // Sent as it is signed: a `+` is a blank to some servers, and to others it is not.
        if let Some(query) = canonical_query(&request.url) {
            request.url.set_query(Some(&query));
        }

        let (headers, names) = canonical_headers(&request.headers, &request.url);
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{names}\n{body_digest}",
            request.method,
            self.canonical_path(request.url.path()),
            request.url.query().unwrap_or_default(),
        );
        let date = &time[..8];
        let digest = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
        let text = format!("{ALGORITHM}\n{time}\n{}\n{digest}", self.scope(date));
        let signature = hex(&hmac(&self.signing_key(date), &text));
        let value = self.authorization(date, &names, &signature);
        let mut value = HeaderValue::from_str(&value).expect("its texts were tried before");
        value.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, value);
    }
}

impl Signer {
    /// Amazon S3 takes paths as they are, and wants the body's digest in a header.
    fn is_s3(&self) -> bool {
        self.service == "s3"
    }

    /// What a signature is good for.
    fn scope(&self, date: &str) -> String {
        format!("{date}/{}/{}/aws4_request", self.region, self.service)
    }

    fn signing_key(&self, date: &str) -> Vec<u8> {
        let secret = format!("AWS4{}", self.secret_access_key).into_bytes();
        [date, &self.region, &self.service, "aws4_request"]
            .into_iter()
            .fold(secret, |key, text| hmac(&key, text))
    }

    fn authorization(&self, date: &str, names: &str, signature: &str) -> String {
        let (id, scope) = (&self.access_key_id, self.scope(date));
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }

    /// The path as it is signed: without empty segments and encoded once more than it is sent, but for
    /// Amazon S3, where it is the name of an object.
    fn canonical_path(&self, sent: &str) -> String {
        if self.is_s3() {
            // What is encoded already stays so.
            let encoded = |segment: &str| {
                segment.split('%').map(encode_segment).collect::<Vec<_>>().join("%")
            };
            return sent.split('/').map(encoded).collect::<Vec<_>>().join("/");
        }
        let segments = sent.split('/').filter(|segment| !segment.is_empty());
        let mut path: String =
            segments.map(|segment| format!("/{}", encode_segment(segment))).collect();
        if sent.ends_with('/') {
            path.push('/');
        }
        path
    }
}

/// The query in order, with nothing but unreserved characters as they are.
fn canonical_query(url: &Url) -> Option<String> {
    url.query()?;
    let mut pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| (encode_segment(&name), encode_segment(&value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Some(pairs.join("&"))
}

/// The headers in order, a line each, and their names. The client adds `Host` from the URL.
fn canonical_headers(headers: &HeaderMap, url: &Url) -> (String, String) {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let given = headers.keys().map(|name| {
        let values = headers.get_all(name).iter().map(|value| {
            let text: Cow<'_, str> = String::from_utf8_lossy(value.as_bytes());
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        });
        (name.as_str(), values.collect::<Vec<_>>().join(","))
    });
    let mut all: Vec<(&str, String)> = std::iter::once(("host", host)).chain(given).collect();
    all.sort();
    let lines = all.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    (lines, names)
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;
    use tidegate_core::model::Secret;

    use super::*;
    use crate::{Connection, testing::section};

    /// 2015-08-30T12:36:00Z, the time of AWS's Signature Version 4 test suite.
    const SUITE_MS: EpochMs = 1_440_938_160_000;
    const SUITE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn signer(id: &str, service: &str, secret: &str, token: Option<&str>) -> Signer {
        let mut keys = json!({
            "region": "us-east-1", "service": service, "access_key_id": id,
            "secret_access_key": "${secrets.secret}",
        });
        let mut connection = Connection::default();
        connection.secrets.insert("secret".into(), Secret::new(secret));
        if let Some(token) = token {
            keys["session_token"] = json!("${secrets.token}");
            connection.secrets.insert("token".into(), Secret::new(token));
        }
        let resolver = Resolver::new(&connection);
        section::<AwsSigv4>(keys).signer("auth", &resolver).unwrap()
    }

    fn signed(
        signer: &Signer,
        now_ms: EpochMs,
        (method, url, body): (Method, &str, &'static str),
        headers: &[(&'static str, &'static str)],
    ) -> Request {
        let mut request = Request::new(method, url.parse().unwrap(), body);
        for (name, value) in headers {
            request.headers.append(*name, HeaderValue::from_static(value));
        }
        signer.prove(&mut request, now_ms);
        request
    }

    fn authorization(request: &Request) -> &str {
        request.headers[AUTHORIZATION].to_str().unwrap()
    }

    #[test]
    fn requests_are_signed_as_in_the_test_suite_of_aws() {
        let signer = signer("AKIDEXAMPLE", "service", SUITE_SECRET, None);
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        for (method, path, body, headers, names, signature) in [
            // get-vanilla
            (
                Method::GET,
                "/",
                "",
                &[][..],
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            // post-vanilla
            (
                Method::POST,
                "/",
                "",
                &[],
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            // get-vanilla-query-order-key-case
            (
                Method::GET,
                "/?Param2=value2&Param1=value1",
                "",
                &[],
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            // get-slash
            (
                Method::GET,
                "//",
                "",
                &[],
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            // post-header-key-sort
            (
                Method::POST,
                "/",
                "",
                &[("My-Header1", "value1")],
                "host;my-header1;x-amz-date",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            // post-x-www-form-urlencoded
            (
                Method::POST,
                "/",
                "Param1=value1",
                &form,
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let url = format!("https://example.amazonaws.com{path}");
            let request = signed(&signer, SUITE_MS, (method, &url, body), headers);
            assert_eq!(
                authorization(&request),
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                     SignedHeaders={names}, Signature={signature}"
                ),
                "{path} {body} {headers:?}"
            );
            assert_eq!(request.headers[DATE], "20150830T123600Z");
        }
    }

    #[test]
    fn a_session_token_is_sent_and_signed() {
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        let signer = signer("AKIDEXAMPLE", "service", SUITE_SECRET, Some(token));
        let url = "https://example.amazonaws.com/";
        let request = signed(&signer, SUITE_MS, (Method::GET, url, ""), &[]);
        assert_eq!(request.headers[SESSION_TOKEN], token);
        // get-vanilla-with-session-token
        let signature = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8";
        assert!(authorization(&request).ends_with(&format!(
            "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={signature}"
        )));
    }

    /// The examples of the Amazon S3 API Reference, "Signature Calculations for the Authorization
    /// Header".
    #[test]
    fn s3_gets_the_bodys_digest_and_paths_as_they_are() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let signer = signer("AKIAIOSFODNN7EXAMPLE", "s3", secret, None);
        let put = [
            ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        for (method, path, body, headers, signature) in [
            (
                Method::GET,
                "test.txt",
                "",
                &[("Range", "bytes=0-9")][..],
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                Method::PUT,
                "test$file.text",
                "Welcome to Amazon S3.",
                &put,
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        ] {
            let url = format!("https://examplebucket.s3.amazonaws.com/{path}");
            let request = signed(&signer, 1_369_353_600_000, (method, &url, body), headers);
            assert!(authorization(&request).ends_with(signature), "{path}");
        }
    }

    #[test]
    fn what_is_sent_is_what_is_signed() {
        let signer = signer("id", "service", SUITE_SECRET, None);
        let url = "https://api.test:8443/a%20b?q=x+y&a";
        let mut request = signed(&signer, SUITE_MS, (Method::GET, url, ""), &[]);
        assert_eq!(request.url.query(), Some("a=&q=x%20y"));
        let (lines, _) = canonical_headers(&request.headers, &request.url);
        assert!(lines.contains("\nhost:api.test:8443\n"), "{lines}");
        assert_eq!(signer.canonical_path(request.url.path()), "/a%2520b");
        // Once more, as after a redirect.
        let first = authorization(&request).to_owned();
        signer.prove(&mut request, SUITE_MS);
        assert_eq!(authorization(&request), first);
    }

    #[test]
    fn credentials_that_no_header_may_carry_are_refused_at_once() {
        let keys: AwsSigv4 = section(json!({
            "region": "r", "service": "s", "access_key_id": "${secrets.id}",
            "secret_access_key": "${secrets.id}",
        }));
        let connection =
            Connection { params: [].into(), secrets: [("id".into(), Secret::new("a\nb"))].into() };
        let error = keys.signer("source.http.auth", &Resolver::new(&connection)).err().unwrap();
        assert_eq!(error.place, "source.http.auth");
    }
}
