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

    /// Shuts a gate until then, unless it is shut for longer already, with this count of failures in a
    /// row (0 for a limit). Who probes, and finds the gate as it left it for its `probe`, says how
    /// long.
    pub fn shut(&mut self, whose: &str, until_ms: EpochMs, failures: u32, probe: Option<Gate>) {
        let stands = self.gate_of(whose);
        if probe == Some(stands) || stands.shut_until_ms <= until_ms {
            self.set_gate(whose, Gate { shut_until_ms: until_ms, failures });
        }
    }

    /// Takes the right to the next probe, if the gate is still as `seen`, and shuts it for everybody else
    /// until then. Answers whether the probe is ours.
    pub fn probe(&mut self, whose: &str, seen: Gate, until_ms: EpochMs) -> bool {
        let mine = self.gate_of(whose) == seen;
        if mine {
            self.set_gate(whose, Gate { shut_until_ms: until_ms, ..seen });
        }
        mine
    }

    /// Opens a gate, if it is still as it was left for this `probe`, which got through. Somebody may
    /// have been told meanwhile to wait.
    pub fn open(&mut self, whose: &str, probe: Gate) {
        if self.gate_of(whose) == probe {
            self.set_gate(whose, Gate::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(shut_until_ms: EpochMs, failures: u32) -> Gate {
        Gate { shut_until_ms, failures }
    }

    #[test]
    fn shutting_keeps_the_longer_time_and_opening_forgets_all() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 3, None);
        budget.shut(ALL, 90, 0, None);
        assert_eq!(budget.gate, gate(100, 3));
        budget.shut(ALL, 110, 0, None);
        assert_eq!(budget.gate, gate(110, 0));
        budget.open(ALL, gate(110, 0));
        budget.shut(ALL, 50, 1, None);
        assert_eq!(budget.gate, gate(50, 1));
    }

    #[test]
    fn a_probe_shuts_for_less_than_it_might_have_taken() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 2, None);
        assert!(budget.probe(ALL, gate(100, 2), 30_000));
        budget.shut(ALL, 4_000, 3, Some(gate(30_000, 2)));
        assert_eq!(budget.gate, gate(4_000, 3));
    }

    /// A slow probe that got through opened the gate that somebody else had been told to keep shut.
    #[test]
    fn repro_a_probe_opens_no_gate_but_its_own() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 2, None);
        assert!(budget.probe(ALL, gate(100, 2), 150));
        budget.shut(ALL, 600_000, 0, None);
        budget.open(ALL, gate(150, 2));
        assert_eq!(budget.gate, gate(600_000, 0));
    }

    #[test]
    fn of_those_who_saw_the_same_gate_one_probes() {
        let mut budget = Budget::default();
        budget.shut(ALL, 100, 2, None);
        assert!(!budget.probe(ALL, gate(100, 1), 150));
        assert!(budget.probe(ALL, gate(100, 2), 150));
        assert_eq!(budget.gate, gate(150, 2));
        assert!(!budget.probe(ALL, gate(100, 2), 150));
    }

    #[test]
    fn what_is_refused_to_one_stream_shuts_nobody_elses_gate() {
        let mut budget = Budget::default();
        budget.shut("a/1", 100, 2, None);
        assert_eq!(budget.shut_for("a/1", 50), Some(100));
        assert_eq!(budget.shut_for("b/1", 50), None);
        budget.shut(ALL, 300, 0, None);
        assert_eq!(budget.shut_for("a/1", 50), Some(300));
        assert_eq!(budget.shut_for("b/1", 50), Some(300));
        assert!(budget.probe("a/1", gate(100, 2), 400));
        budget.open("a/1", gate(400, 2));
        assert!(budget.refused.is_empty());
        budget.shut("a/1", 500, 1, None);
        budget.forget(500 + 86_400_000);
        assert!(budget.refused.is_empty(), "it never came back");
    }
}
