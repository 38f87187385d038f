//! How much a file may ask for.

/// Bounds on what is taken from a file, which may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one record's text. A longer one is at fault, and those behind it are read.
    pub record_bytes_max: usize,
    /// Most elements, objects or lists within each other.
    pub depth_max: usize,
    /// Most bytes that a packed file may unpack to.
    pub unpacked_bytes_max: u64,
    /// Most times as many bytes as were read, once a mebibyte was unpacked.
    pub ratio_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes_max: 4 << 20,
            depth_max: 64,
            unpacked_bytes_max: 64 << 30,
            ratio_max: 1_000,
        }
    }
}
