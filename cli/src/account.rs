//! Everything that a run waits for, for the live display, the summary and the log.

use std::sync::{Arc, Mutex, PoisonError};

use tidegate_core::{
    app::{awaits_landing, tell_of_wait},
    model::{EpochMs, Stall, StallOn, StreamId},
    ports::Clock,
};

use crate::embedded::EmbeddedApp;

/// The account of one run. What the functions wait for they keep and log themselves; the rest is the
/// host's own.
pub struct Account {
    app: Arc<EmbeddedApp>,
    stream: StreamId,
    own: Mutex<Own>,
}

#[derive(Default)]
struct Own {
    /// Until the source is read again.
    lag: Option<Stall>,
    /// Until nothing of the process before can land.
    recovery: Option<Stall>,
    /// What was logged as begun.
    logged: Vec<Stall>,
}

impl Own {
    /// What the host itself waits for, beside what the functions do.
    fn waits(&self, functions: &[Stall], now_ms: EpochMs) -> Vec<Stall> {
        // Records that are held say more of the lag.
        let is_told = functions.iter().any(|stall| stall.on == StallOn::SettleLag);
        let ahead = |stall: &&Stall| stall.until_ms.is_some_and(|until_ms| until_ms > now_ms);
        let lag = self.lag.iter().filter(|_| !is_told);
        lag.chain(self.recovery.iter().filter(ahead)).cloned().collect()
    }
}

impl Account {
    /// Of a run that begins.
    pub fn new(app: Arc<EmbeddedApp>, stream: StreamId) -> Self {
        Self { app, stream, own: Mutex::default() }
    }

    /// The app whose run it is.
    pub fn app(&self) -> &EmbeddedApp {
        &self.app
    }

    /// Records younger than the settle lag are not read before then, or are no more waited for.
    pub fn wait_for_lag(&self, until_ms: Option<EpochMs>) {
        let now_ms = self.app.ports.clock.now_ms();
        let why = "records younger than the settle lag are not read yet";
        let mut own = self.own();
        let since_ms = own.lag.as_ref().map_or(now_ms, |stall| stall.since_ms);
        own.lag = until_ms.map(|_| Stall::new(StallOn::SettleLag, why, since_ms, until_ms));
    }

    /// Until when the source is not read again, for the settle lag.
    pub fn lag_until_ms(&self) -> Option<EpochMs> {
        self.own().lag.as_ref().and_then(|stall| stall.until_ms)
    }

    /// What the process before has sent may still land until then.
    pub fn wait_for_recovery(&self, until_ms: EpochMs) {
        let now_ms = self.app.ports.clock.now_ms();
        self.own().recovery = Some(awaits_landing(now_ms, until_ms));
    }

    /// Everything that is waited for now.
    pub fn stalls(&self) -> Vec<Stall> {
        let now_ms = self.app.ports.clock.now_ms();
        let mut stalls = self.app.meter.waiting();
        let own = self.own();
        stalls.extend(own.waits(&stalls, now_ms));
        stalls
    }

    /// Logs what began and ended since the last look, of what no function logs.
    pub fn log(&self) {
        let now_ms = self.app.ports.clock.now_ms();
        let waiting = self.app.meter.waiting();
        let mut own = self.own();
        let mut waits = own.waits(&waiting, now_ms);
        for on in [StallOn::SettleLag, StallOn::Recovery] {
            let before = own.logged.iter().find(|stall| stall.on == on);
            let now = waits.iter_mut().find(|stall| stall.on == on);
            tell_of_wait(&self.stream, before, now, now_ms);
        }
        own.logged = waits;
    }

    fn own(&self) -> std::sync::MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
