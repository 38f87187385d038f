//! The ports of a deployed stack, for operators.

use std::collections::BTreeMap;

use tidegate_core::app::Ports;
use tidegate_runtime::{Aws, OsEntropy, WallClock};

use crate::{failure::Failure, options::StateOptions};

/// What an operator works with.
pub type DeployedPorts = Ports<Aws>;

/// Finds the stack's table and queue by the parameter that template.yaml leaves for it.
pub async fn ports(place: &StateOptions) -> Result<DeployedPorts, Failure> {
    let clients =
        tidegate_credentials::clients(place.profile.as_deref(), place.region.as_deref()).await;
    let parameter = format!("/tidegate/stacks/{}", place.stack);
    let text = clients.parameter(&parameter).await?.ok_or_else(|| {
        Failure::usage(format!(
            "error: no stack `{}` is deployed here: {parameter} is not in Parameter Store\n   = help: name the stack with --stack, and its account and region with --profile and --region",
            place.stack
        ))
    })?;
    let outputs: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|error| {
        Failure::run(format!("{parameter} is not what the template wrote: {error}"))
    })?;
    let output = |name: &str| {
        outputs.get(name).ok_or_else(|| Failure::run(format!("{parameter} has no {name}")))
    };
    Ok(Ports {
        store: clients.table(output("StateTableName")?),
        queue: clients.queue(output("PageQueueUrl")?),
        clock: WallClock::default(),
        entropy: OsEntropy,
    })
}
