//! AWS as an operator's shell gives it. The functions find theirs in the environment and link nothing of this.

use aws_config::{BehaviorVersion, Region};
use tidegate_aws::{Clients, https};

/// Clients by the environment, then the shared profile files, then what the machine has. Single sign-on and
/// credential processes are left out; `aws configure export-credentials --format env` turns them into
/// environment variables.
pub async fn clients(profile: Option<&str>, region: Option<&str>) -> Clients {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    Clients::with_config(loader.load().await)
}
