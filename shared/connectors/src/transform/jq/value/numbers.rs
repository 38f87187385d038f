//! What large numbers cost.

use jaq_json::Num;

use crate::transform::jq::budget::{spend_bytes, spend_work};

/// How many words of 64 bits a number has; 0 for what fits one.
pub(super) fn limbs(number: &Num) -> usize {
    match number {
        Num::BigInt(number) => usize::try_from(number.bits() / 64).unwrap_or(usize::MAX),
        Num::Dec(text) => text.len() / 16,
        Num::Int(_) | Num::Float(_) => 0,
    }
}

/// Takes what it costs to make a product, a quotient or a text of large numbers.
pub(super) fn weigh_numbers(one: &Num, other: &Num) {
    let (one, other) = (limbs(one), limbs(other));
    spend_bytes((one + other) * 8);
    spend_work(one.saturating_add(1).saturating_mul(other.saturating_add(1)));
}
