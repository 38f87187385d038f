//! FTP: the file that is meant among many.

use tidegate_transfer::{Ask, Choice, Names, RemoteFile, TransferError, ftp::FtpFile};

use crate::{
    ftp::{file, server, settings},
    reading::{WHOLE, bytes, now, read, soon},
    servers::ftp::{FtpServer, Habits},
};

fn fill(server: &FtpServer) {
    let mut habits = server.now();
    habits.files.clear();
    for (name, length, modified) in [
        ("offers-1.xml", 100, "20260103000000"),
        ("offers-2.xml", 200, "20260102000000"),
        ("offers-3.xml.part", 300, "20260109000000"),
        (".offers-4.xml", 400, "20260109000000"),
        ("other.txt", 500, "20260109000000"),
    ] {
        habits.files.insert(format!("out/{name}"), file(bytes(length), modified));
    }
}

#[tokio::test]
async fn the_newest_or_the_last_by_name_is_read() {
    // With lists of facts, and with those of names alone.
    for unknown in [vec![], vec!["MLSD"], vec!["MLSD", "EPSV"]] {
        let server = server(1, Habits { unknown: unknown.clone(), ..Habits::default() }).await;
        fill(&server);
        let newest = FtpFile::new(settings(&server, "out/offers*"), now()).unwrap();
        let (of, _, came) = read(&newest, WHOLE).await;
        assert_eq!((of.name.as_deref(), came.len()), (Some("offers-1.xml"), 100), "{unknown:?}");
        let mut by_name = settings(&server, "out/offers*");
        by_name.names = by_name.names.choosing(Choice::LastName);
        let (of, _, came) = read(&FtpFile::new(by_name, now()).unwrap(), WHOLE).await;
        assert_eq!((of.name.as_deref(), came.len()), (Some("offers-2.xml"), 200), "{unknown:?}");
    }
}

#[tokio::test]
async fn the_rest_is_of_the_file_that_was_begun_while_that_is_there() {
    let server = server(1, Habits::default()).await;
    fill(&server);
    let newest = FtpFile::new(settings(&server, "out/offers*"), now()).unwrap();
    let (of, ..) = read(&newest, WHOLE).await;
    let newer = file(bytes(50), "20260105000000");
    server.now().files.insert("out/offers-9.xml".into(), newer);
    let (now, start, came) = read(&newest, Ask::Rest { of: &of, from: 40 }).await;
    assert_eq!((now.name.as_deref(), start, came.len()), (Some("offers-1.xml"), 40, 60));
    let (now, _, came) = read(&newest, Ask::Whole { unless: Some(&of) }).await;
    assert_eq!((now.name.as_deref(), came.len()), (Some("offers-9.xml"), 50));
    server.now().files.remove("out/offers-1.xml");
    let (now, start, came) = read(&newest, Ask::Rest { of: &of, from: 40 }).await;
    assert_eq!((now.name.as_deref(), start, came.len()), (Some("offers-9.xml"), 0, 50));
}

#[tokio::test]
async fn where_none_is_there_none_is_read() {
    let server = server(1, Habits::default()).await;
    let names = FtpFile::new(settings(&server, "out/*.csv"), now()).unwrap();
    let absent = names.look(soon()).await.unwrap_err();
    assert_eq!(absent, TransferError::Absent("no file is there for `out/*.csv`".into()));
    // Programs of one's own have names of their own for what they write.
    server.now().files.insert("out/a.csv".into(), file(bytes(1), "20260105000000"));
    server.now().files.insert("out/b.new.csv".into(), file(bytes(2), "20260106000000"));
    let mut own = settings(&server, "out/*.csv");
    own.names = Names::new("out/*.csv").unwrap().excluding(vec!["*.new.*".into()]);
    let looked = FtpFile::new(own, now()).unwrap().look(soon()).await.unwrap();
    assert_eq!(looked.name.as_deref(), Some("a.csv"));
}
