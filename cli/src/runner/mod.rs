//! Runs a stream on the embedded host to its end.

mod give_up;
mod pace;
mod watched;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use tidegate_aws::Requests;
use tidegate_core::{
    app::{FetchReport, Flow, Predecessor, Recovered, recover},
    model::{Ended, EpochMs, FlowSettings, Ordering, ShownStall, StreamId},
    ports::Clock,
};
use tidegate_fetcher::SourceHalted;
use tidegate_local::{CapacityMeter, Functions, Host, HostSettings, Invocations, Next, Sending};
use tidegate_runtime::WallClock;

use crate::{
    account::Account,
    embedded::{self, EmbeddedApp, Fixed, Handlers, State},
    failure::Failure,
    noted::Noted,
    options::HostOptions,
    progress::{Beside, Progress},
    summary::Summary,
    text::moment,
};

pub use give_up::GiveUp;
use give_up::goes_on_ms;
pub use pace::Every;
use pace::Pace;
use watched::Steps;
pub use watched::watched;

/// A run that gets no further for so long ends, unless it is told otherwise. In ms.
const GIVE_UP_MS: u64 = 300_000;
/// What a killed process had in flight counts as requests at once for no longer than this: its connections
/// are closed. In ms.
const HELD_MS: EpochMs = 5_000;
/// Scheduled runs that fail in a row, by no fault of the source, before this gives up.
const FAILED_RUNS_MAX: u32 = 20;

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All that was at the source when it began is settled.
    CaughtUp,
    /// Never; ctrl-C ends it.
    Stopped,
    /// What one scheduled run took on is settled.
    Once,
}

/// A run that is to be made.
pub struct Runner<'a> {
    /// The app.
    pub app: Arc<EmbeddedApp>,
    /// Its table's requests.
    pub requests: Requests,
    /// What they are billed by, where that is counted.
    pub capacity: Option<CapacityMeter>,
    /// The stream.
    pub stream: StreamId,
    /// How the host treats the functions.
    pub host: &'a HostOptions,
    /// When it is over.
    pub until: Until,
    /// How many records there are, where it is known.
    pub total: Option<u64>,
    /// How often the source is read once it was read to its end.
    pub every: Every,
    /// Where the run ends by itself: after so long without getting any further, in ms.
    pub give_up_ms: u64,
    /// What the protocol goes by.
    pub settings: FlowSettings,
    /// Until when requests are sent, where the state outlives the process.
    pub sending: Option<Arc<Sending>>,
    /// What gets done, while it is.
    pub steps: Arc<Steps>,
    /// What else the live line says.
    pub beside: Option<Beside>,
}

/// What a run came to.
pub struct RunEnd {
    /// Everything counted.
    pub summary: Summary,
    /// Why it could not go on, where an operator has to act.
    pub failure: Option<String>,
}

/// The flow, noting beside the state until when it sends: the process after this one goes by that. Whatever
/// delivers on a laptop delivers so.
pub fn noting(mut flow: Flow, state: &State, clock: WallClock) -> Flow {
    if let Some(sending) = state.sending.clone() {
        flow.destination = Box::new(Noted { destination: flow.destination, sending, clock });
    }
    flow
}

impl<'a> Runner<'a> {
    /// A run of this flow on this state, until it is caught up.
    pub fn of(flow: Flow, state: &State, host: &'a HostOptions) -> Self {
        let (flow, steps) = watched(noting(flow, state, clock(host)));
        let (stream, settings) = (flow.stream.clone(), flow.settings.clone());
        let app = embedded::app(
            state.table.clone(),
            Fixed::one(flow),
            host.invocation_seconds * 1_000,
            host.processors,
            host.records_per_run,
            clock(host),
        );
        Self {
            app: Arc::new(app),
            requests: state.requests.clone(),
            capacity: state.capacity.clone(),
            stream,
            host,
            until: Until::CaughtUp,
            total: None,
            every: Every::Tick,
            give_up_ms: GIVE_UP_MS,
            settings,
            sending: state.sending.clone(),
            steps,
            beside: None,
        }
    }

    /// So many processors run at once, and share the destination's limits.
    fn share_among<F: Functions>(&self, host: &Host<WallClock, F>, processors: u32) {
        self.app.processors.store(processors, Relaxed);
        host.limit_processors(processors);
    }

    /// What is known of the processes before: the folder's lock says that they are dead, and their note
    /// until when they may have been sending.
    fn predecessor(&self, now_ms: EpochMs) -> Predecessor {
        let noted_ms = self.sending.as_ref().and_then(|sending| sending.found_ms());
        let sent_until_ms = noted_ms.map_or(now_ms, |noted_ms| noted_ms.min(now_ms));
        let holds_ms = self.settings.landing_ms.min(HELD_MS);
        Predecessor { ended: Ended { before_ms: now_ms, sent_until_ms }, holds_ms }
    }

    /// Runs to the end; a failure where it cannot go on.
    pub async fn run(self, seen: impl FnMut(&FetchReport) -> bool) -> Result<Summary, Failure> {
        let RunEnd { summary, failure } = self.run_on(seen).await?;
        match failure {
            Some(reason) => Err(Failure::run(reason)),
            None => Ok(summary),
        }
    }

