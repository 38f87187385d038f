//! Until when a process may have been sending: kept beside the table, for the process after it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use tidegate_core::model::EpochMs;

/// So much later than needed is written, so that a busy process writes once in that time.
const AHEAD_MS: EpochMs = 1_000;

/// The note of one process: what was found of those before it, and its own.
#[derive(Debug)]
pub struct Sending {
    file: Mutex<File>,
    found_ms: Option<EpochMs>,
    noted_ms: AtomicI64,
}

impl Sending {
    /// Over a file that lives as long as the table. What cannot be read says nothing.
    pub fn of(mut file: File) -> Self {
        let mut bytes = [0; 8];
        let found = file.rewind().and_then(|()| file.read_exact(&mut bytes));
        let found_ms = found.is_ok().then(|| EpochMs::from_le_bytes(bytes));
        let noted_ms = AtomicI64::new(found_ms.unwrap_or(0));
        Self { file: Mutex::new(file), found_ms, noted_ms }
    }

    /// The last moment at which the processes before may have been sending, by their word; `None` where
    /// there is none.
    pub fn found_ms(&self) -> Option<EpochMs> {
        self.found_ms
    }

    /// Notes, before a request is sent, that it is over by then.
    pub fn note(&self, until_ms: EpochMs) -> io::Result<()> {
        if until_ms <= self.noted_ms.load(Relaxed) {
            return Ok(());
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have noted a later one meanwhile.
        if until_ms <= self.noted_ms.load(Relaxed) {
            return Ok(());
        }
        let until_ms = until_ms + AHEAD_MS;
        file.seek(SeekFrom::Start(0))?;
        // In the file as the system has it: a killed process loses nothing.
        file.write_all(&until_ms.to_le_bytes())?;
        self.noted_ms.fetch_max(until_ms, Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn the_next_process_finds_what_the_last_one_noted() {
        let file = tempfile::tempfile().unwrap();
        let first = Sending::of(file.try_clone().unwrap());
        assert_eq!(first.found_ms(), None);
        first.note(5_000).unwrap();
        first.note(5_500).unwrap();
        let second = Sending::of(file.try_clone().unwrap());
        assert_eq!(second.found_ms(), Some(6_000), "written once");
        second.note(4_000).unwrap();
        second.note(7_000).unwrap();
        assert_eq!(Sending::of(file).found_ms(), Some(8_000));
    }

    /// Two requests are about to be sent; the one that is over first comes to the file last.
    #[test]
    fn repro_of_two_threads_the_later_moment_stands() {
        let file = tempfile::tempfile().unwrap();
        let sending = Sending::of(file.try_clone().unwrap());
        thread::scope(|threads| {
            let mut held = sending.file.lock().unwrap();
            let other = threads.spawn(|| sending.note(5_000));
            // It has seen that nothing is noted by then, and waits for the file.
            thread::sleep(Duration::from_millis(50));
            held.rewind().unwrap();
            held.write_all(&10_000i64.to_le_bytes()).unwrap();
            sending.noted_ms.store(10_000, Relaxed);
            drop(held);
            other.join().unwrap().unwrap();
        });
        assert_eq!(Sending::of(file).found_ms(), Some(10_000));
    }
}
