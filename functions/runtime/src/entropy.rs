//! Randomness and ids from the operating system.

use tidegate_core::{
    model::StreamId,
    ports::{Ids, Random},
};

/// Asks the operating system every time: a sandbox restored from a snapshot would repeat what was
/// drawn before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Random for OsEntropy {
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        u64::from_le_bytes(bytes)
    }
}

impl Ids for OsEntropy {
    fn unique(&self, _stream: &StreamId) -> Box<str> {
        format!("{:016x}{:016x}", self.next_u64(), self.next_u64()).into()
    }
}
