//! A connection's parameters and secrets, from Systems Manager's Parameter Store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_ssm::Client;
use tidegate_core::{
    model::{EpochMs, Secret, StreamId},
    ports::Unavailable,
};

use crate::failure::unavailable;

/// How long a connection is not asked for again. A rotated secret takes that long to be seen.
const CACHED_MS: EpochMs = 300_000;

/// What a flow's `${params.x}` and `${secrets.y}` stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// By name; may be printed.
    pub params: BTreeMap<String, String>,
    /// By name; never printed.
    pub secrets: BTreeMap<String, Secret>,
}

/// Reads `/tidegate/STAGE/FLOW/CONNECTION/params/NAME` and `…/secrets/NAME`; the latter are
/// SecureStrings.
#[derive(Debug)]
pub struct Parameters {
    client: Client,
    stage: String,
    cache: Mutex<HashMap<StreamId, (EpochMs, Arc<Connection>)>>,
}

impl Parameters {
    pub(crate) fn new(client: Client, stage: &str) -> Self {
        Self { client, stage: stage.to_owned(), cache: Mutex::default() }
    }

    /// The connection's values: as they were at most five minutes ago. Empty where it has none.
    pub async fn load(
        &self,
        stream: &StreamId,
        now_ms: EpochMs,
    ) -> Result<Arc<Connection>, Unavailable> {
        if let Some(connection) = self.cached(stream, now_ms) {
            return Ok(connection);
        }
        let connection = Arc::new(self.read(stream).await?);
        let entry = (now_ms, Arc::clone(&connection));
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.clone(), entry);
        Ok(connection)
    }

    fn cached(&self, stream: &StreamId, now_ms: EpochMs) -> Option<Arc<Connection>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_ms, connection) = cache.get(stream)?;
        (now_ms - read_ms < CACHED_MS).then(|| Arc::clone(connection))
    }

    async fn read(&self, stream: &StreamId) -> Result<Connection, Unavailable> {
        let path = format!("/tidegate/{}/{stream}", self.stage);
        let mut connection = Connection::default();
        let mut pages = self
            .client
            .get_parameters_by_path()
            .path(&path)
            .recursive(true)
            .with_decryption(true)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| unavailable("GetParametersByPath", error))?;
            for parameter in page.parameters() {
                let (Some(name), Some(value)) = (parameter.name(), parameter.value()) else {
                    continue;
                };
                let below = name.strip_prefix(&path).and_then(|name| name.strip_prefix('/'));
                match below.and_then(|name| name.split_once('/')) {
                    Some(("params", name)) => {
                        connection.params.insert(name.to_owned(), value.to_owned());
                    }
                    Some(("secrets", name)) => {
                        connection.secrets.insert(name.to_owned(), Secret::new(value));
                    }
                    _ => tracing::warn!(name, "a parameter is neither of params nor of secrets"),
                }
            }
        }
        Ok(connection)
    }
}
