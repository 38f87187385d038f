//! Files at hand.

use std::{
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use tidegate_transfer::{Answer, Ask, Names, RemoteFile, TransferError, local::LocalFile};

use crate::reading::{NOW_S, WHOLE, bytes, drain, is_halt, is_later, now, open, read, soon};

fn at(directory: &Path, name: &str) -> LocalFile {
    LocalFile::new(Names::new(&format!("{}/{name}", directory.display())).unwrap(), now())
}

/// Writes a file that was changed so long ago.
fn write(directory: &Path, name: &str, length: usize, ago: Duration) {
    let path = directory.join(name);
    fs::write(&path, bytes(length)).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(NOW_S.unsigned_abs());
    file.set_modified(now - ago).unwrap();
}

#[tokio::test]
async fn a_file_comes_whole_in_parts_and_once() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "offers.xml", 700_000, Duration::from_secs(60));
    let (file, all) = (at(directory.path(), "offers.xml"), bytes(700_000));
    let (of, start, came) = read(&file, WHOLE).await;
    assert_eq!((start, came == all, of.length), (0, true, Some(700_000)));
    assert_eq!(file.look(soon()).await.unwrap(), of);
    let (_, start, came) = read(&file, Ask::Rest { of: &of, from: 300_000 }).await;
    assert_eq!((start, came == all[300_000..]), (300_000, true));
    let (_, start, came) = read(&file, Ask::Range { of: &of, from: 5, length: 10 }).await;
    assert_eq!((start, came == all[5..15]), (5, true));
    let (_, start, came) = read(&file, Ask::Rest { of: &of, from: 700_000 }).await;
    assert_eq!((start, came.len()), (700_000, 0));
    let answer = file.open(Ask::Whole { unless: Some(&of) }, soon()).await.unwrap();
    assert!(matches!(answer, Answer::Unchanged));
    write(directory.path(), "offers.xml", 700_000, Duration::from_secs(50));
    let (_, start, _) = read(&file, Ask::Rest { of: &of, from: 300_000 }).await;
    assert_eq!(start, 0);
}

#[tokio::test]
async fn a_file_that_grows_or_shrinks_while_it_is_read_is_not_whole() {
    for length in [699_999, 700_001] {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "offers.xml", 700_000, Duration::from_secs(60));
        let mut opened = open(&at(directory.path(), "offers.xml"), WHOLE).await.unwrap();
        assert!(opened.body.next(soon()).await.unwrap().is_some());
        let path = directory.path().join("offers.xml");
        fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
        is_later(&drain(&mut opened).await.1.unwrap(), "changed while it was read");
        assert!(opened.body.next(soon()).await.is_err());
    }
}

#[tokio::test]
async fn the_newest_of_a_directory_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    write(directory.path(), "a.xml", 1, minutes(1));
    write(directory.path(), "b.xml", 2, minutes(2));
    write(directory.path(), "c.xml.tmp", 3, minutes(0));
    fs::create_dir(directory.path().join("d.xml")).unwrap();
    let (of, _, came) = read(&at(directory.path(), "*.xml*"), WHOLE).await;
    assert_eq!((of.name.as_deref(), came.len()), (Some("a.xml"), 1));
    let absent = at(directory.path(), "*.csv").look(soon()).await.unwrap_err();
    assert!(matches!(absent, TransferError::Absent(_)), "{absent:?}");
    let absent = at(directory.path(), "e.xml").look(soon()).await.unwrap_err();
    assert!(matches!(absent, TransferError::Absent(_)), "{absent:?}");
    is_halt(&at(directory.path(), "d.xml").look(soon()).await.unwrap_err(), "is no file");
}
