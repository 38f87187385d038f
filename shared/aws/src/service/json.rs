//! The protocols AWS JSON 1.0 and 1.1: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::ErrorMetadata;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Body, Failed, Service};

/// What a service that speaks JSON is told beside the body.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// `1.0` or `1.1`.
    pub version: &'static str,
    /// The service and the version of its API, as in `x-amz-target`.
    pub target: &'static str,
}

/// Asks for an operation, and reads what its answer holds of `O`.
pub async fn call<I: Serialize, O: DeserializeOwned>(
    service: &Service,
    dialect: Dialect,
    operation: &'static str,
    input: &I,
) -> Result<O, Failed> {
    // The parser's own words may quote an answer, which may hold a secret.
    let failed = |what: &str, error: serde_json::Error| Failed {
        code: None,
        reason: format!("{what}, line {} column {}", error.line(), error.column()),
    };
    let text = serde_json::to_vec(input)
        .map_err(|error| failed("the request cannot be written as JSON", error))?;
    let headers = vec![
        ("content-type", format!("application/x-amz-json-{}", dialect.version)),
        ("x-amz-target", format!("{}.{operation}", dialect.target)),
    ];
    let answer = service.call(operation, Body { headers, text }, refusal).await?;
    serde_json::from_slice(&answer.0)
        .map_err(|error| failed("the answer is not as documented", error))
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type", alias = "code")]
    code: Option<String>,
    #[serde(alias = "Message", alias = "errorMessage")]
    message: Option<String>,
}

fn refusal(response: &HttpResponse, body: &[u8]) -> ErrorMetadata {
    let said: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let header = response.headers().get("x-amzn-errortype").map(str::to_owned);
    let mut error = ErrorMetadata::builder();
    if let Some(code) = header.or(said.code) {
        error = error.code(bare(&code));
    }
    if let Some(message) = said.message {
        error = error.message(message);
    }
    error.build()
}

/// The name within `namespace#Name:address`.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn a_refusal_is_told_by_header_or_body() {
        let status = StatusCode::try_from(400).expect("a status");
        let mut response = HttpResponse::new(status, SdkBody::empty());
        let body = br#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slower"}"#;
        let error = refusal(&response, body);
        assert_eq!((error.code(), error.message()), (Some("RequestThrottled"), Some("slower")));
        let error = refusal(&response, br#"{"__type":"ParameterNotFound","Message":null}"#);
        assert_eq!((error.code(), error.message()), (Some("ParameterNotFound"), None));
        response.headers_mut().insert("x-amzn-errortype", "AccessDenied:http://internal/coral/");
        assert_eq!(refusal(&response, b"<html>").code(), Some("AccessDenied"));
    }
}
