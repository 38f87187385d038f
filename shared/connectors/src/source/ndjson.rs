//! `ndjson`: lines of JSON in a local file, to which others append.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::{
    model::{EpochMs, Mark, Position, Record, RecordId, Version},
    ports::{Batch, BoxFuture, Source, SourceError, Walk},
};

use super::{
    SourceKind, SourceReader,
    ids::{record_id, unreadable_id},
};
use crate::{
    error::ConnectError,
    file::Findings,
    json::{Picker, fault},
    options::Options,
    resolver::Resolver,
    value::{RecordPath, Words},
};

/// How much is read at a time.
const BLOCK_BYTES: usize = 1 << 20;
/// The longest line.
const LINE_BYTES_MAX: usize = 32 << 20;

/// A local file of JSON lines, to which lines are appended: one line is one record, and a later line
/// with the same id is its newer version. A last line that does not end yet is read by a later run. For
/// the laptop: a deployed function sees no such file.
///
/// ```yaml
/// source:
///   ndjson: { path: "${params.folder}/orders.ndjson", id: number }
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ndjson {
    /// The file.
    path: Words,
    /// Path to a record's id. Default `id`.
    id: Option<RecordPath>,
}

/// A file for one connection.
struct NdjsonSource {
    path: String,
    /// Picks the id.
    id: Picker,
}

/// Reads on from a line.
struct NdjsonWalk<'s> {
    source: &'s NdjsonSource,
    /// How many bytes of the file have been read: a line's end is its place in the order.
    from: Result<u64, SourceError>,
}

impl SourceKind for Ndjson {
    fn check(&self, _: &mut Findings) {}

    fn id_path(&self) -> Vec<String> {
        self.id.as_ref().map_or_else(|| vec!["id".into()], |id| id.keys.clone())
    }
}

impl SourceReader for Ndjson {
    fn connect(
        &self,
        resolver: &Resolver<'_>,
        _: &Options,
    ) -> Result<Box<dyn Source>, ConnectError> {
        let path = self.path.fill(resolver)?;
        Ok(Box::new(NdjsonSource { path, id: Picker::of(&self.id_path()) }))
    }
}

impl Source for NdjsonSource {
    fn walk(&self, from: Position, _: EpochMs) -> Box<dyn Walk + '_> {
        let from = match &from {
            Position::Start => Ok(0),
            Position::At(Mark { id: RecordId::Number(end), .. }) if *end >= 0 => {
                Ok(end.unsigned_abs())
            }
            Position::At(_) | Position::Step(_) => Err(SourceError::Halt(format!(
                "{from} is no place in {}: rewind to a number of bytes, or to the start",
                self.path
            ))),
        };
        Box::new(NdjsonWalk { source: self, from })
    }
}

impl Walk for NdjsonWalk<'_> {
    /// A local file answers at once: it is read in place.
    fn next(&mut self, _: EpochMs) -> BoxFuture<'_, Result<Batch, SourceError>> {
        let batch = self.from.clone().and_then(|from| self.source.read(from));
        let batch = batch.map(|(batch, read)| {
            self.from = Ok(read);
            batch
        });
        Box::pin(std::future::ready(batch))
    }
}

