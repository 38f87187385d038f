//! The gate before the destination: one for all who share the budget, and one of its own for a stream whose
//! credentials or address are refused.

use crate::model::{Budget, EpochMs, Gate};

/// Whose gate: everybody's.
pub const ALL: &str = "";

impl Budget {
    /// The gate of a stream, or everybody's.
    pub fn gate_of(&self, whose: &str) -> Gate {
        match whose {
            ALL => self.gate,
            stream => self.refused.get(stream).copied().unwrap_or_default(),
        }
    }

    fn set_gate(&mut self, whose: &str, gate: Gate) {
        match whose {
            ALL => self.gate = gate,
            stream if gate == Gate::default() => drop(self.refused.remove(stream)),
            stream => drop(self.refused.insert(stream.into(), gate)),
        }
    }

    /// Until when nobody of this stream sends but who probes, if so.
    pub fn shut_for(&self, stream: &str, now_ms: EpochMs) -> Option<EpochMs> {
        [ALL, stream].into_iter().filter_map(|of| self.gate_of(of).wait_until_ms(now_ms)).max()
    }

    /// Shuts a gate until then, if it is not shut for longer already, with this count of failures in a row
    /// (0 for a limit). Only [`Self::open`] forgets them.
    pub fn shut(&mut self, whose: &str, until_ms: EpochMs, failures: u32) {
        let Gate { shut_until_ms, failures: before, probe_until_ms } = self.gate_of(whose);
        let shut_until_ms = shut_until_ms.max(until_ms);
        self.set_gate(
            whose,
            Gate { shut_until_ms, failures: before.max(failures), probe_until_ms },
        );
    }

    /// Takes the right to the next probe, if the gate is still as `seen`, and none is out. Nobody else gets
    /// it until then. Answers whether the probe is ours.
    pub fn probe(&mut self, whose: &str, seen: Gate, now_ms: EpochMs, until_ms: EpochMs) -> bool {
        let mine = self.gate_of(whose) == seen && seen.probe_until_ms <= now_ms;
        if mine {
            self.set_gate(whose, Gate { probe_until_ms: until_ms, ..seen });
        }
        mine
    }

    /// The probe that was out until then is over, whatever came of it.
    pub fn probed(&mut self, whose: &str, until_ms: EpochMs) {
        let gate = self.gate_of(whose);
        if gate.probe_until_ms == until_ms {
            self.set_gate(whose, Gate { probe_until_ms: 0, ..gate });
        }
    }

    /// Opens a gate: a probe got through. Unless somebody was told meanwhile to wait.
    pub fn open(&mut self, whose: &str, now_ms: EpochMs) {
        if self.gate_of(whose).shut_until_ms <= now_ms {
            self.set_gate(whose, Gate::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(shut_until_ms: EpochMs, failures: u32) -> Gate {
        Gate { shut_until_ms, failures, probe_until_ms: 0 }
    }

    #[test]
    fn shutting_keeps_the_longer_time_and_opening_forgets_all() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 3);
        // The answer that says how long to wait does not undo that one goes first.
        budget.shut(ALL, 110, 0);
        budget.shut(ALL, 90, 1);
        assert_eq!(budget.gate, gate(110, 3));
        budget.open(ALL, 110);
        budget.shut(ALL, 50, 1);
        assert_eq!(budget.gate, gate(50, 1));
    }

    #[test]
    fn of_those_who_saw_the_same_gate_one_probes() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 2);
        assert!(!budget.probe(ALL, gate(100, 1), 101, 150));
        assert!(budget.probe(ALL, gate(100, 2), 101, 150));
        let seen = budget.gate;
        assert!(!budget.probe(ALL, gate(100, 2), 101, 150));
        assert!(!budget.probe(ALL, seen, 149, 250), "one is out");
        assert!(budget.probe(ALL, seen, 150, 250), "it died");
        budget.probed(ALL, 150);
        assert_eq!(budget.gate.probe_until_ms, 250);
        budget.probed(ALL, 250);
        assert_eq!(budget.gate, gate(100, 2));
    }

    /// While a probe was out, the others were sent away for as long as it might take.
    #[test]
    fn repro_who_finds_a_probe_out_is_back_soon() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 2);
        assert_eq!(budget.shut_for(ALL, 50), Some(100));
        assert!(budget.probe(ALL, gate(100, 2), 200, 30_200));
        assert_eq!(budget.shut_for(ALL, 300), Some(1_300));
        // What another was told meanwhile holds for all.
        budget.shut(ALL, 5_300, 0);
        assert_eq!(budget.shut_for(ALL, 300), Some(5_300));
        budget.open(ALL, 400);
        assert_eq!(budget.shut_for(ALL, 400), Some(5_300));
        budget.open(ALL, 5_300);
        assert_eq!(budget.shut_for(ALL, 5_300), None);
    }

    /// A slow probe that got through found that another was out meanwhile, and the gate stayed shut.
    #[test]
    fn repro_a_probe_that_was_overtaken_opens_the_gate() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 2);
        assert!(budget.probe(ALL, gate(100, 2), 100, 150));
        let seen = budget.gate;
        assert!(budget.probe(ALL, seen, 150, 200));
        budget.open(ALL, 160);
        assert_eq!(budget.gate, Gate::default());
    }

    #[test]
    fn what_is_refused_to_one_stream_shuts_nobody_elses_gate() {
        let mut budget = Budget::default();
        budget.shut("a/1", 100, 2);
        assert_eq!(budget.shut_for("a/1", 50), Some(100));
        assert_eq!(budget.shut_for("b/1", 50), None);
        budget.shut(ALL, 300, 0);
        assert_eq!(budget.shut_for("a/1", 50), Some(300));
        assert_eq!(budget.shut_for("b/1", 50), Some(300));
        assert!(budget.probe("a/1", gate(100, 2), 300, 400));
        budget.open("a/1", 310);
        assert!(budget.refused.is_empty());
        budget.shut("a/1", 500, 1);
        budget.forget(500 + 86_400_000);
        assert!(budget.refused.is_empty(), "it never came back");
    }
}
