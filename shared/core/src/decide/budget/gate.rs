//! The gate before the destination.

use crate::model::{Budget, EpochMs, Gate};

impl Budget {
    /// Shuts the gate until then, unless it is shut for longer already, with this count of failures in a
    /// row (0 for a limit).
    pub fn shut(&mut self, until_ms: EpochMs, failures: u32) {
        if self.gate.shut_until_ms <= until_ms {
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

    /// Opens the gate: a probe got through.
    pub fn open(&mut self) {
        self.gate = Gate::default();
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
        budget.shut(100, 3);
        budget.shut(90, 0);
        assert_eq!(budget.gate, gate(100, 3));
        budget.shut(110, 0);
        assert_eq!(budget.gate, gate(110, 0));
        budget.open();
        budget.shut(50, 1);
        assert_eq!(budget.gate, gate(50, 1));
    }

    #[test]
    fn of_those_who_saw_the_same_gate_one_probes() {
        let mut budget = Budget::default();
        budget.shut(100, 2);
        assert!(!budget.probe(gate(100, 1), 150));
        assert!(budget.probe(gate(100, 2), 150));
        assert_eq!(budget.gate, gate(150, 2));
        assert!(!budget.probe(gate(100, 2), 150));
    }
}
