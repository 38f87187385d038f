//! The one place that asks the machine for the time.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tidegate_core::{model::EpochMs, ports::Clock};

/// From when this process counts its spans.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock {
    ahead_ms: EpochMs,
}

impl WallClock {
    /// A clock that runs ahead of the machine's: to see today what a run will do tomorrow.
    pub fn ahead(ahead_ms: EpochMs) -> Self {
        Self { ahead_ms }
    }
}

impl Clock for WallClock {
    fn now_ms(&self) -> EpochMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        EpochMs::try_from(since.as_millis()).unwrap_or(EpochMs::MAX).saturating_add(self.ahead_ms)
    }

    fn ticks_ms(&self) -> EpochMs {
        EpochMs::try_from(BEGAN.elapsed().as_millis()).unwrap_or(EpochMs::MAX)
    }

    async fn sleep_until(&self, moment_ms: EpochMs) {
        let left_ms = u64::try_from(moment_ms - self.now_ms()).unwrap_or(0);
        if left_ms > 0 {
            tokio::time::sleep(Duration::from_millis(left_ms)).await;
        }
    }
}
