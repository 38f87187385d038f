//! The app as it runs on AWS.

use std::{
    collections::HashMap,
    env,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, bail};
use tidegate_aws::{Clients, Parameters, Queue, Table};
use tidegate_connectors::{Connection, FlowSpec, HttpClient, Options, file::FlowErrors};
use tidegate_core::{
    app::{Flow, Ports},
    model::{EpochMs, StreamId},
    ports::{Clock, Platform},
};

use crate::{App, Connect, Flows, Meter, Metrics, OsEntropy, WallClock};

/// How long a connected flow is kept. A rotated secret takes that long to be seen.
const KEPT_MS: EpochMs = 300_000;
/// A queue delays by whole seconds; a seal takes a few ms.
const SEND_DELAY_MS: u64 = 1_000;

/// The app over DynamoDB and SQS.
pub type DeployedApp = App<Aws, Deployed>;

/// DynamoDB and SQS.
#[derive(Debug)]
pub struct Aws;

impl Platform for Aws {
    type Store = Table;
    type Queue = Queue;
    type Clock = WallClock;
    type Entropy = OsEntropy;
}

/// The embedded flows, connected by what Parameter Store holds for them.
pub struct Deployed {
    connect: Connect,
    parameters: Parameters,
    options: Options,
    stage: String,
    connected: Mutex<HashMap<StreamId, (EpochMs, Arc<Flow>)>>,
}

/// Wires the app by the environment that template.yaml sets, with flows that are connected so.
pub fn deployed(connect: Connect) -> anyhow::Result<DeployedApp> {
    let clients = Clients::from_env()?;
    let stage = required("TIDEGATE_STAGE")?;
    let number = |name: &str| -> anyhow::Result<Option<u64>> {
        let text = env::var(name).ok().filter(|text| !text.is_empty());
        text.map(|text| text.parse().with_context(|| format!("{name} is no number: `{text}`")))
            .transpose()
    };
    let metrics = Metrics::of(&stage);
    let processors = number("TIDEGATE_MAX_PROCESSORS")?.unwrap_or(1);
    let table = clients.table(&required("TIDEGATE_TABLE")?);
    let http = HttpClient::new().map_err(anyhow::Error::msg)?;
    Ok(App {
        ports: Ports {
            store: table.clone(),
            queue: clients.queue(&required("TIDEGATE_QUEUE_URL")?),
            clock: WallClock::default(),
            entropy: OsEntropy,
        },
        flows: Deployed {
            connect,
            parameters: clients.parameters(&stage),
            options: Options {
                // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
                body_bytes_max: number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?
                    .map_or(usize::MAX, body_bytes_max),
                ..Options::new(http, Arc::new(table), Arc::new(OsEntropy))
            },
            stage,
            connected: Mutex::default(),
        },
        records_max: number("TIDEGATE_RECORDS_PER_RUN")?.filter(|records| *records > 0),
        send_delay_ms: SEND_DELAY_MS,
        meter: Meter::telling(metrics),
        processors: u32::try_from(processors)
            .context("TIDEGATE_MAX_PROCESSORS is too large")?
            .into(),
    })
}

/// Most bytes of one answer where there are so many MiB of memory.
fn body_bytes_max(memory_mib: u64) -> usize {
    usize::try_from(memory_mib << 20).unwrap_or(usize::MAX) / 8
}

/// A variable that template.yaml sets.
pub fn required(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("{name} is not set; template.yaml sets it"))
}

impl Flows for Deployed {
    async fn flow(&self, stream: &StreamId) -> anyhow::Result<Arc<Flow>> {
        let now_ms = WallClock::default().now_ms();
        if let Some(flow) = self.kept(stream, now_ms) {
            return Ok(flow);
        }
        let name = stream.flow();
        let form = tidegate_flows::embedded(name).with_context(|| {
            format!("the flow `{name}` is not among flows/*.yaml of this deployment")
        })?;
        // Checked when the flows were built.
        let spec = FlowSpec::embedded(&format!("flows/{name}.yaml"), form)?;
        let given = self.parameters.load(stream, now_ms).await?;
        let connection =
            Connection { params: given.params.clone(), secrets: given.secrets.clone() };
        let connection = connection.with_defaults(&spec);
        let missing = spec.missing(&connection, &format!("flows/{name}.yaml"));
        if !missing.is_empty() {
            let missing = FlowErrors(missing);
            bail!("/tidegate/{}/{stream} lacks values in Parameter Store:\n{missing}", self.stage);
        }
        let flow = Arc::new((self.connect)(&spec, &connection, stream.clone(), &self.options)?);
        self.keep(stream, now_ms, flow.clone());
        Ok(flow)
    }
}

impl Deployed {
    fn kept(&self, stream: &StreamId, now_ms: EpochMs) -> Option<Arc<Flow>> {
        let connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        let (since_ms, flow) = connected.get(stream)?;
        (now_ms - since_ms < KEPT_MS).then(|| flow.clone())
    }

    fn keep(&self, stream: &StreamId, now_ms: EpochMs, flow: Arc<Flow>) {
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        connected.insert(stream.clone(), (now_ms, flow));
    }
}
