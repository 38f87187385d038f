//! Bytes that are written once and read at any place: in memory up to a bound, then in a temporary file.

use std::collections::hash_map::RandomState;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::ReadAt as _;

/// What is read of the file at a time.
const PAGE: usize = 16 << 10;
/// How many pages are held in memory.
const PAGES: usize = 64;

pub(super) struct Spill {
    /// What is in memory: everything, or what is still to be written to the file.
    memory: Vec<u8>,
    memory_max: usize,
    file: Option<Temporary>,
    /// How many bytes are in the file.
    written: u64,
    /// Pages of the file, each where its number says.
    pages: Vec<Option<(u64, Vec<u8>)>>,
}

/// A file that is gone when it is not used any more.
struct Temporary {
    file: File,
    /// Where it still has a name.
    path: Option<PathBuf>,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Temporary {
    fn new() -> io::Result<Self> {
        // The seeds of hash maps are random, and differ from call to call.
        let random = RandomState::new().build_hasher().finish();
        let path = std::env::temp_dir().join(format!("tidegate-{random:016x}.tmp"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        // Where a file may lose its name while it is open, nothing of it is left even after a crash.
        let path =
            if cfg!(unix) && std::fs::remove_file(&path).is_ok() { None } else { Some(path) };
        Ok(Self { file, path })
    }
}

impl Spill {
    pub(super) fn new(memory_max: usize) -> Self {
        Self { memory: Vec::new(), memory_max, file: None, written: 0, pages: Vec::new() }
    }

    pub(super) fn length(&self) -> u64 {
        self.written + self.memory.len() as u64
    }

    /// # Errors
    /// The temporary file cannot be written.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let most = if self.file.is_some() { PAGE } else { self.memory_max };
        if self.memory.len() + bytes.len() > most {
            if self.file.is_none() {
                self.file = Some(Temporary::new()?);
            }
            if let Some(temporary) = &mut self.file {
                temporary.file.write_all(&self.memory)?;
                self.written += self.memory.len() as u64;
                self.memory = Vec::with_capacity(PAGE);
            }
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends `length` bytes from `at` on to `into`.
    ///
    /// # Errors
    /// The temporary file cannot be read, or has not as many.
    pub(super) fn read(
        &mut self,
        mut at: u64,
        length: usize,
        into: &mut Vec<u8>,
    ) -> io::Result<()> {
        let end = at + length as u64;
        while at < end.min(self.written) {
            let number = at / PAGE as u64;
            let page = self.page(number)?;
            let from = usize::try_from(at % PAGE as u64).unwrap_or(0);
            let to = page.len().min(from + usize::try_from(end - at).unwrap_or(PAGE));
            let part = page
                .get(from..to)
                .filter(|part| !part.is_empty())
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            into.extend_from_slice(part);
            at += part.len() as u64;
        }
        let range = |at: u64| usize::try_from(at - self.written).unwrap_or(usize::MAX);
        if at < end {
            let part =
                self.memory.get(range(at)..range(end)).ok_or(io::ErrorKind::UnexpectedEof)?;
            into.extend_from_slice(part);
        }
        Ok(())
    }

    /// A page of what is in the file.
    fn page(&mut self, number: u64) -> io::Result<&[u8]> {
        let slot = usize::try_from(number % PAGES as u64).unwrap_or(0);
        if self.pages.is_empty() {
            self.pages.resize_with(PAGES, || None);
        }
        let held = &mut self.pages[slot];
        if held.as_ref().is_none_or(|(of, page)| *of != number || page.len() < PAGE) {
            let file = &self.file.as_ref().ok_or(io::ErrorKind::UnexpectedEof)?.file;
            let mut page = vec![0; PAGE];
            let mut came = 0;
            while came < PAGE {
                match file.read_at(number * PAGE as u64 + came as u64, &mut page[came..])? {
                    0 => break,
                    more => came += more,
                }
            }
            page.truncate(came);
            *held = Some((number, page));
        }
        held.as_ref()
            .map(|(_, page)| page.as_slice())
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_in_memory_and_out_of_it() {
        for memory_max in [0, 10, 100_000, 1 << 20] {
            let mut spill = Spill::new(memory_max);
            let pieces: Vec<Vec<u8>> = (0..3000_usize)
                .map(|index| vec![u8::try_from(index % 251).unwrap(); index % 97])
                .collect();
            let mut places = Vec::new();
            for piece in &pieces {
                places.push(spill.length());
                spill.append(piece).unwrap();
            }
            assert_eq!(spill.file.is_some(), memory_max < 1 << 20);
            // In an order that jumps from page to page.
            for index in (0..3000).map(|index| index * 1001 % 3000) {
                let mut out = Vec::new();
                spill.read(places[index], pieces[index].len(), &mut out).unwrap();
                assert_eq!(out, pieces[index], "{index} with {memory_max}");
            }
            assert!(spill.read(spill.length(), 1, &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn a_temporary_file_leaves_nothing() {
        let temporary = Temporary::new().unwrap();
        let path = temporary.path.clone();
        drop(temporary);
        assert!(path.is_none_or(|path| !path.exists()));
    }
}
