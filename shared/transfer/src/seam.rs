//! Where a reading goes on, and how it is known that it goes on in the same file.

use std::collections::VecDeque;

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Answer, Ask, Identity, Opened, RemoteFile, TransferError};

/// As many bytes before a place are compared.
const COMPARED_BYTES: u64 = 1_024;
/// Of a digest so many bytes are kept.
const DIGEST_BYTES: usize = 12;

/// A place in a file, and the bytes before it. Kept with a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seam {
    /// The place, in bytes from the file's beginning.
    pub at: u64,
    /// How many bytes before it are compared.
    pub compared: u16,
    /// What they are, as a digest in hexadecimal.
    pub digest: Box<str>,
}

impl Seam {
    /// Where these bytes just before a place end. Of many, the last kibibyte counts.
    pub fn new(at: u64, before: &[u8]) -> Self {
        let most = usize::try_from(COMPARED_BYTES.min(at)).unwrap_or(usize::MAX);
        let before = &before[before.len().saturating_sub(most)..];
        let compared = u16::try_from(before.len()).expect("a kibibyte at the most");
        Self { at, compared, digest: hex(before) }
    }

    /// Where the compared bytes begin.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.at.saturating_sub(self.compared.into())
    }
}

/// The pieces of a file that were read last, from which the seam at a place is made. They are not copied.
#[derive(Debug, Default)]
pub struct Trail {
    /// Each with where it begins, in bytes from the file's beginning.
    pieces: VecDeque<(u64, Bytes)>,
}

impl Trail {
    /// Adds a piece that begins at `start`, where the one before it ends.
    pub fn push(&mut self, start: u64, piece: Bytes) {
        self.pieces.push_back((start, piece));
    }

    /// Lets go of what no seam at `at` or behind it needs.
    pub fn forget_before(&mut self, at: u64) {
        let needed = at.saturating_sub(COMPARED_BYTES);
        while self.pieces.front().is_some_and(|(start, piece)| start + piece.len() as u64 <= needed)
        {
            self.pieces.pop_front();
        }
    }

    /// The seam at a place, from as many of the bytes before it as are here. `None` where there are none, or
    /// they do not reach there.
    pub fn seam(&self, at: u64) -> Option<Seam> {
        let from = at.saturating_sub(COMPARED_BYTES);
        let mut before = Vec::new();
        let mut reached = None;
        for (start, piece) in &self.pieces {
            let end = start + piece.len() as u64;
            let (low, high) = (from.max(*start), at.min(end));
            if low < high {
                let index =
                    |place: u64| usize::try_from(place - start).expect("it is in the piece");
                before.extend_from_slice(&piece[index(low)..index(high)]);
                reached = Some(high);
            }
        }
        (reached == Some(at)).then(|| Seam::new(at, &before))
    }
}

/// Where a reading goes on.
#[derive(Debug)]
pub enum Resumed {
    /// At the place.
    Here(Opened),
    /// At the beginning: it is another version, or not known to be the same.
    Anew(Opened),
}

/// Goes on at a place in a version of a file, or begins anew where the file is not that version any more. Costs
/// two requests at the most where a server keeps to its protocol.
///
/// # Errors
/// As [`RemoteFile::open`].
pub async fn resume(
    file: &dyn RemoteFile,
    of: &Identity,
    seam: &Seam,
    until: Instant,
) -> Result<Resumed, TransferError> {
    let opened = open(file, Ask::Rest { of, from: seam.start() }, until).await?;
    // Where a server says nothing of its versions, the bytes before the place do.
    if opened.start == 0 && of.contradicts(&opened.identity) {
        return Ok(Resumed::Anew(opened));
    }
    if let Some(here) = behind(opened, seam, until).await? {
        return Ok(Resumed::Here(here));
    }
    let opened = open(file, Ask::Whole { unless: None }, until).await?;
    Ok(Resumed::Anew(opened))
}

/// Reads up to the seam. `None` where the bytes before it are others.
async fn behind(
    opened: Opened,
    seam: &Seam,
    until: Instant,
) -> Result<Option<Opened>, TransferError> {
    let Some(mut opened) = opened.skip_to(seam.start(), until).await? else { return Ok(None) };
    let mut before = Vec::new();
    while opened.start < seam.at {
        let Some(bytes) = opened.body.next(until).await? else { return Ok(None) };
        let wanted = usize::try_from(seam.at - opened.start).unwrap_or(usize::MAX);
        before.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        opened.put_back(bytes, seam.at);
    }
    Ok((hex(&before) == seam.digest).then_some(opened))
}

async fn open(
    file: &dyn RemoteFile,
    ask: Ask<'_>,
    until: Instant,
) -> Result<Opened, TransferError> {
    match file.open(ask, until).await? {
        Answer::Opened(opened) => Ok(opened),
        Answer::Unchanged => {
            Err(TransferError::later("the server says of what was not read that it is unchanged"))
        }
    }
}

fn hex(bytes: &[u8]) -> Box<str> {
    let digest = digest(&SHA256, bytes);
    let digits = digest.as_ref()[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seam_is_the_same_however_the_bytes_came() {
        let text: Vec<u8> = (0..5_000u32).map(|at| (at * 31 % 251) as u8).collect();
        for piece in [1, 7, 1_000, 1_024, 5_000] {
            let mut trail = Trail::default();
            for (index, bytes) in text.chunks(piece).enumerate() {
                trail.push((index * piece) as u64, Bytes::copy_from_slice(bytes));
            }
            for at in [1, 5, 1_023, 1_024, 1_025, 3_000, 5_000] {
                let place = usize::try_from(at).unwrap();
                let seam = Seam::new(at, &text[..place]);
                assert_eq!(trail.seam(at), Some(seam), "{piece} {at}");
            }
            assert_eq!((trail.seam(0), trail.seam(5_001)), (None, None));
            trail.forget_before(4_000);
            assert!(trail.pieces.len() <= 2_100 / piece + 2);
            assert_eq!(trail.seam(4_000), Some(Seam::new(4_000, &text[..4_000])));
        }
    }
}
