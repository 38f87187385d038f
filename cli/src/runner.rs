//! Runs a stream on the embedded host to its end.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use tidegate_aws::Requests;
use tidegate_core::{
    app::{End, FetchReport, Flow, Recovered, recover},
    model::{EpochMs, StreamId},
    ports::Clock,
};
use tidegate_fetcher::SourceHalted;
use tidegate_local::{CapacityMeter, Host, HostSettings, Next};
use tidegate_runtime::WallClock;

use crate::{
    embedded::{self, EmbeddedApp, Fixed, Handlers, State},
    failure::Failure,
    options::HostOptions,
    progress::Progress,
    summary::Summary,
    text::moment,
};

/// Scheduled runs that fail in a row, by no fault of the source, before this gives up.
const FAILED_RUNS_MAX: u32 = 20;

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All that was at the source when it began is settled.
    CaughtUp,
    /// Never; ctrl-C ends it.
    Stopped,
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
}

impl<'a> Runner<'a> {
    /// A run of this flow on this state, until it is caught up.
    pub fn of(flow: Flow, state: &State, host: &'a HostOptions) -> Self {
        let stream = flow.stream.clone();
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
        }
    }

    /// When the run goes on, where a quota is used up and all that is left waits for its reset.
    fn waits_until_ms(&self) -> Option<EpochMs> {
        let now_ms = self.app.ports.clock.now_ms();
        let until_ms = self.app.meter.totals().quota_until_ms?;
        let queue = &self.app.ports.queue;
        let all_wait = queue.counts().in_flight == 0
            && queue.next_visible_ms().is_none_or(|visible_ms| visible_ms >= until_ms);
        (until_ms > now_ms && all_wait).then_some(until_ms)
    }

    /// Runs. `seen` is shown every scheduled run; it answers whether the end may be reached yet.
    pub async fn run(self, mut seen: impl FnMut(&FetchReport) -> bool) -> Result<Summary, Failure> {
        let began = Instant::now();
        let clock = self.app.ports.clock;
        let must_reach_ms = clock.now_ms();
        // The queue went with the process before: what it carried is read again.
        let Recovered { voided, careful_to } = recover(&self.app.ports, &self.stream).await?;
        if voided > 0 {
            tracing::info!(voided, "pages of the run before are read again");
        }
        let settings = HostSettings {
            invocation_ms: self.host.invocation_seconds * 1_000,
            processors: self.host.processors,
            tick_ms: self.host.tick_ms,
        };
        let queue = self.app.ports.queue.clone();
        let functions = Arc::new(Handlers(self.app.clone()));
        let host = Host::new(clock, queue.clone(), functions, settings);
        stop_on_signal(host.stopper());
        if voided > 0 {
            // Perhaps a record killed the process before: should it do so again, it is alone with those
            // that one processor has in hand.
            host.limit_processors(1);
        }

        let progress = Progress::start(self.app.clone(), self.total);
        let mut caught_up = false;
        let mut goes_on_ms = None;
        let mut failed_runs = 0;
        let mut failure = None;
        let until = self.until;
        host.run(&self.stream, |answer| match answer {
            Ok(report) => {
                failed_runs = 0;
                if report.watermark >= careful_to {
                    host.limit_processors(self.host.processors);
                }
                let may_end = seen(&report);
                let reached = report.caught_up && report.until_ms >= must_reach_ms;
                caught_up = may_end && reached && queue.counts().dead == 0;
                goes_on_ms = self.waits_until_ms();
                match report.end {
                    _ if (caught_up || goes_on_ms.is_some()) && until == Until::CaughtUp => {
                        Next::Stop
                    }
                    End::Window => Next::Soon,
                    _ => Next::Tick,
                }
            }
            Err(error) => {
                failed_runs += 1;
                // A halt lasts until an operator has mended its cause; after a run that was killed, the next goes on.
                let halt = error.is::<SourceHalted>();
                if halt || failed_runs >= FAILED_RUNS_MAX {
                    failure = Some(error.to_string());
                    return Next::Stop;
                }
                Next::Tick
            }
        })
        .await;
        drop(progress);

        let invocations = host.invocations();
        let counts = (queue.counts(), queue.traffic());
        let mut summary = Summary::new(&self.app.meter.totals(), counts, self.requests.snapshot());
        summary.voided += voided;
        summary.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        summary.aws_items = self.requests.items();
        summary.aws_units.extend(self.capacity.iter().flat_map(CapacityMeter::snapshot));
        summary.fetch_ms = invocations.fetch_ms.load(Relaxed);
        summary.process_ms = invocations.process_ms.load(Relaxed);
        summary.longest_invocation_ms = invocations.longest_ms.load(Relaxed);
        summary.timed_out = invocations.timed_out.load(Relaxed);
        summary.caught_up = caught_up;
        summary.goes_on_at = goes_on_ms.filter(|_| !caught_up).map(moment);
        match failure {
            Some(reason) => Err(Failure::run(reason)),
            None => Ok(summary),
        }
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
