//! What the invocations of this process came to, added up.

use std::sync::{Mutex, PoisonError};

use tidegate_core::{
    app::{FetchReport, ProcessReport, Tally, tell_of_wait},
    model::{EpochMs, Stall, StallOn, StreamId},
};

use crate::metrics::Metrics;

/// Adds up reports: for the command line's progress and summary.
#[derive(Debug, Default)]
pub struct Meter {
    totals: Mutex<Totals>,
    waiting: Mutex<Waiting>,
    metrics: Option<Metrics>,
}

/// Why the newest invocations did not get on.
#[derive(Debug, Default)]
struct Waiting {
    fetching: Option<Stall>,
    delivering: Option<Stall>,
    /// When an invocation last found that delivery waits.
    found_ms: EpochMs,
}

impl Waiting {
    /// Takes in how delivery got on. One that began before the stream waited, and ends after another found that it
    /// does, has not ended the wait; nor does what was left of a quota mean that there is more before its reset.
    fn processed(&mut self, report: &ProcessReport) {
        if report.stall.is_some() {
            self.delivering.clone_from(&report.stall);
            self.found_ms = report.ended_ms;
            return;
        }
        let is_used_up = self.delivering.as_ref().is_some_and(|stall| {
            stall.on == StallOn::Quota && stall.until_ms > Some(report.ended_ms)
        });
        if report.settled && self.found_ms < report.began_ms && !is_used_up {
            self.delivering = None;
        }
    }

    /// Takes in how a run got on, and tells of what no item of the table keeps between two runs: there this
    /// process goes by its own run before.
    fn fetched(&mut self, stream: &StreamId, report: &FetchReport, now_ms: EpochMs) {
        let is_untold = |stall: &&Stall| matches!(stall.on, StallOn::Lease | StallOn::Pause);
        let mut stall = report.stall.clone();
        let before = self.fetching.as_ref().filter(is_untold);
        tell_of_wait(stream, before, stall.as_mut().filter(|it| is_untold(&&**it)), now_ms);
        self.fetching = stall;

        let is_off = |stall: &&Stall| stall.on == StallOn::Processors;
        let before = self.delivering.as_ref().filter(is_off);
        let mut off = report.delivering.clone().filter(|stall| is_off(&stall));
        tell_of_wait(stream, before, off.as_mut(), now_ms);
        if before.is_some() || off.is_some() {
            self.delivering = off;
        }
    }
}

/// The sums so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records and requests.
    pub tally: Tally,
    /// Scheduled runs.
    pub fetch_invocations: u64,
    /// Those of them that emitted a page.
    pub runs: u64,
    /// Batches of messages processed.
    pub process_invocations: u64,
    /// Pages emitted.
    pub pages: u64,
    /// Records in them.
    pub records: u64,
    /// Pages finished.
    pub pages_done: u64,
    /// Pages voided, to be read again.
    pub voided: u64,
    /// Requests to the source.
    pub source_requests: u64,
    /// Messages that no handler could read.
    pub messages_refused: u64,
    /// The latest reset of a quota that was found used up.
    pub quota_until_ms: Option<EpochMs>,
}

impl Meter {
    /// One that tells CloudWatch, too, how each run went.
    pub fn telling(metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..Self::default() }
    }

    /// The sums so far.
    pub fn totals(&self) -> Totals {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the stream waits for, as the newest invocations have it.
    pub fn waiting(&self) -> Vec<Stall> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.fetching.iter().chain(&waiting.delivering).cloned().collect()
    }

    /// Adds a scheduled run that ended at `now_ms`.
    pub fn fetched(&self, stream: &StreamId, report: &FetchReport, now_ms: EpochMs) {
        if let Some(metrics) = &self.metrics {
            metrics.write(stream, report, now_ms);
        }
        self.add(|totals| {
            totals.fetch_invocations += 1;
            totals.runs += u64::from(report.pages > 0);
            totals.pages += report.pages;
            totals.records += report.records;
            totals.voided += report.voided;
            totals.source_requests += report.source_requests;
            totals.tally.parked += report.parked;
        });
        self.wait(|waiting| waiting.fetched(stream, report, now_ms));
    }

    /// Adds a processor's invocation.
    pub fn invoked_processor(&self) {
        self.add(|totals| totals.process_invocations += 1);
    }

    /// Adds what one stream's messages came to.
    pub fn processed(&self, report: &ProcessReport) {
        self.add(|totals| {
            totals.tally.add(&report.tally);
            totals.pages_done += report.pages_done;
            totals.quota_until_ms = totals.quota_until_ms.max(report.quota_until_ms);
        });
        self.wait(|waiting| waiting.processed(report));
    }

    /// Adds records that were parked as dead letters.
    pub fn buried(&self, parked: u64) {
        self.add(|totals| totals.tally.parked += parked);
    }

    /// Adds a message that could not be read.
    pub fn refused_message(&self) {
        self.add(|totals| totals.messages_refused += 1);
    }

    fn add(&self, act: impl FnOnce(&mut Totals)) {
        act(&mut self.totals.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn wait(&self, act: impl FnOnce(&mut Waiting)) {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(on: StallOn, until_ms: EpochMs, ended_ms: EpochMs) -> ProcessReport {
        let stall = Some(Stall::new(on, "", ended_ms, Some(until_ms)));
        ProcessReport { stall, ended_ms, ..ProcessReport::default() }
    }

    fn settles(began_ms: EpochMs, ended_ms: EpochMs) -> ProcessReport {
        ProcessReport { settled: true, began_ms, ended_ms, ..ProcessReport::default() }
    }

    #[test]
    fn repro_an_invocation_that_began_before_the_stream_waited_does_not_end_its_wait() {
        let meter = Meter::default();
        meter.processed(&waits(StallOn::Destination, 9_000, 1_000));
        meter.processed(&settles(500, 1_500));
        assert_eq!(meter.waiting().len(), 1);
        meter.processed(&settles(1_200, 1_600));
        assert_eq!(meter.waiting(), []);
    }

    #[test]
    fn a_quota_is_used_up_until_its_reset_though_some_of_it_was_given_back() {
        let meter = Meter::default();
        meter.processed(&waits(StallOn::Quota, 9_000, 1_000));
        meter.processed(&settles(1_200, 1_600));
        assert_eq!(meter.waiting().len(), 1);
        meter.processed(&settles(9_000, 9_100));
        assert_eq!(meter.waiting(), []);
    }
}
