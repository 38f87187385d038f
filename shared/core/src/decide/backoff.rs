//! How long to wait before the next try.

use crate::model::{EpochMs, RetryPolicy};

/// From this part of the receipts that a message may have on, it is given back for the policy's cap at
/// the least, whatever shorter wait was asked for. Of 1,000 receipts that leaves 800, and a message that is
/// given back every 600 s for four days needs 576.
const PATIENT_FROM_PART: u32 = 5;

/// `base`, doubled with every try before this one, at most `cap`. In ms.
pub fn backoff_ms(policy: &RetryPolicy, tries_before: u32) -> u64 {
    let factor = 1u64.checked_shl(tries_before).unwrap_or(u64::MAX);
    policy.base_ms.saturating_mul(factor).min(policy.cap_ms)
}

/// Takes away up to a fifth, so that those who failed together do not come back together.
pub fn jittered_ms(wait_ms: u64, random: u64) -> u64 {
    wait_ms - random % (wait_ms / 5 + 1)
}

/// From now until then, in ms; 0 where that has passed.
pub fn ms_until(now_ms: EpochMs, until_ms: EpochMs) -> u64 {
    u64::try_from(until_ms - now_ms).unwrap_or(0)
}

/// How long a message is given back for that wants to wait `wait_ms`, after `receives` receipts of the
/// `receives_max` that its queue allows.
pub fn give_back_ms(policy: &RetryPolicy, wait_ms: u64, receives: u32, receives_max: u32) -> u64 {
    if receives < receives_max / PATIENT_FROM_PART { wait_ms } else { wait_ms.max(policy.cap_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy { attempts_max: 20, refused_max: 100, base_ms: 1_000, cap_ms: 600_000 };

    #[test]
    fn waits_double_up_to_the_cap_and_never_overflow() {
        let waits: Vec<_> =
            [0, 1, 2, 9, 10, 63, 64, 1_000].map(|tries| backoff_ms(&POLICY, tries)).into();
        assert_eq!(waits, [1_000, 2_000, 4_000, 512_000, 600_000, 600_000, 600_000, 600_000]);
    }

    #[test]
    fn jitter_only_shortens_and_by_a_fifth_at_most() {
        for random in [0, 1, 199, 200, 201, u64::MAX] {
            assert!((800..=1_000).contains(&jittered_ms(1_000, random)));
        }
        assert_eq!(jittered_ms(0, u64::MAX), 0);
    }

    #[test]
    fn an_outage_as_long_as_the_retention_stays_under_a_thousand_receipts() {
        let retention_ms = 4 * 24 * 3_600_000;
        // The worst that a destination can ask for: come back at once, every time.
        let (mut elapsed_ms, mut receives) = (0, 0);
        while elapsed_ms < retention_ms {
            receives += 1;
            elapsed_ms += give_back_ms(&POLICY, 0, receives, 1_000);
        }
        assert!(receives < 800, "{receives}");
    }
}
