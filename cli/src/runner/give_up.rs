//! A run that gets no further ends by itself, and says what it waits for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tidegate_core::{
    model::{EpochMs, Stall, StallOn},
    ports::Clock,
};
use tokio::task::JoinHandle;

use super::watched::Steps;
use crate::account::Account;

/// How often it is looked whether a run gets on.
const EVERY: Duration = Duration::from_millis(100);

/// Watches a run until it is dropped.
pub struct GiveUp {
    account: Arc<Account>,
    steps: Arc<Steps>,
    armed: Arc<AtomicBool>,
    gave_up: Arc<AtomicBool>,
    watcher: JoinHandle<()>,
}

impl GiveUp {
    /// Ends the run by `stop` once it has got no further for `after_ms`, or as soon as it is certain that
    /// it will not: from the start where it is `armed`, otherwise once it is. Logs what is waited for.
    pub fn start(
        account: Arc<Account>,
        steps: Arc<Steps>,
        after_ms: u64,
        armed: bool,
        stop: impl Fn() + Send + 'static,
    ) -> Self {
        let gave_up = Arc::new(AtomicBool::new(false));
        let armed = Arc::new(AtomicBool::new(armed));
        let (flag, is_armed) = (gave_up.clone(), armed.clone());
        let kept = (account.clone(), steps.clone());
        let watcher = tokio::spawn(async move {
            let clock = account.app().ports.clock;
            let mut patience = Patience::new(&clock, progress(&account, &steps), after_ms);
            loop {
                account.log();
                let (now, goes_on_ms) = (progress(&account, &steps), goes_on_ms(&account));
                if patience.is_over(&clock, now, goes_on_ms) && is_armed.load(Relaxed) {
                    flag.store(true, Relaxed);
                    return stop();
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        let (account, steps) = kept;
        Self { account, steps, armed, gave_up, watcher }
    }

    /// From now on the run ends where it gets no further.
    pub fn arm(&self) {
        self.armed.store(true, Relaxed);
    }

    /// Everything that the run waits for. One that was given up before a wait was worth being noted waits for the next try:
    /// then it is told what the destination said last.
    pub fn stalls(&self) -> Vec<Stall> {
        let stalls = self.account.stalls();
        let is_untold = self.gave_up() && stalls.is_empty();
        let Some((reason, lasted)) = self.steps.why_not().filter(|_| is_untold) else {
            return stalls;
        };
        let ports = &self.account.app().ports;
        let lasted_ms = EpochMs::try_from(lasted.as_millis()).unwrap_or(EpochMs::MAX);
        let since_ms = ports.clock.now_ms().saturating_sub(lasted_ms);
        vec![Stall::new(StallOn::Backoff, &reason, since_ms, ports.queue.next_visible_ms())]
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

/// For how long a run may get no further. It goes by the clock's ticks: a clock that is set, or a machine
/// that slept, takes nothing of that time.
struct Patience {
    seen: Progress,
    since_ticks: EpochMs,
    after_ms: EpochMs,
}

impl Patience {
    fn new(clock: &impl Clock, seen: Progress, after_ms: u64) -> Self {
        let after_ms = EpochMs::try_from(after_ms).unwrap_or(EpochMs::MAX);
        Self { seen, since_ticks: clock.ticks_ms(), after_ms }
    }

    /// Whether it is over, or is certain to be before the run goes on at `goes_on_ms`.
    fn is_over(&mut self, clock: &impl Clock, now: Progress, goes_on_ms: Option<EpochMs>) -> bool {
        if now != self.seen {
            (self.seen, self.since_ticks) = (now, clock.ticks_ms());
        }
        let left_ms = self.after_ms - (clock.ticks_ms() - self.since_ticks);
        left_ms <= 0 || goes_on_ms.is_some_and(|at_ms| at_ms - clock.now_ms() > left_ms)
    }
}

/// What grows while a run gets on.
type Progress = [u64; 6];

fn progress(account: &Account, steps: &Steps) -> Progress {
    let totals = account.app().meter.totals();
    let tally = totals.tally;
    let (pages, done) = (totals.pages, totals.pages_done);
    [tally.delivered, tally.skipped, tally.parked, pages, done, steps.count()]
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
        let lag_ms = account.lag_until_ms().filter(|until_ms| *until_ms > now_ms);
        return until_ms(&[StallOn::Source]).or(lag_ms);
    }
    let delivery_ms = until_ms(&[StallOn::Destination, StallOn::Quota, StallOn::Rate])?;
    let all_wait = counts.in_flight == 0
        && queue.next_visible_ms().is_some_and(|visible_ms| visible_ms >= delivery_ms);
    all_wait.then_some(delivery_ms)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    /// A machine whose clock can be set, and which can sleep.
    #[derive(Default)]
    struct Machine {
        now_ms: AtomicI64,
        ticks_ms: AtomicI64,
    }

    impl Machine {
        fn works_for(&self, ms: EpochMs) {
            self.leaps(ms);
            self.ticks_ms.fetch_add(ms, Relaxed);
        }

        fn leaps(&self, ms: EpochMs) {
            self.now_ms.fetch_add(ms, Relaxed);
        }
    }

    impl Clock for Machine {
        fn now_ms(&self) -> EpochMs {
            self.now_ms.load(Relaxed)
        }

        fn ticks_ms(&self) -> EpochMs {
            self.ticks_ms.load(Relaxed)
        }

        async fn sleep_until(&self, _: EpochMs) {}
    }

    const NOTHING: Progress = [0; 6];

    #[test]
    fn a_clock_that_leaps_or_a_machine_that_slept_ends_no_run() {
        let machine = Machine::default();
        let mut patience = Patience::new(&machine, NOTHING, 300_000);
        machine.works_for(200_000);
        machine.leaps(86_400_000);
        assert!(!patience.is_over(&machine, NOTHING, None));
        machine.leaps(-2 * 86_400_000);
        machine.works_for(99_000);
        assert!(!patience.is_over(&machine, NOTHING, None));
        machine.works_for(1_000);
        assert!(patience.is_over(&machine, NOTHING, None));
    }

    #[test]
    fn progress_begins_it_anew_and_a_wait_that_outlasts_it_ends_it_at_once() {
        let machine = Machine::default();
        let mut patience = Patience::new(&machine, NOTHING, 10_000);
        machine.works_for(9_000);
        assert!(!patience.is_over(&machine, [1; 6], None));
        machine.works_for(9_000);
        assert!(!patience.is_over(&machine, [1; 6], Some(19_000)));
        assert!(patience.is_over(&machine, [1; 6], Some(19_001)));
    }
}
