//! The file as the ERP put it there at one moment. It is never held: a block of offers is written where it is sent, and
//! only where each block ends is known.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::{Compression, GzBuilder};

use super::catalogue::{Broken, Catalogue};
use crate::faults::mix;

/// Offers in a block, of some 360 bytes each.
const BLOCK: u64 = 128;
/// What a server that is being looked after says.
const GARBAGE: &str =
    "<!DOCTYPE html>\n<html><body><h1>We are back soon</h1><p>Please wait.<br></body></html>\n";

/// What a file is packed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    /// A member for each block.
    Gzip,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Edition {
    pub(crate) catalogue: Catalogue,
    /// From 1.
    pub(crate) number: u64,
    /// In whole seconds, as headers have it.
    pub(crate) modified: SystemTime,
    broken: Option<Broken>,
    plain: OnceLock<Vec<u64>>,
    gzip: OnceLock<Vec<u64>>,
}

impl Edition {
    /// The file of these offers, there since now.
    pub(crate) fn new(catalogue: Catalogue, number: u64, broken: Option<Broken>) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs());
        let (plain, gzip) = Default::default();
        let edition = Self { catalogue, number, modified, broken, plain, gzip };
        // It is long work for a large file, and none for a server that is to answer others meanwhile.
        edition.ends(Packing::Plain);
        edition
    }

    /// A strong one.
    pub(crate) fn etag(&self, packing: Packing) -> String {
        let kind = u64::from(packing == Packing::Gzip);
        format!("\"{:016x}\"", mix(self.catalogue.seed ^ mix(2 * self.number + kind)))
    }

    /// How many bytes it has.
    pub(crate) fn length(&self, packing: Packing) -> u64 {
        let whole = self.ends(packing).last().copied().unwrap_or(0);
        if self.broken == Some(Broken::Cut) { whole / 2 } else { whole }
    }

    /// Writes these of its bytes, one piece after the other.
    pub(crate) fn pieces(
        self: &Arc<Self>,
        packing: Packing,
        bytes: Range<u64>,
    ) -> impl FnMut() -> Option<Bytes> + Send + use<> {
        let (edition, mut at) = (Arc::clone(self), bytes.start);
        move || {
            if at >= bytes.end {
                return None;
            }
            let ends = edition.ends(packing);
            let index = ends.partition_point(|end| *end <= at);
            let start = if index == 0 { 0 } else { ends[index - 1] };
            let block = Bytes::from(edition.block(index as u64, packing));
            let until = bytes.end.min(ends[index]);
            let piece = block.slice((at - start) as usize..(until - start) as usize);
            at = until;
            Some(piece)
        }
    }

    /// Where each block ends.
    fn ends(&self, packing: Packing) -> &[u64] {
        let ends = match packing {
            Packing::Plain => &self.plain,
            Packing::Gzip => &self.gzip,
        };
        ends.get_or_init(|| {
            let lengths = (0..self.blocks()).map(|index| self.block(index, packing).len() as u64);
            lengths
                .scan(0, |end, length| {
                    *end += length;
                    Some(*end)
                })
                .collect()
        })
    }

    fn blocks(&self) -> u64 {
        match self.broken {
            Some(Broken::Garbage | Broken::Empty) => 1,
            Some(Broken::Cut) | None => self.catalogue.numbers.div_ceil(BLOCK).max(1),
        }
    }

    fn block(&self, index: u64, packing: Packing) -> Vec<u8> {
        let plain = self.plain_block(index);
        match packing {
            Packing::Plain => plain,
            Packing::Gzip => {
                let mut member = GzBuilder::new().write(Vec::new(), Compression::fast());
                member.write_all(&plain).expect("memory takes all");
                member.finish().expect("memory takes all")
            }
        }
    }

    fn plain_block(&self, index: u64) -> Vec<u8> {
        if self.broken == Some(Broken::Garbage) {
            return GARBAGE.into();
        }
        let mut out = Vec::with_capacity(512 * BLOCK as usize);
        if index == 0 {
            let updated = httpdate::fmt_http_date(self.modified);
            write!(
                out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- All offers, written hourly -->\n\
                 <offers xmlns=\"https://erp.example/offers/1\" updated=\"{updated}\">\n"
            )
            .expect("memory takes all");
        }
        if self.broken != Some(Broken::Empty) {
            let numbers = index * BLOCK + 1..=((index + 1) * BLOCK).min(self.catalogue.numbers);
            numbers
                .filter_map(|number| self.catalogue.offer(number))
                .for_each(|offer| offer.write_xml(&mut out));
        }
        if index + 1 == self.blocks() {
            out.extend_from_slice(b"</offers>\n");
        }
        out
    }
}
