//! Errors to Sentry, where `SENTRY_DSN` is set: every event of level error, a failed invocation, a panic.
//!
//! Lambda freezes a function that has answered, so nothing is sent in the background: what an
//! invocation reported is sent at its end, within a bound, and whatever comes of it changes nothing. The
//! protocol is an envelope of JSON lines: <https://develop.sentry.dev/sdk/foundations/envelopes/>.

use std::{
    collections::BTreeMap,
    env, fmt,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use lambda_runtime::Error;
use serde_json::{Value, json};
use tidegate_connectors::HttpClient;
use tidegate_core::{
    model::Secret,
    ports::{Clock, Random},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

use crate::{OsEntropy, WallClock};

/// Events of one invocation; those beyond are only counted.
const EVENTS_MAX: usize = 20;
/// What is sent of one field.
const FIELD_CHARS_MAX: usize = 1_000;
/// All that is sent at the end of one invocation: part of the 5 s that a handler keeps in reserve.
const SENDING: Duration = Duration::from_millis(1_500);

/// Keeps what was reported until the invocation's end, and sends it then. Without a DSN it does nothing.
/// Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Reports(Option<Arc<Inner>>);

struct Inner {
    address: Address,
    function: String,
    stage: String,
    queue: Mutex<Queue>,
    client: Mutex<Option<HttpClient>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sentry")
    }
}

#[derive(Default)]
struct Queue {
    events: Vec<Value>,
    left_out: u64,
}

/// Where a DSN, `https://KEY@HOST/PROJECT`, has envelopes sent.
struct Address {
    url: String,
    authorization: Secret,
}

impl Address {
    fn of(dsn: &Secret) -> Option<Self> {
        let (scheme, rest) = dsn.expose().trim().split_once("://")?;
        let (key, place) = rest.split_once('@')?;
        // Old ones have a second key behind a colon, which is not used any more.
        let key = key.split(':').next()?;
        let (host, project) = place.trim_end_matches('/').rsplit_once('/')?;
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let sound = ["http", "https"].contains(&scheme) && plain(key) && plain(project);
        (sound && !host.is_empty()).then(|| Self {
            url: format!("{scheme}://{host}/api/{project}/envelope/"),
            authorization: Secret::new(format!(
                "Sentry sentry_version=7, sentry_client=tidegate/{VERSION}, sentry_key={key}"
            )),
        })
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Reports {
    /// As the environment says: `SENTRY_DSN`, the function's name and its stage. `None` for a DSN that
    /// is none.
    pub fn from_env() -> Option<Self> {
        let set = |name: &str| env::var(name).unwrap_or_default();
        match set("SENTRY_DSN") {
            dsn if dsn.is_empty() => Some(Self::default()),
            dsn => {
                let (function, stage) = (set("AWS_LAMBDA_FUNCTION_NAME"), set("TIDEGATE_STAGE"));
                Self::to(&Secret::new(dsn), &function, &stage)
            }
        }
    }

    /// To this DSN; `None` if it is none.
    pub fn to(dsn: &Secret, function: &str, stage: &str) -> Option<Self> {
        Some(Self(Some(Arc::new(Inner {
            address: Address::of(dsn)?,
            function: function.to_owned(),
            stage: stage.to_owned(),
            queue: Mutex::default(),
            client: Mutex::default(),
        }))))
    }

    /// Runs an invocation, and sends what it reported, its failure and its panic with it. The answer is
    /// the invocation's own.
    pub async fn after<T>(
        &self,
        invocation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(inner) = &self.0 else { return invocation.await };
        let answer = AssertUnwindSafe(invocation).catch_unwind().await;
        match &answer {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                inner.report("invocation", "the invocation failed", [("error", error.to_string())]);
            }
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                let fields = [("panic", text.unwrap_or_default())];
                inner.report("invocation", "the invocation panicked", fields);
            }
        }
        if tokio::time::timeout(SENDING, inner.send()).await.is_err() {
            tracing::warn!("Sentry took too long; what was reported is in this log alone");
        }
        answer.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Inner {
    fn report<'a>(
        &self,
        target: &str,
        message: &str,
        fields: impl IntoIterator<Item = (&'a str, String)>,
    ) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.events.len() == EVENTS_MAX {
            queue.left_out += 1;
            return;
        }
        let cut = |text: String| text.chars().take(FIELD_CHARS_MAX).collect::<String>();
        let extra: BTreeMap<&str, String> =
            fields.into_iter().map(|(name, value)| (name, cut(value))).collect();
        let mut tags = json!({ "function": self.function });
        if let Some(stream) = extra.get("stream") {
            tags["stream"] = json!(stream);
        }
        // By its words alone all that was ever refused would be one issue there.
        let parts = ["stream", "status", "reason"].into_iter().filter_map(|name| extra.get(name));
        let fingerprint: Vec<&str> =
            [message].into_iter().chain(parts.map(String::as_str)).collect();
        let id = format!("{:016x}{:016x}", OsEntropy.next_u64(), OsEntropy.next_u64());
        queue.events.push(json!({
            "event_id": id,
            "timestamp": WallClock::default().now_ms() as f64 / 1_000.0,
            "platform": "other",
            "level": "error",
            "logger": target,
            "logentry": { "formatted": cut(message.to_owned()) },
            "environment": self.stage,
            "release": format!("tidegate@{VERSION}"),
            "fingerprint": fingerprint,
            "tags": tags,
            "extra": extra,
        }));
    }

    /// Sends all that was reported, an envelope each. What fails is not sent again: it is in the log.
    async fn send(&self) {
        let queue = std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        if queue.events.is_empty() {
            return;
        }
        if queue.left_out > 0 {
            tracing::warn!(left_out = queue.left_out, "errors are in this log and not in Sentry");
        }
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return tracing::warn!(error, "Sentry cannot be told"),
        };
        let headers = [
            ("content-type", "application/x-sentry-envelope"),
            ("x-sentry-auth", self.address.authorization.expose()),
        ];
        for event in queue.events {
            let answer = client.post(&self.address.url, &headers, envelope(&event)).await;
            match answer {
                Ok(200..=299) => {}
                // It says so for all of them.
                Ok(status) => return tracing::warn!(status, "Sentry did not take a report"),
                Err(error) => return tracing::warn!(error, "Sentry gave no answer"),
            }
        }
    }

    /// Made when it is first needed: a cold start does not wait for it.
    fn client(&self) -> Result<HttpClient, String> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if client.is_none() {
            *client = Some(HttpClient::new()?);
        }
        Ok(client.clone().expect("it was just made"))
    }
}

