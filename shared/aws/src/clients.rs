//! How AWS is reached: credentials, region, TLS, timeouts and retries.

use std::{env, time::Duration};

use anyhow::Context;
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion, http::HttpClient,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use tidegate_core::ports::Unavailable;

use crate::{
    Parameters, Queue, Requests, Table, Topic, https,
    parameters::{self, SSM},
    queue::SQS,
    service::{Names, Service},
    topic::SNS,
};

/// One attempt. Each of our requests is a few ms of work for AWS; what takes longer is lost.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// All attempts together; well under the reserve that an invocation keeps.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS_MAX: u32 = 3;
/// Before the second attempt, at most; doubles after. The SDK's own second is long for a table.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// Makes the ports' implementations. They share one connection pool and one count of requests.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
    in_process: bool,
    requests: Requests,
}

impl Clients {
    /// As Lambda gives it: credentials and `AWS_REGION` in the environment, and `AWS_ENDPOINT_URL`
    /// where an emulator stands in. Reads no file and asks no other service: a cold start waits for
    /// this.
    pub fn from_env() -> anyhow::Result<Self> {
        let region = env::var("AWS_REGION")
            .or_else(|_| env::var("AWS_DEFAULT_REGION"))
            .context("AWS_REGION is not set")?;
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials()?))
            .http_client(https());
        config.set_endpoint_url(env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
        Ok(Self::with_config(config.build()))
    }

    /// Over this region, these credentials and endpoints; retries and timeouts are our own.
    pub fn with_config(config: SdkConfig) -> Self {
        let mut config = config.into_builder();
        config.set_retry_config(Some(retries())).set_timeout_config(Some(timeouts()));
        Self::new(config.build(), false)
    }

    /// Over a service in this process ([`crate::InProcess`]): no credentials, no timeouts.
    pub fn over(service: impl HttpClient + 'static) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("local"))
            .endpoint_url("http://in-process.invalid")
            .retry_config(retries().with_initial_backoff(Duration::from_millis(2)))
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(service)
            .build();
        Self::new(config, true)
    }

    fn new(config: SdkConfig, in_process: bool) -> Self {
        let mut config = config.into_builder();
        // All services of these clients ask once for credentials.
        config.set_identity_cache(Some(IdentityCache::lazy().build()));
        Self { config: config.build(), in_process, requests: Requests::default() }
    }

    /// What was asked of AWS so far, through everything that came of these clients.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The state table of this name. In process nothing is signed, for that is a third of what the SDK
    /// costs, and the retry has no quota, for no other is spared by giving up.
    pub fn table(&self, name: &str) -> Table {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.config)
            .interceptor(self.requests.clone());
        if self.in_process {
            let quota = RetryPartition::custom("in-process").token_bucket(TokenBucket::unlimited());
            config = config.retry_partition(quota.build()).allow_no_auth();
        }
        Table::new(aws_sdk_dynamodb::Client::from_conf(config.build()), name)
    }

    /// The page queue at this URL.
    pub fn queue(&self, url: &str) -> Queue {
        Queue::new(self.service(SQS), url)
    }

    /// The topic of this ARN.
    pub fn topic(&self, arn: &str) -> Topic {
        Topic::new(self.service(SNS), arn)
    }

    /// One parameter's text; `None` where there is none of that name.
    pub async fn parameter(&self, name: &str) -> Result<Option<String>, Unavailable> {
        parameters::parameter(&self.service(SSM), name).await
    }

    /// The parameters of this stage's connections.
    pub fn parameters(&self, stage: &str) -> Parameters {
        Parameters::new(self.service(SSM), stage)
    }

    fn service(&self, names: Names) -> Service {
        Service::new(names, &self.config, &self.requests)
    }
}

/// The credentials of a function's role: Lambda sets them for the life of the process.
fn credentials() -> anyhow::Result<Credentials> {
    let required = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let token = env::var("AWS_SESSION_TOKEN").ok().filter(|token| !token.is_empty());
    let (id, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
    Ok(Credentials::new(id, secret, token, None, "environment"))
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX).with_initial_backoff(BACKOFF_FIRST)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}
