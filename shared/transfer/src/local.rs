//! A file at hand, where the host has a disk of its own.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};

use bytes::{Bytes, BytesMut};
use tokio::{task::spawn_blocking, time::Instant};

use crate::{
    Answer, Ask, Body, BoxFuture, Identity, Listed, Names, Now, Opened, RemoteFile, TransferError,
    file::Parts, moment, names::NAMES_MAX,
};

/// Read at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// A file at hand, or the newest of a directory.
#[derive(Clone)]
pub struct LocalFile {
    names: Names,
    now: Now,
}

impl LocalFile {
    /// The file of this name.
    pub fn new(names: Names, now: Now) -> Self {
        Self { names, now }
    }

    /// Opens what is meant, or the file of this name, and says what it is.
    fn open_now(&self, name: Option<&str>) -> Result<(File, Identity, PathBuf), TransferError> {
        let (path, name) = self.path(name)?;
        let fault = |error| TransferError::of_io(&path, &error);
        // Before it is opened: a pipe would have us wait for its writer.
        if !fs::metadata(&path).map_err(fault)?.is_file() {
            return Err(TransferError::Halt(format!("{path} is no file: name one")));
        }
        let file = File::open(&path).map_err(fault)?;
        let metadata = file.metadata().map_err(fault)?;
        let modified = metadata.modified().ok();
        let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let identity = Identity {
            name: name.map(Into::into),
            length: Some(metadata.len()),
            modified: since
                .map(|since| format!("{}.{:09}", since.as_secs(), since.subsec_nanos()).into()),
            modified_s: modified.and_then(moment::seconds),
            ..Identity::default()
        };
        Ok((file, identity.said_at((self.now)()), path.into()))
    }

    /// The path, and the name where it is chosen among several.
    fn path(&self, name: Option<&str>) -> Result<(String, Option<String>), TransferError> {
        if let Some(path) = self.names.path() {
            return Ok((path, None));
        }
        if let Some(name) = name.filter(|name| self.names.has(name)) {
            return Ok((self.names.path_of(name), Some(name.to_owned())));
        }
        let directory = self.names.directory();
        let entries =
            fs::read_dir(directory).map_err(|error| TransferError::of_io(directory, &error))?;
        let listed = entries.take(NAMES_MAX).filter_map(|entry| {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let name = entry.file_name().into_string().ok()?;
            Some(Listed { name, modified: metadata.modified().ok().and_then(moment::seconds) })
        });
        let chosen = self.names.choose(listed)?.name;
        Ok((self.names.path_of(&chosen), Some(chosen)))
    }

    fn answer(&self, parts: Parts<'_>) -> Result<Answer, TransferError> {
        let (mut file, identity, path) = match (self.open_now(parts.name()), parts.name()) {
            // The file that was read is gone: another one is meant now.
            (Err(TransferError::Absent(_)), Some(_)) => self.open_now(None)?,
            (opened, _) => opened?,
        };
        if parts.is_unchanged(&identity) {
            return Ok(Answer::Unchanged);
        }
        let length = identity.length.unwrap_or(0);
        let (start, end) = parts.place(&identity);
        let what = path.display().to_string();
        file.seek(SeekFrom::Start(start)).map_err(|error| TransferError::of_io(&what, &error))?;
        let end = end.unwrap_or(length);
        let body = LocalBody { file: Some(file), what, at: start, end, length };
        Ok(Answer::Opened(Opened {
            identity,
            start,
            is_delimited: true,
            charset: None,
            body: Box::new(body),
        }))
    }
}

impl RemoteFile for LocalFile {
    fn open<'a>(
        &'a self,
        ask: Ask<'a>,
        _: Instant,
    ) -> BoxFuture<'a, Result<Answer, TransferError>> {
        // Opening takes a moment; it is the reading that may have to wait for a disk.
        Box::pin(async move { self.answer(Parts::of(ask)) })
    }

    fn look(&self, _: Instant) -> BoxFuture<'_, Result<Identity, TransferError>> {
        let file = self.clone();
        Box::pin(blocking(move || Ok(file.open_now(None)?.1)))
    }
}

/// Disks may take their time: nothing else waits for them.
async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, TransferError> + Send + 'static,
) -> Result<T, TransferError> {
    spawn_blocking(act).await.unwrap_or_else(|error| Err(TransferError::later(error.to_string())))
}

struct LocalBody {
    /// `None` while it is read.
    file: Option<File>,
    what: String,
    at: u64,
    end: u64,
    /// As it was when the file was opened.
    length: u64,
}

impl LocalBody {
    /// The next bytes, and whether the file is as long as it was.
    fn read(file: &mut File, wanted: u64) -> std::io::Result<(Bytes, u64)> {
        let wanted = usize::try_from(wanted).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let mut piece = BytesMut::zeroed(wanted);
        let read = file.read(&mut piece)?;
        piece.truncate(read);
        Ok((piece.freeze(), file.metadata()?.len()))
    }
}

impl Body for LocalBody {
    fn next(&mut self, _: Instant) -> BoxFuture<'_, Result<Option<Bytes>, TransferError>> {
        Box::pin(async move {
            let cut = TransferError::cut(&self.what, self.at, Some(self.length));
            let Some(mut file) = self.file.take() else { return Err(cut) };
            let (what, wanted) = (self.what.clone(), self.end - self.at);
            let (file, (bytes, length)) = blocking(move || {
                let read = Self::read(&mut file, wanted);
                Ok((file, read.map_err(|error| TransferError::of_io(&what, &error))?))
            })
            .await?;
            if length != self.length {
                let reason = format!("{}: the file was changed while it was read", self.what);
                return Err(TransferError::later(reason));
            }
            if wanted == 0 {
                return Ok(None);
            }
            if bytes.is_empty() {
                return Err(cut);
            }
            self.file = Some(file);
            self.at += bytes.len() as u64;
            Ok(Some(bytes))
        })
    }
}
