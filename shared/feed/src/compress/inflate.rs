//! One stream of deflated bytes, and bounds on what packed bytes may unpack to.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::step::Packing;
use crate::{Damage, Limits};

/// From how many unpacked bytes on their ratio to the packed ones is looked at.
const RATIO_FROM: u64 = 1 << 20;

/// How much was taken from a packed file, and how much came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Packed bytes.
    pub raw: u64,
    /// Unpacked bytes.
    pub unpacked: u64,
}

impl Spent {
    pub(super) fn add(&mut self, raw: usize, unpacked: usize) {
        self.raw += raw as u64;
        self.unpacked += unpacked as u64;
    }

    /// # Errors
    /// More was unpacked than the limits allow.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Damage> {
        if self.unpacked > limits.unpacked_bytes_max {
            return Err(Damage(format!(
                "the file unpacks to more than the {} bytes allowed (unpacked_bytes_max)",
                limits.unpacked_bytes_max
            )));
        }
        if self.unpacked > RATIO_FROM && self.unpacked / limits.ratio_max.max(1) > self.raw {
            return Err(Damage(format!(
                "the file unpacks to more than {} times its size (ratio_max): {} bytes came of {}",
                limits.ratio_max, self.unpacked, self.raw
            )));
        }
        Ok(())
    }
}

/// One deflated stream, without header and trailer.
#[derive(Debug)]
pub(super) struct Inflate {
    state: Decompress,
    crc: Crc,
    length: u64,
}

/// What came of some bytes of it.
pub(super) struct Inflated {
    pub(super) taken: usize,
    /// Whether this was the end of the stream.
    pub(super) ended: bool,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self { state: Decompress::new(false), crc: Crc::new(), length: 0 }
    }

    /// Makes ready for another stream, in the same memory.
    pub(super) fn reset(&mut self) {
        self.state.reset(false);
        self.crc.reset();
        self.length = 0;
    }

    /// Unpacks `raw` into the spare capacity of `out`.
    ///
    /// # Errors
    /// `raw` is no deflated stream: why, without the place.
    pub(super) fn step(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<Inflated, &'static str> {
        let from = out.len();
        let before = self.state.total_in();
        let status = self.state.decompress_vec(raw, out, FlushDecompress::None);
        self.crc.update(&out[from..]);
        self.length += (out.len() - from) as u64;
        let taken = usize::try_from(self.state.total_in() - before).unwrap_or(raw.len());
        match status {
            Ok(status) => Ok(Inflated { taken, ended: status == Status::StreamEnd }),
            Err(_) => Err("its bytes are no deflated stream"),
        }
    }

    /// Passes bytes on that are stored as they are.
    pub(super) fn store(&mut self, raw: &[u8], out: &mut Vec<u8>) -> usize {
        let taken = raw.len().min(out.capacity() - out.len());
        out.extend_from_slice(&raw[..taken]);
        self.crc.update(&raw[..taken]);
        self.length += taken as u64;
        taken
    }

    pub(super) fn crc(&self) -> u32 {
        self.crc.sum()
    }

    /// How many bytes came of the stream.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

/// Refuses an archive within another by its first bytes, once four are there or no more follow.
#[derive(Debug, Default)]
pub(super) struct FirstBytes {
    bytes: [u8; 4],
    count: usize,
}

impl FirstBytes {
    /// # Errors
    /// What was unpacked is packed itself.
    pub(super) fn see(&mut self, unpacked: &[u8], outer: &str) -> Result<(), Damage> {
        if self.count == 4 || unpacked.is_empty() {
            return Ok(());
        }
        for byte in unpacked.iter().take(4 - self.count) {
            self.bytes[self.count] = *byte;
            self.count += 1;
        }
        let inner = match Packing::of(&self.bytes[..self.count]) {
            Packing::Plain => return Ok(()),
            Packing::Gzip => "gzip file",
            Packing::Zip => "zip file (or an XLSX file)",
        };
        Err(Damage(format!(
            "there is a {inner} within {outer}: archives within archives are not unpacked"
        )))
    }
}
