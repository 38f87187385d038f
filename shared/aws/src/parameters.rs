//! A connection's parameters and secrets, from Systems Manager's Parameter Store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use tidegate_core::{
    model::{EpochMs, Secret, StreamId},
    ports::Unavailable,
};

use crate::service::{
    Names, Service,
    json::{self, Dialect},
};

pub const SSM: Names = Names { id: "SSM", host: "ssm" };
const DIALECT: Dialect = Dialect { version: "1.1", target: "AmazonSSM" };

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
    service: Service,
    stage: String,
    cache: Mutex<HashMap<StreamId, (EpochMs, Arc<Connection>)>>,
}

impl Parameters {
    pub(crate) fn new(service: Service, stage: &str) -> Self {
        Self { service, stage: stage.to_owned(), cache: Mutex::default() }
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
        let mut next_token = None;
        loop {
            let asked = GetParametersByPath {
                path: &path,
                recursive: true,
                with_decryption: true,
                next_token: next_token.as_deref(),
            };
            let page: Page = json::call(&self.service, DIALECT, "GetParametersByPath", &asked)
                .await
                .map_err(|failed| failed.unavailable("GetParametersByPath"))?;
            for Parameter { name, value } in page.parameters {
                let below = name.strip_prefix(&path).and_then(|name| name.strip_prefix('/'));
                match below.and_then(|name| name.split_once('/')) {
                    Some(("params", name)) => {
                        connection.params.insert(name.to_owned(), value);
                    }
                    Some(("secrets", name)) => {
                        connection.secrets.insert(name.to_owned(), Secret::new(value));
                    }
                    _ => tracing::warn!(name, "a parameter is neither of params nor of secrets"),
                }
            }
            next_token = page.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                return Ok(connection);
            }
        }
    }
}

/// One parameter's text; `None` where there is none of that name.
pub async fn parameter(service: &Service, name: &str) -> Result<Option<String>, Unavailable> {
    let asked = GetParameter { name };
    match json::call::<_, Found>(service, DIALECT, "GetParameter", &asked).await {
        Ok(found) => Ok(Some(found.parameter.value)),
        Err(failed) if failed.code.as_deref() == Some("ParameterNotFound") => Ok(None),
        Err(failed) => Err(failed.unavailable("GetParameter")),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParametersByPath<'a> {
    path: &'a str,
    recursive: bool,
    with_decryption: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    parameters: Vec<Parameter>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter<'a> {
    name: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    value: String,
}
