//! The function as it runs on AWS: mail by a topic.

use tidegate_aws::{Clients, Table, Topic};
use tidegate_core::{
    model::Digest,
    ports::{Notifier, Unavailable},
};
use tidegate_runtime::{WallClock, required};

use crate::{App, Letter, Place};

/// Mails digests to whoever subscribed to the topic.
#[derive(Debug)]
pub struct Mail {
    topic: Topic,
    place: Place,
}

impl Mail {
    /// The digests of what is at this place.
    pub fn new(topic: Topic, place: Place) -> Self {
        Self { topic, place }
    }
}

impl Notifier for Mail {
    async fn notify(&self, digest: &Digest) -> Result<(), Unavailable> {
        let letter = Letter::new(digest, &self.place);
        self.topic.publish(&letter.subject(), &letter.text(Topic::TEXT_BYTES_MAX)).await
    }
}

/// Wires the function by the environment that template.yaml sets.
pub fn deployed() -> anyhow::Result<App<Table, WallClock, Mail>> {
    let clients = Clients::from_env()?;
    let (stage, stack) = (required("TIDEGATE_STAGE")?, required("TIDEGATE_STACK")?);
    let place = Place::new(&stage, &["--aws", "--stack", &stack]);
    let store = clients.table(&required("TIDEGATE_TABLE")?);
    let topic = clients.topic(&required("TIDEGATE_TOPIC_ARN")?);
    Ok(App { store, clock: WallClock::default(), notifier: Mail::new(topic, place) })
}
