//! A run that gets no further ends by itself, and says what it waits for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tidegate_core::{
    model::{EpochMs, StallOn},
    ports::Clock,
};
use tokio::task::JoinHandle;

use crate::account::Account;

/// How often it is looked whether a run gets on.
const EVERY: Duration = Duration::from_millis(100);

/// Watches a run until it is dropped.
pub struct GiveUp {
    armed: Arc<AtomicBool>,
    gave_up: Arc<AtomicBool>,
    watcher: JoinHandle<()>,
}

impl GiveUp {
    /// Ends the run by `stop` once it has got no further for `after_ms`, or as soon as it is certain that
    /// it will not: from the start where it is `armed`, otherwise once it is. Logs what is waited for.
    pub fn start(
        account: Arc<Account>,
        after_ms: u64,
        armed: bool,
        stop: impl Fn() + Send + 'static,
    ) -> Self {
        let gave_up = Arc::new(AtomicBool::new(false));
        let armed = Arc::new(AtomicBool::new(armed));
        let (flag, is_armed) = (gave_up.clone(), armed.clone());
        let watcher = tokio::spawn(async move {
            let clock = account.app().ports.clock;
            let mut seen = progress(&account);
            let mut since_ms = clock.now_ms();
            loop {
                account.log();
                let now = progress(&account);
                if now != seen {
                    (seen, since_ms) = (now, clock.now_ms());
                }
                if is_armed.load(Relaxed) {
                    let until_ms = since_ms.saturating_add_unsigned(after_ms);
                    let in_vain = goes_on_ms(&account).is_some_and(|at_ms| at_ms > until_ms);
                    if clock.now_ms() >= until_ms || in_vain {
                        flag.store(true, Relaxed);
                        return stop();
                    }
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { armed, gave_up, watcher }
    }

    /// From now on the run ends where it gets no further.
    pub fn arm(&self) {
        self.armed.store(true, Relaxed);
    }

    /// Whether the run was given up.
    pub fn gave_up(&self) -> bool {
        self.gave_up.load(Relaxed)
    }
}

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

/// What grows while a run gets on.
fn progress(account: &Account) -> [u64; 5] {
    let totals = account.app().meter.totals();
    let tally = totals.tally;
    [tally.delivered, tally.skipped, tally.parked, totals.pages, totals.pages_done]
}

/// When the run goes on, where all that is left waits for one known moment.
pub fn goes_on_ms(account: &Account) -> Option<EpochMs> {
    let app = account.app();
    let now_ms = app.ports.clock.now_ms();
    let (queue, stalls) = (&app.ports.queue, app.meter.waiting());
    let until_ms = |wanted: &[StallOn]| {
        let stall = stalls.iter().find(|stall| wanted.contains(&stall.on));
        stall.and_then(|stall| stall.until_ms).filter(|until_ms| *until_ms > now_ms)
    };
    let counts = queue.counts();
    if counts.is_idle() {
        return until_ms(&[StallOn::Source]);
    }
    let delivery_ms = until_ms(&[StallOn::Destination, StallOn::Quota])?;
    let all_wait = counts.in_flight == 0
        && queue.next_visible_ms().is_some_and(|visible_ms| visible_ms >= delivery_ms);
    all_wait.then_some(delivery_ms)
}
