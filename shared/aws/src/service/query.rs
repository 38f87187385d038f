//! The protocol AWS Query: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::ErrorMetadata;

use super::{Body, Failed, Service};

/// Asks for an operation of the API of this version (a date). What the answer says is not looked at.
pub async fn call(
    service: &Service,
    version: &str,
    operation: &'static str,
    parameters: &[(&str, &str)],
) -> Result<(), Failed> {
    let text = form(version, operation, parameters).into_bytes();
    let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    service.call(operation, Body { headers, text }, refusal).await?;
    Ok(())
}

fn form(version: &str, operation: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation).append_pair("Version", version);
    form.extend_pairs(parameters).finish()
}

/// `<ErrorResponse><Error><Type/><Code/><Message/></Error><RequestId/></ErrorResponse>`.
fn refusal(_response: &HttpResponse, body: &[u8]) -> ErrorMetadata {
    let text = String::from_utf8_lossy(body);
    let mut error = ErrorMetadata::builder();
    if let Some(code) = element(&text, "Code") {
        error = error.code(code);
    }
    if let Some(message) = element(&text, "Message") {
        error = error.message(message);
    }
    error.build()
}

/// The text of the first element of this name, which has no attributes and no elements within.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&apos;", "'").replace("&#39;", "'");
    Some(text.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn a_refusal_is_read_from_its_elements() {
        let xml = "<Error><Code>Throttling</Code><Message>&lt;slow&gt; &amp;amp;</Message></Error>";
        assert_eq!(element(xml, "Code").as_deref(), Some("Throttling"));
        assert_eq!(element(xml, "Message").as_deref(), Some("<slow> &amp;"));
        assert_eq!(element("<html>", "Code"), None);
    }
}
