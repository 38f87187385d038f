//! The circuit breaker before the destination: one for all who share the budget, and one of its own for a
//! stream whose credentials or address are refused.

use crate::model::{Budget, Circuit, EpochMs, StreamId};

/// Whose circuit: that of all who share the budget.
pub const ALL: &str = "";

impl Budget {
    /// The circuit of a stream, or that of all.
    pub fn circuit_of(&self, whose: &str) -> Circuit {
        match whose {
            ALL => self.circuit,
            stream => self.refused.get(stream).copied().unwrap_or_default(),
        }
    }

    fn set_circuit(&mut self, whose: &str, circuit: Circuit) {
        match whose {
            ALL => self.circuit = circuit,
            stream if circuit == Circuit::default() => drop(self.refused.remove(stream)),
            stream => drop(self.refused.insert(stream.into(), circuit)),
        }
    }

    /// Until when this stream sends nothing but a probe, if so.
    pub fn blocked_until_ms(&self, stream: &str, now_ms: EpochMs) -> Option<EpochMs> {
        [ALL, stream].into_iter().filter_map(|of| self.circuit_of(of).wait_until_ms(now_ms)).max()
    }

    /// Opens a circuit until then, if it is not open for longer already, with this count of failures in a
    /// row (0 for a limit). Only [`Self::close`] forgets them.
    pub fn open(&mut self, whose: &str, until_ms: EpochMs, failures: u32) {
        let Circuit { open_until_ms, failures: before, probe_until_ms } = self.circuit_of(whose);
        let open_until_ms = open_until_ms.max(until_ms);
        let failures = before.max(failures);
        self.set_circuit(whose, Circuit { open_until_ms, failures, probe_until_ms });
    }

    /// Takes the right to the next probe, if the circuit is still as `seen`, and no probe is out. No other
    /// invocation gets it until then. Answers whether the probe is ours.
    pub fn take_probe(
        &mut self,
        whose: &str,
        seen: Circuit,
        now_ms: EpochMs,
        until_ms: EpochMs,
    ) -> bool {
        let mine = self.circuit_of(whose) == seen && seen.probe_until_ms <= now_ms;
        if mine {
            self.set_circuit(whose, Circuit { probe_until_ms: until_ms, ..seen });
        }
        mine
    }

    /// The probe that was out until then is over, whatever came of it.
    pub fn release_probe(&mut self, whose: &str, until_ms: EpochMs) {
        let circuit = self.circuit_of(whose);
        if circuit.probe_until_ms == until_ms {
            self.set_circuit(whose, Circuit { probe_until_ms: 0, ..circuit });
        }
    }

    /// Closes the circuit of a stream that was stopped before an operator acted: its own, or the one of all where
    /// no other shares the budget.
    pub fn begin_anew(&mut self, stream: &StreamId, is_shared: bool) {
        let stream = stream.to_string();
        let whose = if is_shared { &*stream } else { ALL };
        self.set_circuit(whose, Circuit::default());
    }

    /// Closes a circuit: a probe got through. Unless the destination asked another meanwhile to wait.
    pub fn close(&mut self, whose: &str, now_ms: EpochMs) {
        if self.circuit_of(whose).open_until_ms <= now_ms {
            self.set_circuit(whose, Circuit::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit(open_until_ms: EpochMs, failures: u32) -> Circuit {
        Circuit { open_until_ms, failures, probe_until_ms: 0 }
    }

    #[test]
    fn opening_keeps_the_longer_time_and_closing_forgets_all() {
        let mut budget = Budget::default();
        budget.open(ALL, 100, 3);
        // The answer that says how long to wait does not undo that one goes first.
        budget.open(ALL, 110, 0);
        budget.open(ALL, 90, 1);
        assert_eq!(budget.circuit, circuit(110, 3));
        budget.close(ALL, 110);
        budget.open(ALL, 50, 1);
        assert_eq!(budget.circuit, circuit(50, 1));
    }

    #[test]
    fn of_those_that_saw_the_same_circuit_one_probes() {
        let mut budget = Budget::default();
        budget.open(ALL, 100, 2);
        assert!(!budget.take_probe(ALL, circuit(100, 1), 101, 150));
        assert!(budget.take_probe(ALL, circuit(100, 2), 101, 150));
        let seen = budget.circuit;
        assert!(!budget.take_probe(ALL, circuit(100, 2), 101, 150));
        assert!(!budget.take_probe(ALL, seen, 149, 250), "one is out");
        assert!(budget.take_probe(ALL, seen, 150, 250), "it died");
        budget.release_probe(ALL, 150);
        assert_eq!(budget.circuit.probe_until_ms, 250);
        budget.release_probe(ALL, 250);
        assert_eq!(budget.circuit, circuit(100, 2));
    }

    /// While a probe was out, the others were sent away for as long as it might take.
    #[test]
    fn repro_an_invocation_that_finds_a_probe_out_is_back_soon() {
        let mut budget = Budget::default();
        budget.open(ALL, 100, 2);
        assert_eq!(budget.blocked_until_ms(ALL, 50), Some(100));
        assert!(budget.take_probe(ALL, circuit(100, 2), 200, 30_200));
        assert_eq!(budget.blocked_until_ms(ALL, 300), Some(1_300));
        // What another was told meanwhile holds for all.
        budget.open(ALL, 5_300, 0);
        assert_eq!(budget.blocked_until_ms(ALL, 300), Some(5_300));
        budget.close(ALL, 400);
        assert_eq!(budget.blocked_until_ms(ALL, 400), Some(5_300));
        budget.close(ALL, 5_300);
        assert_eq!(budget.blocked_until_ms(ALL, 5_300), None);
    }

    /// A slow probe that got through found that another was out meanwhile, and the circuit stayed open.
    #[test]
    fn repro_a_probe_that_was_overtaken_closes_the_circuit() {
        let mut budget = Budget::default();
        budget.open(ALL, 100, 2);
        assert!(budget.take_probe(ALL, circuit(100, 2), 100, 150));
        let seen = budget.circuit;
        assert!(budget.take_probe(ALL, seen, 150, 200));
        budget.close(ALL, 160);
        assert_eq!(budget.circuit, Circuit::default());
    }

    #[test]
    fn what_is_refused_to_one_stream_opens_no_others_circuit() {
        let mut budget = Budget::default();
        budget.open("a/1", 100, 2);
        assert_eq!(budget.blocked_until_ms("a/1", 50), Some(100));
        assert_eq!(budget.blocked_until_ms("b/1", 50), None);
        budget.open(ALL, 300, 0);
        assert_eq!(budget.blocked_until_ms("a/1", 50), Some(300));
        assert_eq!(budget.blocked_until_ms("b/1", 50), Some(300));
        assert!(budget.take_probe("a/1", circuit(100, 2), 300, 400));
        budget.close("a/1", 310);
        assert!(budget.refused.is_empty());
        budget.open("a/1", 500, 1);
        budget.forget(500 + 86_400_000);
        assert!(budget.refused.is_empty(), "it never came back");
    }
}
