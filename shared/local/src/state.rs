//! The folder that holds a host's state between runs.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use fs4::FileExt;

use crate::Sending;

/// A state folder, locked for this process: the table's file has one writer.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process has it.
    #[error("{path} is in use by another tidegate: wait for it to end, or give another --state")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be made or written.
    #[error("{path} cannot be used as state: {error}")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl StateDir {
    /// Makes the folder where it does not exist, and locks it until this is dropped or the process
    /// ends, however it ends.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let unusable = |error| StateError::Unusable { path: path.to_owned(), error };
        fs::create_dir_all(path).map_err(unusable)?;
        let lock = File::create(path.join("lock")).map_err(unusable)?;
        if FileExt::try_lock(&lock).is_err() {
            return Err(StateError::InUse { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The note of until when requests are sent, with what the process before noted.
    pub fn sending(&self) -> Result<Sending, StateError> {
        let path = self.path.join("sending");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        file.map(Sending::of).map_err(|error| StateError::Unusable { path, error })
    }

    /// The table's file.
    pub fn table(&self) -> PathBuf {
        self.path.join("table.sqlite")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = StateDir::open(folder.path()).unwrap();
        assert!(matches!(StateDir::open(folder.path()), Err(StateError::InUse { .. })));
        drop(held);
        StateDir::open(folder.path()).unwrap();
    }
}
