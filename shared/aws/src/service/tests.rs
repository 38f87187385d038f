//! A service's requests, and what becomes of its answers.

use std::sync::{Arc, Mutex};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        behavior_version::BehaviorVersion,
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    },
    http::StatusCode,
};
use aws_types::region::Region;

use super::*;

/// Keeps what is sent, and answers that it is done.
#[derive(Debug, Clone, Default)]
struct Sent(Arc<Mutex<Vec<HttpRequest>>>);

impl HttpConnector for Sent {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.lock().expect("no test panics with it").push(request);
        let ok = StatusCode::try_from(200).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from("{}"))))
    }
}

#[tokio::test]
async fn a_request_is_signed_for_its_service_and_region() {
    let sent = Sent::default();
    let connector = SharedHttpConnector::new(sent.clone());
    let credentials =
        Credentials::new("AKIDEXAMPLE", "hunter2", Some("session".to_owned()), None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let requests = Requests::default();
    let service = Service::new(Names { id: "SNS", host: "sns" }, &config, &requests);
    assert!(!format!("{service:?}").contains("hunter2"), "{service:?}");
    let text = [("Message", "a & b")];
    query::call(&service, "2010-03-31", "Publish", &text).await.expect("it was answered");

    let sent = sent.0.lock().expect("no test panics with it");
    let [request] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(request.uri(), "https://sns.eu-central-1.amazonaws.com/");
    let header = |name: &str| request.headers().get(name).unwrap_or_default();
    let authorization = header("authorization");
    let scope = "/eu-central-1/sns/aws4_request, SignedHeaders=content-type;host;";
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
    assert!(authorization.contains(scope), "{authorization}");
    assert_eq!(header("x-amz-security-token"), "session");
    let body = request.body().bytes().expect("a body in memory");
    assert_eq!(body, b"Action=Publish&Version=2010-03-31&Message=a+%26+b");
    assert_eq!(requests.snapshot()["Publish"], 1);
}
