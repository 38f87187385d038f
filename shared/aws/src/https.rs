//! AWS over the HTTP client that sources and destinations use: the functions link one, and one TLS.
//!
//! The SDK's own client would add a second, and HTTP/2, which none of these services speaks.

use std::{sync::LazyLock, time::Duration};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

/// Reaching a service takes no longer than this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A function that thaws later than this opens connections anew, for the service has closed them.
const IDLE: Duration = Duration::from_secs(20);

/// The HTTP client of all services: one pool of connections a process.
pub fn https() -> SharedHttpClient {
    HTTPS.clone()
}

static HTTPS: LazyLock<SharedHttpClient> =
    LazyLock::new(|| SharedHttpClient::new(Https(client().map_err(|error| error.to_string()))));

/// The SDK times its attempts and repeats them, so that this one does neither.
fn client() -> reqwest::Result<reqwest::Client> {
    // An error means that the process has chosen a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .gzip(false)
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .build()
}

/// The client, or why there is none.
#[derive(Debug, Clone)]
struct Https(Result<reqwest::Client, String>);

impl HttpClient for Https {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let client = client.map_err(|error| ConnectorError::user(error.into()))?;
            send(&client, request).await
        })
    }
}

async fn send(
    client: &reqwest::Client,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let user = |error| ConnectorError::user(error);
    let body = std::mem::replace(request.body_mut(), SdkBody::empty());
    let body = ByteStream::new(body).collect().await.map_err(|error| user(error.into()))?;
    let request = request.try_into_http1x().map_err(|error| user(error.into()))?;
    let request = reqwest::Request::try_from(request.map(|_| body.into_bytes()));
    let answer = client.execute(request.map_err(|error| user(error.into()))?).await;
    let answer = answer.map_err(failed)?;
    let status = StatusCode::try_from(answer.status().as_u16());
    let status = status.map_err(|error| ConnectorError::other(error.into(), None))?;
    let headers = answer.headers().clone();
    let body = answer.bytes().await.map_err(failed)?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &headers {
        // What the services say is ASCII.
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}

/// Why there is no answer: worth another attempt, but where the request itself is none.
fn failed(error: reqwest::Error) -> ConnectorError {
    if error.is_builder() {
        ConnectorError::user(error.into())
    } else if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpListener,
        thread,
    };

    use aws_smithy_runtime_api::http::Request;

    use super::*;

    /// A server that takes one connection, answers what it was sent, and hangs up.
    fn echo(head: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut said, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                said.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            said.push_str(std::str::from_utf8(&body).unwrap());
            write!(stream, "{head}content-length: {}\r\n\r\n{said}", said.len()).unwrap();
        });
        url
    }

    async fn ask(url: &str) -> Result<HttpResponse, ConnectorError> {
        let mut request: HttpRequest = Request::new(SdkBody::from(r#"{"a":1}"#));
        request.set_method("POST").unwrap();
        request.set_uri(url).unwrap();
        request.headers_mut().insert("x-amz-target", "DynamoDB_20120810.GetItem");
        send(&client().unwrap(), request).await
    }

    #[tokio::test]
    async fn a_request_and_its_answer_pass_as_they_are() {
        let url = echo("HTTP/1.1 400 Bad Request\r\nX-Amzn-RequestId: r1\r\n");
        let answer = ask(&url).await.unwrap();
        assert_eq!(answer.status().as_u16(), 400);
        assert_eq!(answer.headers().get("x-amzn-requestid"), Some("r1"));
        let body = std::str::from_utf8(answer.body().bytes().unwrap()).unwrap();
        assert!(body.starts_with("POST / HTTP/1.1\r\n"), "{body}");
        assert!(body.contains("x-amz-target: DynamoDB_20120810.GetItem\r\n"), "{body}");
        assert!(body.ends_with(r#"{"a":1}"#), "{body}");
        assert!(!body.contains("accept-encoding"), "{body}");
    }

    #[tokio::test]
    async fn no_answer_is_worth_another_attempt() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(ask(&format!("http://{gone}/")).await.unwrap_err().is_io());
        // It says that more follows than it sends.
        let cut = echo("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n");
        assert!(ask(&cut).await.unwrap_err().is_io());
    }
}
