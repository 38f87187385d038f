//! A part of a workbook: an entry of its zip file, unpacked as it is read.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::ReadAt;
use crate::format::told;
use crate::{Damage, Directory, Entry, Limits, Spent, TAIL_BYTES, Tail, Unpacker, tail};

const PIECE: usize = 64 << 10;

/// A file that is read at places, with its limits.
#[derive(Clone)]
pub(super) struct Archive {
    file: Arc<dyn ReadAt>,
    directory: Arc<Directory>,
    pub(super) limits: Limits,
}

impl Archive {
    /// # Errors
    /// The file cannot be read, or is no workbook.
    pub(super) fn open(file: Arc<dyn ReadAt>, limits: Limits) -> Result<Self, Damage> {
        let total = file.length().map_err(|err| unreadable(&err))?;
        let mut beginning = [0; 8];
        let came = fill(&*file, 0, &mut beginning)?;
        if beginning[..came] == [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1] {
            return Err(Damage(
                "the workbook is an XLS file, or is encrypted; XLSX is read".to_owned(),
            ));
        }
        let mut from = total.saturating_sub(TAIL_BYTES);
        loop {
            // What is needed lies within the bounds that `tail` sets.
            let mut bytes = vec![0; usize::try_from(total - from).unwrap_or(usize::MAX)];
            if fill(&*file, from, &mut bytes)? < bytes.len() {
                return Err(Damage("the workbook got shorter while it was read".to_owned()));
            }
            match tail(&bytes, total)? {
                Tail::Directory(directory) => {
                    return Ok(Self { file, directory: Arc::new(directory), limits });
                }
                Tail::Needs { from: earlier, .. } => from = earlier,
            }
        }
    }

    /// The part of this name. Some writers do not keep to a name's case.
    pub(super) fn find(&self, name: &str) -> Option<&Entry> {
        self.directory.entry(name).or_else(|| {
            self.directory
                .entries()
                .iter()
                .find(|it| it.name.replace('\\', "/").eq_ignore_ascii_case(name))
        })
    }

    /// # Errors
    /// There is no such part.
    pub(super) fn part(&self, name: &str, spent: Spent) -> Result<Part, Damage> {
        let entry = self.find(name).ok_or_else(|| {
            Damage(format!(
                "the workbook has no part {}: it is no XLSX file, or damaged",
                told(name)
            ))
        })?;
        entry.check()?;
        Ok(Part {
            file: Arc::clone(&self.file),
            at: entry.from,
            to: entry.to,
            unpacker: Unpacker::entry(entry, spent, self.limits),
            raw: Vec::new(),
            raw_at: 0,
            out: Vec::with_capacity(PIECE),
            out_at: 0,
            ended: false,
            damage: None,
            taken: 0,
            most: self.limits.record_bytes_max.max(PIECE),
        })
    }
}

fn unreadable(err: &io::Error) -> Damage {
    Damage(format!("the workbook cannot be read: {err}"))
}

/// Reads until `into` is full or the file ends.
fn fill(file: &dyn ReadAt, at: u64, into: &mut [u8]) -> Result<usize, Damage> {
    let mut came = 0;
    while came < into.len() {
        match file.read_at(at + came as u64, &mut into[came..]) {
            Ok(0) => break,
            Ok(more) => came += more,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(unreadable(&err)),
        }
    }
    Ok(came)
}

/// A part's unpacked bytes.
pub(super) struct Part {
    file: Arc<dyn ReadAt>,
    at: u64,
    to: u64,
    unpacker: Unpacker,
    raw: Vec<u8>,
    raw_at: usize,
    out: Vec<u8>,
    out_at: usize,
    ended: bool,
    /// Why no more can be unpacked than what is in `out`.
    damage: Option<Damage>,
    /// How many bytes were taken since the last [`mark`](Self::mark), and how many may be: what reads XML from
    /// here holds everything up to the next tag in memory.
    taken: usize,
    most: usize,
}

impl Part {
    /// Begins to count anew.
    pub(super) fn mark(&mut self) {
        self.taken = 0;
    }

    pub(super) fn spent(&self) -> Spent {
        self.unpacker.spent()
    }

    fn unpack(&mut self) -> Result<(), Damage> {
        self.out.clear();
        self.out_at = 0;
        if let Some(damage) = self.damage.clone() {
            return Err(damage);
        }
        while self.out.is_empty() && !self.ended {
            if self.raw_at == self.raw.len() {
                let length =
                    usize::try_from(self.to - self.at).map_or(PIECE, |left| left.min(PIECE));
                self.raw.resize(length, 0);
                let came = fill(&*self.file, self.at, &mut self.raw)?;
                self.raw.truncate(came);
                self.raw_at = 0;
                self.at += came as u64;
            }
            let none_left = self.raw.is_empty();
            match self.unpacker.push(&self.raw[self.raw_at..], &mut self.out) {
                Ok(step) => self.raw_at += step.taken,
                // What came before the damage is given first.
                Err(damage) => self.damage = Some(damage),
            }
            match &self.damage {
                Some(damage) if self.out.is_empty() => return Err(damage.clone()),
                Some(_) => break,
                None => {}
            }
            if self.unpacker.is_done() {
                self.ended = true;
            } else if none_left && self.out.is_empty() {
                self.unpacker.finish()?;
                self.ended = true;
            }
        }
        Ok(())
    }
}

impl BufRead for Part {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.out_at == self.out.len() {
            if self.taken > self.most {
                return Err(io::Error::other(format!(
                    "there are more than {} bytes without a tag (record_bytes_max)",
                    self.most
                )));
            }
            self.unpack().map_err(|damage| io::Error::other(damage.0))?;
        }
        Ok(&self.out[self.out_at..])
    }

    fn consume(&mut self, amount: usize) {
        self.out_at += amount;
        self.taken += amount;
    }
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(into)?;
        self.consume(length);
        Ok(length)
    }
}
