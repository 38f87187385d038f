//! Signed requests to the services of which a few operations are used: Parameter Store, SNS and SQS.
//!
//! Their SDK crates are generated for hundreds of operations and cost minutes to compile. What surrounds a
//! request is the SDK's own here as well, by its public orchestrator: signatures, retries with their quota,
//! timeouts and the correction of a clock that is wrong. Only bodies are written and read by hand, by one of
//! two protocols: [`json`] and [`query`].

mod endpoint;
pub mod json;
pub mod query;

use std::{fmt, pin::Pin};

use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    recursion_detection::RecursionDetectionInterceptor,
    retries::classifiers::AwsErrorCodeClassifier,
    service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor},
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput},
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::Layer,
    error::{ErrorMetadata, metadata::ProvideErrorMetadata},
};
use aws_types::{SdkConfig, SigningName, region::SigningRegion};
use tidegate_core::ports::Unavailable;

use crate::{Requests, failure::reason};
pub use endpoint::Names;

/// Why an operation failed.
#[derive(Debug)]
pub struct Failed {
    /// The service's name for it, where it answered.
    pub code: Option<String>,
    reason: String,
}

impl Failed {
    /// For the port of the operation that was asked for.
    pub fn unavailable(self, operation: &str) -> Unavailable {
        Unavailable(format!("{operation}: {}", self.reason))
    }
}

/// One service of one region.
#[derive(Debug, Clone)]
pub struct Service {
    names: Names,
    endpoint: String,
    config: SdkConfig,
    requests: Requests,
}

/// A body with the headers that say what it is.
#[derive(Clone)]
struct Body {
    headers: Vec<(&'static str, String)>,
    text: Vec<u8>,
}

/// The body of a successful answer.
struct Answer(Vec<u8>);

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a protocol reads a refusal.
type ReadRefusal = fn(&HttpResponse, &[u8]) -> ErrorMetadata;

impl Service {
    /// The service of the configuration's region, or at its endpoint where it names one. `requests` counts
    /// what is sent. Without credentials nothing is signed.
    pub fn new(names: Names, config: &SdkConfig, requests: &Requests) -> Self {
        let endpoint = endpoint::of(names, config);
        Self { names, endpoint, config: config.clone(), requests: requests.clone() }
    }

    /// Sends an operation's request until it is answered, or its attempts or its time are used up.
    async fn call(
        &self,
        operation: &'static str,
        body: Body,
        refusal: ReadRefusal,
    ) -> Result<Answer, Failed> {
        let mut builder = Operation::builder()
            .service_name(self.names.id)
            .operation_name(operation)
            .endpoint_url(&self.endpoint)
            .interceptor(self.requests.clone())
            .interceptor(ServiceClockSkewInterceptor::new())
            .interceptor(RecursionDetectionInterceptor::new())
            .with_connection_poisoning()
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new());
        if let Some(client) = self.config.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(retries) = self.config.retry_config() {
            builder = builder.standard_retry(retries);
        }
        if let Some(timeouts) = self.config.timeout_config() {
            builder = builder.timeout_config(timeouts.clone());
        }
        if let Some(protection) = self.config.stalled_stream_protection() {
            builder = builder.stalled_stream_protection(protection);
        }
        let builder = match self.signing() {
            Some(signing) => builder.runtime_plugin(signing),
            None => builder.no_auth(),
        };
        let builder = builder.serializer(|body: Body| Ok(body.into_request()?));
        let builder = builder.deserializer(move |response: &HttpResponse| read(response, refusal));
        let operation = builder.build();
        // Boxed, so that the compiler need not look through the orchestrator's futures in every handler's.
        let answer: BoxFuture<'_, _> = Box::pin(operation.invoke(body));
        answer.await.map_err(|error| Failed {
            code: error.code().map(str::to_owned),
            reason: reason(&error),
        })
    }

    /// Signature version 4 with the configuration's credentials; none where it has none.
    fn signing(&self) -> Option<StaticRuntimePlugin> {
        let credentials = self.config.credentials_provider()?;
        let mut layer = Layer::new("signing");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: self.config.region().cloned().map(SigningRegion::from),
            name: Some(SigningName::from_static(self.names.host)),
            ..Default::default()
        });
        // An answer may hold secrets: the orchestrator traces none of it.
        layer.store_put(SensitiveOutput);
        let mut components = RuntimeComponentsBuilder::new("signing")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                SCHEME_ID,
            ])))
            .with_identity_cache(self.config.identity_cache());
        components.set_identity_resolver(SCHEME_ID, credentials);
        let plugin = StaticRuntimePlugin::new().with_config(layer.freeze());
        Some(plugin.with_runtime_components(components))
    }
}

impl Body {
    fn into_request(self) -> Result<HttpRequest, aws_smithy_runtime_api::http::HttpError> {
        let mut request = HttpRequest::new(SdkBody::from(self.text));
        request.set_method("POST")?;
        request.set_uri("/")?;
        for (name, value) in self.headers {
            request.headers_mut().try_insert(name, value)?;
        }
        Ok(request)
    }
}

fn read(
    response: &HttpResponse,
    refusal: ReadRefusal,
) -> Result<Answer, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        Ok(Answer(body.to_vec()))
    } else {
        Err(OrchestratorError::operation(refusal(response, body)))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.text.len())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests;
