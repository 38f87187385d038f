//! Where a service is asked.

use aws_types::{SdkConfig, service_config::ServiceConfigKey};

/// The names of a service.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// In the operator's configuration files: `services` of a profile, `AWS_ENDPOINT_URL_…`.
    pub id: &'static str,
    /// In hosts and in signatures.
    pub host: &'static str,
}

/// The domain of each partition of AWS, over IPv4 and over both, by the beginning of its regions' names:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html>. The first that fits.
const DOMAINS: &[(&str, &str, &str)] = &[
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("", "amazonaws.com", "api.aws"),
];

/// The URL that the configuration names for this service, or for all; else the service's own of the region.
pub fn of(names: Names, config: &SdkConfig) -> String {
    named(names, config).unwrap_or_else(|| {
        let region = config.region().map_or("us-east-1", |region| region.as_ref());
        let both = config.use_dual_stack().unwrap_or(false);
        url(names.host, region, config.use_fips().unwrap_or(false), both)
    })
}

fn named(names: Names, config: &SdkConfig) -> Option<String> {
    let for_all = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return for_all;
    }
    let key = ServiceConfigKey::builder()
        .service_id(names.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all of the key is given");
    config.service_config().and_then(|services| services.load_config(key)).or(for_all)
}

fn url(host: &str, region: &str, fips: bool, dual_stack: bool) -> String {
    let (_, ipv4, both) = DOMAINS
        .iter()
        .find(|(beginning, ..)| region.starts_with(beginning))
        .expect("the last one fits all");
    let domain = if dual_stack { both } else { ipv4 };
    // GovCloud's ordinary endpoints are FIPS 140 endpoints.
    let fips = if fips && !region.starts_with("us-gov-") { "-fips" } else { "" };
    format!("https://{host}{fips}.{region}.{domain}")
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn a_service_is_asked_in_its_region_and_partition() {
        for (region, fips, dual_stack, expected) in [
            ("eu-central-1", false, false, "https://ssm.eu-central-1.amazonaws.com"),
            ("us-west-2", true, false, "https://ssm-fips.us-west-2.amazonaws.com"),
            ("us-west-2", true, true, "https://ssm-fips.us-west-2.api.aws"),
            ("us-gov-west-1", true, false, "https://ssm.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", false, false, "https://ssm.cn-north-1.amazonaws.com.cn"),
            ("us-isob-east-1", false, false, "https://ssm.us-isob-east-1.sc2s.sgov.gov"),
        ] {
            assert_eq!(url("ssm", region, fips, dual_stack), expected);
        }
    }
}
