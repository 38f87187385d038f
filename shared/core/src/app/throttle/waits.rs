//! What there is to wait for, and until when: in this invocation, or with messages that are given back.

use super::{
    Throttle,
    breaker::{PROBE_EVERY_MS, State},
};
use crate::{
    decide::ms_until,
    model::{EpochMs, RequestKind, Wait, WaitOn},
    ports::Platform,
};

/// Of a wait that is longer than this, in ms.
const EARLY_FROM_MS: u64 = 1_000;
/// The last of it is waited out in the invocation: a queue delays messages by whole seconds.
const EARLY_MS: u64 = 800;

impl<P: Platform> Throttle<'_, P> {
    /// Why nothing more is sent in this invocation, and until when, where that is so.
    pub fn wait(&self) -> Option<Wait> {
        match self.breaker.state() {
            State::Open { wait_ms } => {
                let until_ms = self.budget.now_ms().saturating_add_unsigned(wait_ms);
                Some(Wait { on: WaitOn::Circuit, until_ms })
            }
            State::Closed | State::HalfOpen => self.permits.wait(),
        }
    }

    /// Until when to wait before more is asked for in this invocation, where that is soon.
    pub fn waits_here_until_ms(&self) -> Option<EpochMs> {
        let until_ms = self.permits.waits_here_until_ms(self.budget.now_ms())?;
        let has_time = self.timeout_ms(RequestKind::Deliver, until_ms).is_some();
        (self.breaker.state() == State::Closed && has_time).then_some(until_ms)
    }

    /// That was waited for.
    pub fn waited_here(&mut self) {
        self.permits.waited_here();
    }

    /// For how long a message waits that comes back for that reason, in ms. Those who wait together come
    /// back one after the other.
    pub fn wait_ms(&self, wait: Wait, random: impl FnOnce() -> u64) -> u64 {
        let wait_ms = ms_until(self.budget.now_ms(), wait.until_ms);
        match wait.on {
            // A little after the circuit's time: the first probes, the others find it closed.
            WaitOn::Circuit => wait_ms + random() % PROBE_EVERY_MS,
            // When another one will be done is known: what is left then is waited for in the invocation.
            WaitOn::Concurrency if wait_ms > EARLY_FROM_MS => wait_ms - EARLY_MS,
            WaitOn::Concurrency => wait_ms + random() % self.spread_ms,
            WaitOn::Rate | WaitOn::Quota => wait_ms,
        }
    }

    /// Until when a quota is used up, if one is.
    pub fn quota_until_ms(&self) -> Option<EpochMs> {
        let wait = self.permits.wait().filter(|wait| wait.on == WaitOn::Quota);
        wait.map(|wait| wait.until_ms)
    }
}
