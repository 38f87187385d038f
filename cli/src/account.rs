//! Everything that a run waits for, for the live display, the summary and the log.

use std::sync::{Arc, Mutex, PoisonError};

use tidegate_core::{
    app::WAITING_LOG,
    model::{EpochMs, Stall, StallOn},
    ports::Clock,
};

use crate::embedded::EmbeddedApp;

/// The account of one run. What the functions wait for they keep and log themselves; the rest is the
/// host's own.
pub struct Account {
    app: Arc<EmbeddedApp>,
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

impl Account {
    /// Of a run that begins.
    pub fn new(app: Arc<EmbeddedApp>) -> Self {
        Self { app, own: Mutex::default() }
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

    /// What the process before has sent may still land until then.
    pub fn wait_for_recovery(&self, until_ms: EpochMs) {
        let now_ms = self.app.ports.clock.now_ms();
        let why = "the run before was killed: what it has sent may still land, and other versions of \
                   those records wait for that";
        self.own().recovery = Some(Stall::new(StallOn::Recovery, why, now_ms, Some(until_ms)));
    }

    /// Everything that is waited for now.
    pub fn stalls(&self) -> Vec<Stall> {
        let now_ms = self.app.ports.clock.now_ms();
        let mut stalls = self.app.meter.waiting();
        let own = self.own();
        stalls.extend(own.lag.clone());
        let ahead = |stall: &&Stall| stall.until_ms.is_some_and(|until_ms| until_ms > now_ms);
        stalls.extend(own.recovery.as_ref().filter(ahead).cloned());
        stalls
    }

    /// Logs what began and ended since the last look, of what no function logs.
    pub fn log(&self) {
        let stalls = self.stalls();
        let is_hosts = |stall: &&Stall| {
            use StallOn::{Lease, Pause, Recovery, SettleLag};
            [Lease, Pause, Recovery, SettleLag].contains(&stall.on)
        };
        let hosts: Vec<Stall> = stalls.iter().filter(is_hosts).cloned().collect();
        let mut own = self.own();
        for stall in &hosts {
            if own.logged.iter().all(|logged| logged.on != stall.on) {
                let (since, until, reason) = (stall.since(), stall.until(), &stall.reason);
                tracing::warn!(
                    target: WAITING_LOG, waits_for = %stall.on, since, until, %reason,
                    "the stream waits"
                );
            }
        }
        for ended in own.logged.iter().filter(|it| hosts.iter().all(|stall| stall.on != it.on)) {
            tracing::warn!(
                target: WAITING_LOG, waits_for = %ended.on, since = ended.since(),
                "the stream goes on: it waits no more"
            );
        }
        own.logged = hosts;
    }

    fn own(&self) -> std::sync::MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
