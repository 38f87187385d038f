//! A reading that was interrupted goes on in the same file alone.

use std::fs;

use bytes::Bytes;
use tidegate_transfer::{Names, Resumed, Seam, Trail, ftp::FtpFile, local::LocalFile, resume};

use crate::{
    ftp::{file, server, settings},
    reading::{WHOLE, bytes, drain, now, open, read, soon},
    servers::ftp::Habits,
};

const PATH: &str = "out/offers.xml";

#[tokio::test]
async fn a_file_that_is_cut_every_100_kb_is_read_once() {
    let cut = Habits { cut: Some((100_000, "426 Aborted.")), ..Habits::default() };
    let server = server(950_000, cut).await;
    let remote = FtpFile::new(settings(&server, PATH), now()).unwrap();
    let (mut all, mut trail) = (Vec::new(), Trail::default());
    let mut opened = open(&remote, WHOLE).await.unwrap();
    let of = opened.identity.clone();
    for _ in 0..20 {
        let at = all.len() as u64;
        let (came, error) = drain(&mut opened).await;
        trail.push(at, Bytes::from(came.clone()));
        all.extend_from_slice(&came);
        if error.is_none() {
            assert!(all == bytes(950_000));
            return;
        }
        // A part is no more than a kibibyte short of the cut.
        assert!(came.len() >= 98_900, "{}", came.len());
        let at = all.len() as u64;
        trail.forget_before(at);
        let seam = trail.seam(at).unwrap();
        opened = match resume(&remote, &of, &seam, soon()).await.unwrap() {
            Resumed::Here(opened) => opened,
            Resumed::Anew(_) => panic!("it is the same file"),
        };
        assert_eq!(opened.start, at);
    }
    panic!("it never ends");
}

#[tokio::test]
async fn what_was_replaced_in_the_same_second_by_as_many_bytes_is_seen() {
    let server = server(50_000, Habits::default()).await;
    let remote = FtpFile::new(settings(&server, PATH), now()).unwrap();
    let (of, _, all) = read(&remote, WHOLE).await;
    let seam = Seam::new(30_000, &all[..30_000]);
    let mut other = bytes(50_000);
    other[29_500] ^= 1;
    server.now().files.insert(PATH.into(), file(other.clone(), "20260101120000"));
    match resume(&remote, &of, &seam, soon()).await.unwrap() {
        Resumed::Here(_) => panic!("it is another file"),
        Resumed::Anew(mut opened) => {
            assert_eq!(opened.start, 0);
            assert!(drain(&mut opened).await.0 == other);
        }
    }
}

#[tokio::test]
async fn where_a_server_knows_no_places_the_same_file_is_read_up_to_the_place() {
    let server = server(50_000, Habits { unknown: vec!["REST"], ..Habits::default() }).await;
    let remote = FtpFile::new(settings(&server, PATH), now()).unwrap();
    let (of, _, all) = read(&remote, WHOLE).await;
    for at in [0, 1, 700, 1_024, 30_000, 50_000] {
        let place = usize::try_from(at).unwrap();
        let seam = Seam::new(at, &all[..place]);
        match resume(&remote, &of, &seam, soon()).await.unwrap() {
            Resumed::Here(mut opened) => {
                assert_eq!(opened.start, at);
                assert!(drain(&mut opened).await.0 == all[place..]);
            }
            Resumed::Anew(_) => panic!("it is the same file"),
        }
    }
}

#[tokio::test]
async fn another_version_begins_anew_with_one_opening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.xml");
    fs::write(&path, bytes(10_000)).unwrap();
    let file = LocalFile::new(Names::new(path.to_str().unwrap()).unwrap(), now());
    let (of, _, all) = read(&file, WHOLE).await;
    fs::write(&path, bytes(9_000)).unwrap();
    let seam = Seam::new(8_000, &all[..8_000]);
    let Resumed::Anew(opened) = resume(&file, &of, &seam, soon()).await.unwrap() else {
        panic!("it is another version")
    };
    assert_eq!((opened.start, opened.identity.length), (0, Some(9_000)));
}
