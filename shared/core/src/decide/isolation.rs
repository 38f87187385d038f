//! Which records to handle together, which alone, and which no more, where one may crash its processor.

/// A record that was in hand at so many crashes is handled no more.
pub const CRASHES_MAX: u32 = 3;
/// From this many receipts on since a processor last left the page at a clean exit, its records are handled
/// in isolation: one of them may have crashed every processor since.
pub const ISOLATE_FROM_RECEIVES: u32 = 3;

/// How the records of a page are handled, one batch after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batches {
    /// To be parked unhandled.
    pub fatal: Vec<u32>,
    /// Each is noted, handled and settled before the next is begun.
    pub batches: Vec<Vec<u32>>,
}

/// Batches of these records, by index, ascending; `crashes` says how many each has seen. Those that
/// have seen none go first and together; the others alone, so that the next crash is one record's only. In a `serial` stream all are alone, and in their order.
pub fn batches(indices: &[u32], crashes: impl Fn(u32) -> u32, serial: bool) -> Batches {
    let (fatal, rest): (Vec<u32>, Vec<u32>) =
        indices.iter().copied().partition(|index| crashes(*index) >= CRASHES_MAX);
    if serial {
        let batches = rest.into_iter().map(|index| vec![index]).collect();
        return Batches { fatal, batches };
    }
    let (fresh, alone): (Vec<u32>, Vec<u32>) =
        rest.into_iter().partition(|index| crashes(*index) == 0);
    let fresh = Some(fresh).filter(|fresh| !fresh.is_empty());
    let alone = alone.into_iter().map(|index| vec![index]);
    Batches { fatal, batches: fresh.into_iter().chain(alone).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unsuspected_go_together_the_suspected_alone_and_the_poison_not() {
        let crashes = [0, 1, 0, 3, 2, 4];
        let of = |serial| batches(&[0, 1, 2, 3, 4, 5], |index| crashes[index as usize], serial);
        let fatal = vec![3, 5];
        let batches = vec![vec![0, 2], vec![1], vec![4]];
        assert_eq!(of(false), Batches { fatal: fatal.clone(), batches });
        let batches = vec![vec![0], vec![1], vec![2], vec![4]];
        assert_eq!(of(true), Batches { fatal, batches });
        assert_eq!(super::batches(&[], |_| 0, false), Batches::default());
    }
}
