//! A budget after the processes that leased of it are dead.

use crate::model::{Budget, EpochMs};

impl Budget {
    /// Takes back what dead invocations hold, all that there are. They sent nothing after `sent_until_ms`,
    /// and none of their requests is in flight after `held_until_ms`. The flow's rate lets requests follow
    /// each other by `spacing_us`.
    pub fn outlive(&mut self, sent_until_ms: EpochMs, held_until_ms: EpochMs, spacing_us: i64) {
        for holder in &mut self.holders {
            holder.until_ms = holder.until_ms.min(held_until_ms);
            // It has nothing more to send, so the rate is not left to it.
            holder.done_ms = holder.done_ms.min(sent_until_ms);
        }
        // Send slots that were leased and not used by then never are.
        let spacing_us = spacing_us.max(self.advertised.map_or(0, |paced| paced.spacing_us));
        let next_us = (sent_until_ms + 1) * 1_000 + spacing_us;
        self.next_us = self.next_us.min(next_us);
        // Nor is a probe out.
        self.circuit.probe_until_ms = 0;
        for circuit in self.refused.values_mut() {
            circuit.probe_until_ms = 0;
        }
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Circuit, Holder, Waiting};

    #[test]
    fn what_the_dead_leased_is_free_once_nothing_of_it_can_be_in_flight() {
        let holder = |until_ms| Holder {
            owner: "a".into(),
            stream: "".into(),
            slots: 2,
            until_ms,
            wants: 0,
            done_ms: 80_000,
        };
        let circuit = Circuit { open_until_ms: 9_000, failures: 3, probe_until_ms: 40_000 };
        let waiting = Waiting { stream: "o/s".into(), urgency: 1, at_ms: 900 };
        let mut budget = Budget {
            holders: vec![holder(90_000), holder(2_000)],
            next_us: 60_000_000,
            circuit,
            refused: [("o/s".into(), circuit)].into(),
            waiting: vec![waiting],
            ..Budget::default()
        };
        budget.outlive(1_000, 6_000, 50_000);
        let until: Vec<_> = budget.holders.iter().map(|holder| holder.until_ms).collect();
        assert_eq!(until, [6_000, 2_000]);
        assert!(budget.holders.iter().all(|holder| holder.done_ms == 1_000));
        assert_eq!(budget.next_us, 1_051_000);
        // The destination is down all the same.
        let left = Circuit { probe_until_ms: 0, ..circuit };
        assert_eq!((budget.circuit, &budget.refused["o/s"]), (left, &left));
        assert!(budget.waiting.is_empty());
        let once = budget.clone();
        budget.outlive(1_000, 6_000, 50_000);
        assert_eq!(budget, once);
    }
}