impl NdjsonSource {
    /// The lines after so many bytes, and where the last of them ends.
    fn read(&self, from: u64) -> Result<(Batch, u64), SourceError> {
        let unreadable = |error: io::Error| {
            let say = format!("{} cannot be read: {error}", self.path);
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => SourceError::Halt(say),
                _ => SourceError::Later { reason: say, after_ms: None },
            }
        };
        let mut file = File::open(&self.path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length < from {
            return Err(SourceError::Halt(format!(
                "{} has {length} bytes, and {from} were read before: it was cut or replaced, so rewind \
                 to the start, or name the new file in `source.ndjson.path`",
                self.path
            )));
        }
        file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
        let mut text = Vec::new();
        loop {
            let block = file.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut text);
            let is_at_end = block.map_err(unreadable)? < BLOCK_BYTES;
            if let Some(last) = text.iter().rposition(|byte| *byte == b'\n') {
                text.truncate(last + 1);
                let read = from + text.len() as u64;
                let batch = Batch { end: read == length, ..self.batch(&Bytes::from(text), from) };
                return Ok((batch, read));
            }
            if is_at_end {
                return Ok((Batch { end: true, ..Batch::default() }, from));
            }
            if text.len() >= LINE_BYTES_MAX {
                return Err(SourceError::Halt(format!(
                    "the line at byte {from} of {} has more than {} MiB: is it NDJSON?",
                    self.path,
                    LINE_BYTES_MAX >> 20
                )));
            }
        }
    }

    /// The records of whole lines that begin at a place in the file.
    fn batch(&self, text: &Bytes, from: u64) -> Batch {
        let (mut records, mut end) = (Vec::new(), from);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            end += line.len() as u64;
            let data = text.slice_ref(line.trim_ascii());
            if data.is_empty() {
                continue;
            }
            let (id, refused) = self.key(&data);
            let place = i64::try_from(end).expect("no file is so long");
            let mark = Mark { at: None, id: RecordId::Number(place) };
            let version = Version(place);
            records.push(Record { mark, step: None, id, version, deleted: false, data, refused });
        }
        Batch { records, ..Batch::default() }
    }

    /// A line's id. A line that is no JSON does not stop the rest: it is parked as it came, for that
    /// reason.
    fn key(&self, line: &Bytes) -> (RecordId, Option<Box<str>>) {
        let picks = self.id.pick_all(line).map_err(|error| fault(&error, line));
        let text = str::from_utf8(line).map_err(|_| "not UTF-8".to_owned());
        match text.and(picks) {
            Ok(picks) => {
                let id = picks.json(0).and_then(record_id);
                (id.unwrap_or_else(|| unreadable_id(line)), None)
            }
            Err(reason) => {
                (unreadable_id(line), Some(format!("the line is no JSON: {reason}").into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use serde_json::json;

    use super::*;
    use crate::testing::section;

    /// A file that goes with the test.
    struct Lines(PathBuf);

    impl Lines {
        fn new(name: &str, text: &str) -> Self {
            let file = format!("tidegate-{}-{name}.ndjson", std::process::id());
            let path = env::temp_dir().join(file);
            fs::write(&path, text).unwrap();
            Self(path)
        }

        fn source(&self) -> NdjsonSource {
            let keys: Ndjson = section(json!({ "path": "x.ndjson" }));
            let path = self.0.to_str().unwrap().to_owned();
            NdjsonSource { path, id: Picker::of(&keys.id_path()) }
        }
    }

    impl Drop for Lines {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    async fn walked(source: &NdjsonSource, from: Position) -> Result<Batch, SourceError> {
        source.walk(from, EpochMs::MAX).next(EpochMs::MAX).await
    }

    fn at(id: RecordId) -> Position {
        Position::At(Mark { at: None, id })
    }

    fn ids(batch: &Batch) -> Vec<String> {
        batch.records.iter().map(|record| record.id.to_string()).collect()
    }

    #[tokio::test]
    async fn each_line_is_a_record_and_a_later_one_is_newer() {
        let text = "{\"id\":7}\n\n{\"id\":\"a\"}\r\n{\"id\":7,\"x\":1}\n";
        let lines = Lines::new("each", text);
        let batch = walked(&lines.source(), Position::Start).await.unwrap();
        assert_eq!(ids(&batch), ["7", "a", "7"]);
        assert!(batch.end);
        assert_eq!(batch.records[1].data, "{\"id\":\"a\"}");
        assert!(batch.records[0].version < batch.records[2].version);
        assert!(batch.records.is_sorted_by(|earlier, later| earlier.mark < later.mark));
    }

    #[tokio::test]
    async fn a_walk_goes_on_behind_any_record() {
        let lines = Lines::new("on", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
        let source = lines.source();
        let all = walked(&source, Position::Start).await.unwrap();
        for (n, record) in all.records.iter().enumerate() {
            let rest = walked(&source, Position::At(record.mark.clone())).await.unwrap();
            assert_eq!(ids(&rest), ids(&all)[n + 1..]);
        }
    }

    #[tokio::test]
    async fn a_line_that_is_still_being_written_waits() {
        let lines = Lines::new("waits", "{\"id\":1}\n{\"id\":2");
        let source = lines.source();
        let mut walk = source.walk(Position::Start, EpochMs::MAX);
        assert_eq!(ids(&walk.next(EpochMs::MAX).await.unwrap()), ["1"]);
        let batch = walk.next(EpochMs::MAX).await.unwrap();
        assert_eq!((batch.records.len(), batch.end), (0, true));
        fs::write(&lines.0, "{\"id\":1}\n{\"id\":2}\n").unwrap();
        assert_eq!(ids(&walk.next(EpochMs::MAX).await.unwrap()), ["2"]);
    }

    #[tokio::test]
    async fn a_file_longer_than_a_block_is_read_in_several() {
        let line = |id: usize| format!("{{\"id\":{id},\"pad\":\"{id:032}\"}}\n");
        let text: String = (0..60_000).map(line).collect();
        assert!(text.len() > 2 * BLOCK_BYTES);
        let lines = Lines::new("long", &text);
        let source = lines.source();
        let mut walk = source.walk(Position::Start, EpochMs::MAX);
        let mut all = Vec::new();
        for _ in 0..10 {
            let batch = walk.next(EpochMs::MAX).await.unwrap();
            all.extend(ids(&batch));
            if batch.end {
                break;
            }
        }
        assert_eq!(all, (0..60_000).map(|id| id.to_string()).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_is_no_record_is_given_with_an_id_of_its_own() {
        let lines = Lines::new("bad", "");
        fs::write(
            &lines.0,
            b"nonsense \"1\"\n{\"id\":\xff}\n{\"id\":1} x\n{\"x\":1}\n{\"id\":2}\n",
        )
        .unwrap();
        let batch = walked(&lines.source(), Position::Start).await.unwrap();
        let (good, bad) = batch.records.split_last().unwrap();
        assert_eq!(good.id, RecordId::Number(2));
        assert!(bad.iter().all(|record| record.id.to_string().starts_with("unreadable-")));
        let texts: Vec<&[u8]> = bad.iter().map(|record| &record.data[..]).collect();
        assert_eq!(
            texts,
            [&b"nonsense \"1\""[..], b"{\"id\":\xff}", b"{\"id\":1} x", b"{\"x\":1}"],
            "a line is kept as it came"
        );
        let refused: Vec<bool> = bad.iter().map(|record| record.refused.is_some()).collect();
        assert_eq!(refused, [true, true, true, false]);
    }

    #[tokio::test]
    async fn a_file_that_was_replaced_or_is_missing_waits_for_an_operator() {
        let lines = Lines::new("cut", "{\"id\":1}\n");
        let source = lines.source();
        let halts = async |from: Position, says: &str| {
            let error = walked(&source, from).await.unwrap_err();
            assert!(matches!(&error, SourceError::Halt(said) if said.contains(says)), "{error}");
        };
        halts(at(RecordId::Number(99)), "has 9 bytes, and 99 were read before").await;
        halts(at(RecordId::Text("x".into())), "is no place in").await;
        fs::remove_file(&lines.0).unwrap();
        halts(Position::Start, "cannot be read").await;
    }
}
