//! The time, as the connectors ask for it.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tidegate_core::model::EpochMs;

/// Tells now, in ms since 1970. Deadlines and `Retry-After` dates are compared with it.
pub type Now = Arc<dyn Fn() -> EpochMs + Send + Sync>;

/// The machine's own clock: the one place where the connectors read it.
pub fn wall_clock() -> Now {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        EpochMs::try_from(since.as_millis()).unwrap_or(EpochMs::MAX)
    })
}