/// Its header, the item's header, the item: a line each.
fn envelope(event: &Value) -> Vec<u8> {
    let item = event.to_string();
    let header = json!({ "event_id": event["event_id"] });
    let item_header = json!({ "type": "event", "length": item.len() });
    format!("{header}\n{item_header}\n{item}\n").into_bytes()
}

impl<S: Subscriber> Layer<S> for Reports {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let Some(inner) = &self.0 else { return };
        let metadata = event.metadata();
        // The runtime's own would say once more that an invocation failed.
        if *metadata.level() != Level::ERROR || metadata.target().starts_with("lambda_runtime") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        inner.report(metadata.target(), &message, fields.0);
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(dsn: &str) -> Option<String> {
        Address::of(&Secret::new(dsn)).map(|address| address.url)
    }

    #[test]
    fn a_dsn_says_where_envelopes_go() {
        for (dsn, url) in [
            ("https://k3y@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/"),
            ("http://k:old@relay.test:9000/a/b/7/\n", "http://relay.test:9000/a/b/api/7/envelope/"),
        ] {
            assert_eq!(address(dsn).as_deref(), Some(url));
        }
        for dsn in ["", "k3y@host/1", "ftp://k3y@host/1", "https://host/1", "https://k3y@host", "x"]
        {
            assert_eq!(address(dsn), None, "{dsn}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let reports = Reports::to(&Secret::new("https://k3y@host/1"), "f", "dev");
        assert_eq!(format!("{reports:?}"), "Some(Reports(Some(Sentry)))");
    }
}
