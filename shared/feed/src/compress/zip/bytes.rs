//! Numbers in a zip file, and what is said where they cannot be.

use crate::Damage;

pub(in crate::compress) fn lie(what: &str) -> Damage {
    Damage(format!("the zip file is damaged: {what}"))
}

pub(in crate::compress) fn index(offset: u64) -> Result<usize, Damage> {
    usize::try_from(offset).map_err(|_| lie("an offset is larger than this machine's memory"))
}

pub(in crate::compress) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

pub(in crate::compress) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

pub(in crate::compress) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
