//! How AWS is reached: credentials, region, TLS, timeouts and retries.

use std::{env, sync::LazyLock, time::Duration};

use anyhow::Context;
use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, SharedHttpClient},
    stalled_stream_protection::StalledStreamProtectionConfig,
};

use crate::{Parameters, Queue, Requests, Table, Topic};

/// One attempt. Each of our requests is a few ms of work for AWS; what takes longer is lost.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// All attempts together; well under the reserve that an invocation keeps.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS_MAX: u32 = 3;
/// Before the second attempt, at most; doubles after. The SDK's own second is long for a table.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// A client of one service. In process nothing is signed, for that is a third of what the SDK
/// costs, and the retry has no quota, for nobody is spared by giving up.
macro_rules! client {
    ($service:ident, $clients:expr) => {{
        let mut config = $service::config::Builder::from(&$clients.config)
            .interceptor($clients.requests.clone());
        if $clients.in_process {
            let quota = RetryPartition::custom("in-process").token_bucket(TokenBucket::unlimited());
            config = config.retry_partition(quota.build()).allow_no_auth();
        }
        $service::Client::from_conf(config.build())
    }};
}

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
        let credentials = EnvironmentVariableCredentialsProvider::new();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries())
            .timeout_config(timeouts())
            .http_client(HTTPS.clone());
        config.set_endpoint_url(env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
        Ok(Self::new(config.build(), false))
    }

    /// As an operator's shell gives it: the environment, then the shared profile files, then what
    /// the machine has. Single sign-on and credential processes are left out; `aws configure
    /// export-credentials --format env` turns them into environment variables.
    pub async fn from_profile(profile: Option<&str>, region: Option<&str>) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(retries())
            .timeout_config(timeouts())
            .http_client(HTTPS.clone());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        Self::new(loader.load().await, false)
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
        Self { config, in_process, requests: Requests::default() }
    }

    /// What was asked of AWS so far, through everything that came of these clients.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The state table of this name.
    pub fn table(&self, name: &str) -> Table {
        Table::new(client!(aws_sdk_dynamodb, self), name)
    }

    /// The page queue at this URL.
    pub fn queue(&self, url: &str) -> Queue {
        Queue::new(client!(aws_sdk_sqs, self), url)
    }

    /// The topic of this ARN.
    pub fn topic(&self, arn: &str) -> Topic {
        Topic::new(client!(aws_sdk_sns, self), arn)
    }

    /// One parameter's text; `None` where there is none of that name.
    pub async fn parameter(&self, name: &str) -> anyhow::Result<Option<String>> {
        let client = client!(aws_sdk_ssm, self);
        match client.get_parameter().name(name).send().await {
            Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
            Err(error)
                if error.as_service_error().is_some_and(|it| it.is_parameter_not_found()) =>
            {
                Ok(None)
            }
            Err(error) => Err(error).context("Parameter Store gave no answer"),
        }
    }

    /// The parameters of this stage's connections.
    pub fn parameters(&self, stage: &str) -> Parameters {
        Parameters::new(client!(aws_sdk_ssm, self), stage)
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX).with_initial_backoff(BACKOFF_FIRST)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// One pool for all services; the machine's root certificates are read once, for the first client.
static HTTPS: LazyLock<SharedHttpClient> = LazyLock::new(|| {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
});
