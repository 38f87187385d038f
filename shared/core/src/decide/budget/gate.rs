//! The gate before the destination.

use crate::model::{Budget, EpochMs, Gate};

impl Budget {
    /// Shuts the gate until then, unless it is shut for longer already, with this count of failures in a
    /// row (0 for a limit). Who probes, and finds the gate as it left it for its `probe`, says how
    /// long.
    pub fn shut(&mut self, until_ms: EpochMs, failures: u32, probe: Option<Gate>) {
        let ours = probe == Some(self.gate);
        if ours || self.gate.shut_until_ms <= until_ms {
            self.gate = Gate { shut_until_ms: until_ms, failures };
        }
    }

    /// Takes the right to the next probe, if the gate is still as `seen`, and shuts it for everybody else
    /// until then. Answers whether the probe is ours.
    pub fn probe(&mut self, seen: Gate, until_ms: EpochMs) -> bool {
        let mine = self.gate == seen;
        if mine {
            self.gate.shut_until_ms = until_ms;
        }
        mine
    }

    /// Opens the gate, if it is still as it was left for this `probe`, which got through. Somebody may
    /// have been told meanwhile to wait.
    pub fn open(&mut self, probe: Gate) {
        if self.gate == probe {
            self.gate = Gate::default();
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
        budget.shut(100, 3, None);
        budget.shut(90, 0, None);
        assert_eq!(budget.gate, gate(100, 3));
        budget.shut(110, 0, None);
        assert_eq!(budget.gate, gate(110, 0));
        budget.open(gate(110, 0));
        budget.shut(50, 1, None);
        assert_eq!(budget.gate, gate(50, 1));
    }

    #[test]
    fn a_probe_shuts_for_less_than_it_might_have_taken() {
        let mut budget = Budget::default();
        budget.shut(100, 2, None);
        assert!(budget.probe(gate(100, 2), 30_000));
        budget.shut(4_000, 3, Some(gate(30_000, 2)));
        assert_eq!(budget.gate, gate(4_000, 3));
    }

    /// A slow probe that got through opened the gate that somebody else had been told to keep shut.
    #[test]
    fn repro_a_probe_opens_no_gate_but_its_own() {
        let mut budget = Budget::default();
        budget.shut(100, 2, None);
        assert!(budget.probe(gate(100, 2), 150));
        budget.shut(600_000, 0, None);
        budget.open(gate(150, 2));
        assert_eq!(budget.gate, gate(600_000, 0));
    }

    #[test]
    fn of_those_who_saw_the_same_gate_one_probes() {
        let mut budget = Budget::default();
        budget.shut(100, 2, None);
        assert!(!budget.probe(gate(100, 1), 150));
        assert!(budget.probe(gate(100, 2), 150));
        assert_eq!(budget.gate, gate(150, 2));
        assert!(!budget.probe(gate(100, 2), 150));
    }
}