    /// Runs. `seen` is shown every scheduled run; it answers whether the end may be reached yet.
    pub async fn run_on(
        mut self,
        mut seen: impl FnMut(&FetchReport) -> bool,
    ) -> Result<RunEnd, Failure> {
        let began = Instant::now();
        let clock = self.app.ports.clock;
        let began_ms = clock.now_ms();
        // The queue went with the process before: what it carried is read again.
        let before = self.predecessor(began_ms);
        let recovered = recover(&self.app.ports, &self.stream, &self.settings, before).await?;
        let queue = self.app.ports.queue.clone();
        let functions = Arc::new(Handlers(self.app.clone()));
        let host = Host::new(clock, queue.clone(), functions, self.host_settings());
        stop_on_signal(host.stopper());
        if recovered.voided > 0 {
            tracing::info!(recovered.voided, "pages of the run before are read again");
            // Perhaps a record killed the process before: should it do so again, it is alone with those
            // that one processor has in hand.
            self.share_among(&host, 1);
        }

        let account = self.account(&recovered, began_ms);
        let progress = self.progress(&account);
        let ends = self.until != Until::Stopped;
        let give_up_ms = self.give_up_ms;
        let pace = self.pace(began_ms, ends);
        let steps = self.steps.clone();
        let watch = GiveUp::start(account.clone(), steps, give_up_ms, ends, host.stopper());
        let (mut caught_up_ms, mut held_ms) = (None, None);
        let mut failed_runs = 0;
        let mut failure = None;
        host.run(&self.stream, |answer| match answer {
            Ok(report) => {
                failed_runs = 0;
                if report.watermark >= recovered.isolate_to {
                    self.share_among(&host, self.host.processors);
                }
                let (counts, now_ms) = (queue.counts(), clock.now_ms());
                let caught_up = seen(&report) && pace.reached(&report, now_ms) && counts.dead == 0;
                caught_up_ms = caught_up.then_some(report.until_ms);
                held_ms = pace.held_until_ms(&report).filter(|_| caught_up);
                account.wait_for_lag(pace.lag_until_ms(&report, now_ms));
                match self.until {
                    Until::Once => Next::Finish,
                    _ if caught_up && ends => Next::Stop,
                    _ => pace.next(&report, counts.is_idle(), now_ms),
                }
            }
            Err(error) => {
                failed_runs += 1;
                // A halt lasts until an operator has mended its cause; after a run that was killed, the next goes on.
                let halt = error.is::<SourceHalted>();
                if halt || failed_runs >= FAILED_RUNS_MAX {
                    failure = Some(error.to_string());
                    // What was read before is delivered, unless that waits for too long.
                    watch.arm();
                    return if halt { Next::Finish } else { Next::Stop };
                }
                Next::Tick
            }
        })
        .await;
        drop(progress);
        account.log();
        let stalls = watch.stalls();
        let goes_on_ms = goes_on_ms(&account);

        let mut summary = self.summary(&host.invocations());
        summary.voided += recovered.voided;
        summary.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        summary.caught_up = caught_up_ms.is_some();
        summary.caught_up_to = caught_up_ms.map(moment);
        summary.gave_up = watch.gave_up();
        let goes_on_ms = if summary.caught_up { held_ms } else { goes_on_ms };
        summary.goes_on_at = goes_on_ms.map(moment);
        if !summary.caught_up || held_ms.is_some() {
            summary.waiting = stalls.iter().map(ShownStall::from).collect();
        }
        Ok(RunEnd { summary, failure })
    }

    /// The live line; what is tried shows by itself what it does.
    fn progress(&mut self, account: &Arc<Account>) -> Option<Progress> {
        let beside = self.beside.take();
        (self.until != Until::Once).then(|| Progress::start(account.clone(), self.total, beside))
    }

    fn pace(&self, began_ms: EpochMs, ends: bool) -> Pace {
        let lag_ms = self.settings.settle_lag_ms;
        let give_up_ms = self.give_up_ms;
        Pace { every: self.every.clone(), began_ms, lag_ms, ends, give_up_ms }
    }

    fn host_settings(&self) -> HostSettings {
        HostSettings {
            invocation_ms: self.host.invocation_seconds * 1_000,
            processors: self.host.processors,
            tick_ms: self.host.tick_ms,
        }
    }

    /// The account of what is waited for, with what the process before has left to wait for.
    fn account(&self, recovered: &Recovered, began_ms: EpochMs) -> Arc<Account> {
        let Recovered { voided, lands_until_ms, .. } = *recovered;
        let account = Arc::new(Account::new(self.app.clone(), self.stream.clone()));
        if voided > 0 && self.settings.ordering != Ordering::None && lands_until_ms > began_ms {
            account.wait_for_recovery(lands_until_ms);
        }
        account
    }

    /// What was counted.
    fn summary(&self, invocations: &Invocations) -> Summary {
        let queue = &self.app.ports.queue;
        let counts = (queue.counts(), queue.traffic());
        let mut summary = Summary::new(&self.app.meter.totals(), counts, self.requests.snapshot());
        summary.aws_items = self.requests.items();
        summary.aws_units.extend(self.capacity.iter().flat_map(CapacityMeter::snapshot));
        summary.fetch_ms = invocations.fetch_ms.load(Relaxed);
        summary.process_ms = invocations.process_ms.load(Relaxed);
        summary.longest_invocation_ms = invocations.longest_ms.load(Relaxed);
        summary.timed_out = invocations.timed_out.load(Relaxed);
        summary
    }
}

/// The machine's clock, or as far ahead of it as is asked for.
pub fn clock(host: &HostOptions) -> WallClock {
    let ahead_ms = i64::try_from(host.clock_ahead).unwrap_or(i64::MAX / 1_000) * 1_000;
    WallClock::ahead(ahead_ms)
}

/// The first ctrl-C finishes what is in flight; the second ends at once, and loses nothing either.
fn stop_on_signal(stop: impl Fn() + Send + 'static) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!(
                "stopping: requests in flight are finished; press ctrl-C again to end at once, which loses nothing either"
            );
            stop();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(1);
        }
    });
}
