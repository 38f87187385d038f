//! FTP: what a file is, from where it is sent, and when it is whole.

use std::{sync::Arc, time::Duration};

use tidegate_transfer::{
    Answer, Ask, Identity, Names, RemoteFile, TransferError,
    ftp::{FtpFile, FtpSettings, Security},
};
use tokio::time::Instant;

use crate::{
    reading::{WHOLE, bytes, drain, is_halt, is_later, now, open, read, soon},
    servers::ftp::{Encrypts, File, FtpServer, Habits, PASSWORD, USER},
};

const PATH: &str = "out/offers.xml";
const OLD: &str = "20260101120000";

pub fn file(bytes: Vec<u8>, modified: &str) -> File {
    File { bytes: Arc::new(bytes), modified: modified.into() }
}

pub async fn server(length: usize, habits: Habits) -> FtpServer {
    let server = FtpServer::start(Encrypts::Never, habits).await;
    server.now().files.insert(PATH.into(), file(bytes(length), OLD));
    server
}

pub fn settings(server: &FtpServer, path: &str) -> FtpSettings {
    FtpSettings {
        host: "127.0.0.1".into(),
        port: server.address.port(),
        user: USER.into(),
        password: PASSWORD.into(),
        security: Security::Plain,
        names: Names::new(path).unwrap(),
        silence_max: Duration::from_secs(5),
    }
}

fn remote(server: &FtpServer) -> FtpFile {
    FtpFile::new(settings(server, PATH), now()).unwrap()
}

#[tokio::test]
async fn a_file_comes_whole_from_the_beginning_and_from_any_place() {
    let server = server(600_000, Habits::default()).await;
    let (file, all) = (remote(&server), bytes(600_000));
    let (of, start, came) = read(&file, WHOLE).await;
    assert_eq!((start, came == all), (0, true));
    assert_eq!((of.length, of.modified.as_deref()), (Some(600_000), Some(OLD)));
    assert_eq!((of.modified_s, of.settled), (Some(1_767_268_800), true));
    assert_eq!(file.look(soon()).await.unwrap(), of);
    for from in [1, 131_072, 599_999] {
        let (_, start, came) = read(&file, Ask::Rest { of: &of, from }).await;
        let place = usize::try_from(from).unwrap();
        assert_eq!((start, came == all[place..]), (from, true), "{from}");
    }
    for (from, length, end) in [(0, 5, 5), (7, 200_000, 200_007), (599_990, 100, 600_000)] {
        let (_, start, came) = read(&file, Ask::Range { of: &of, from, length }).await;
        let place = usize::try_from(from).unwrap();
        let expected = if from == 0 { &all[..] } else { &all[place..end] };
        assert_eq!((start, came == expected), (from, true), "{from} {length}");
    }
    let (_, start, came) = read(&file, Ask::Rest { of: &of, from: 600_000 }).await;
    assert_eq!((start, came.len()), (600_000, 0));
    // Binary was asked for, and the place right before the file.
    let log = server.now().log.clone();
    let at = log.iter().position(|line| line == "REST 131072").unwrap();
    assert_eq!(log[at + 1], format!("RETR {PATH}"));
    assert!(log.contains(&"TYPE I".to_owned()), "{log:?}");
    assert_eq!(server.count("PASV"), 0);
}

#[tokio::test]
async fn what_was_read_is_not_read_again_until_it_changes() {
    let server = server(1_000, Habits::default()).await;
    let file = remote(&server);
    let (of, ..) = read(&file, WHOLE).await;
    let asked = server.count("RETR");
    let answer = file.open(Ask::Whole { unless: Some(&of) }, soon()).await.unwrap();
    assert!(matches!(answer, Answer::Unchanged));
    assert_eq!(server.count("RETR"), asked);
    server.now().files.insert(PATH.into(), self::file(bytes(1_000), "20260101120001"));
    let (now, _, came) = read(&file, Ask::Whole { unless: Some(&of) }).await;
    assert_eq!((now.is_same(&of), came.len()), (false, 1_000));
    // Of another version there is no rest: it begins anew.
    let (_, start, came) = read(&file, Ask::Rest { of: &of, from: 10 }).await;
    assert_eq!((start, came.len()), (0, 1_000));
}

#[tokio::test]
async fn a_file_that_was_written_this_second_may_change_in_it() {
    let server = server(10, Habits::default()).await;
    // Two seconds ago.
    server.now().files.insert(PATH.into(), file(bytes(10), "20261128175958"));
    let file = remote(&server);
    let (of, ..) = read(&file, WHOLE).await;
    assert!(!of.settled);
    let (_, _, came) = read(&file, Ask::Whole { unless: Some(&of) }).await;
    assert_eq!(came.len(), 10);
}

#[tokio::test]
async fn a_transfer_that_is_cut_off_never_looks_like_the_end() {
    for (habits, word) in [
        (Habits { cut: Some((70_000, "426 Aborted.")), ..Habits::default() }, "426 Aborted"),
        // Some say that all is well.
        (
            Habits { cut: Some((70_000, "226 Done.")), ..Habits::default() },
            "at byte 70000 of 200000",
        ),
        (Habits { cut: Some((0, "226 Done.")), ..Habits::default() }, "at byte 0 of 200000"),
        (Habits { cut: Some((200_000, "451 Disk error.")), ..Habits::default() }, "451 Disk error"),
        (Habits { says_no_end: true, ..Habits::default() }, "connection closed"),
    ] {
        let cut = habits.cut.map_or(200_000, |(most, _)| most);
        let server = server(200_000, habits).await;
        match open(&remote(&server), WHOLE).await {
            Ok(mut opened) => {
                let (came, error) = drain(&mut opened).await;
                assert_eq!(came, bytes(200_000)[..cut]);
                is_later(&error.unwrap(), word);
                let after = opened.body.next(soon()).await;
                assert!(after.is_err(), "nothing comes after it");
            }
            Err(error) => is_later(&error, word),
        }
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_not_whole() {
    for replaces in [file(bytes(200_000), "20260101120001"), file(bytes(200_001), OLD)] {
        let habits = Habits { replaces: Some(replaces), ..Habits::default() };
        let server = server(200_000, habits).await;
        let mut opened = open(&remote(&server), WHOLE).await.unwrap();
        let (came, error) = drain(&mut opened).await;
        assert_eq!(came.len(), 200_000);
        is_later(&error.unwrap(), "changed while it was read");
    }
}

#[tokio::test]
async fn servers_that_know_little_are_read_too() {
    for unknown in [vec!["EPSV"], vec!["REST"], vec!["EPSV", "REST"], vec!["OPTS", "QUIT"]] {
        let knows_places = !unknown.contains(&"REST");
        let server = server(5_000, Habits { unknown: unknown.clone(), ..Habits::default() }).await;
        let file = remote(&server);
        let (of, ..) = read(&file, WHOLE).await;
        let (_, start, came) = read(&file, Ask::Rest { of: &of, from: 1_000 }).await;
        let expected = if knows_places { 1_000 } else { 0 };
        assert_eq!(
            (start, came.len()),
            (expected, 5_000 - usize::try_from(start).unwrap()),
            "{unknown:?}"
        );
    }
    // Without a length or a time no version is known from another.
    for unknown in [vec!["SIZE"], vec!["MDTM"], vec!["SIZE", "MDTM"]] {
        let server = server(5_000, Habits { unknown, ..Habits::default() }).await;
        let file = remote(&server);
        let (of, _, came) = read(&file, WHOLE).await;
        assert_eq!(came.len(), 5_000);
        assert_eq!(read(&file, Ask::Rest { of: &of, from: 9 }).await.1, 0);
        assert_eq!(read(&file, Ask::Whole { unless: Some(&of) }).await.2.len(), 5_000);
        assert_eq!(file.look(soon()).await, Ok(of));
    }
}

#[tokio::test]
async fn data_come_from_the_server_whatever_address_it_names() {
    let habits = Habits {
        unknown: vec!["EPSV"],
        names_address: Some([10, 255, 255, 1]),
        ..Habits::default()
    };
    let server = server(5_000, habits).await;
    let started = Instant::now();
    assert_eq!(read(&remote(&server), WHOLE).await.2.len(), 5_000);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_login_that_is_refused_halts_and_tells_no_password() {
    let server = server(10, Habits::default()).await;
    let mut wrong = settings(&server, PATH);
    wrong.password = "wr0ng-pass".into();
    assert!(!format!("{wrong:?}").contains("wr0ng-pass"));
    let file = FtpFile::new(wrong, now()).unwrap();
    assert!(!format!("{file:?}").contains("wr0ng-pass"));
    let error = file.look(soon()).await.unwrap_err();
    is_halt(&error, "530 Login incorrect.: correct the user or the password");
    server.now().instead.insert("PASS", "500 'PASS wr0ng-pass' not understood".into());
    let error = file.look(soon()).await.unwrap_err();
    is_halt(&error, "'PASS [secret]' not understood");
    let said = "530 Sorry, the maximum number of clients are connected";
    server.now().instead.insert("PASS", said.into());
    is_later(&file.look(soon()).await.unwrap_err(), "maximum number");
    server.now().instead.insert("USER", "421 Too busy".into());
    is_later(&file.look(soon()).await.unwrap_err(), "421 Too busy");
}

#[tokio::test]
async fn what_is_not_there_and_what_may_not_be_read_are_told_apart() {
    let server = server(10, Habits::default()).await;
    let file = FtpFile::new(settings(&server, "out/none.xml"), now()).unwrap();
    let absent = open(&file, WHOLE).await.unwrap_err();
    assert!(matches!(&absent, TransferError::Absent(text) if text.contains("550 No such file")));
    let absent = file.look(soon()).await.unwrap_err();
    assert!(matches!(&absent, TransferError::Absent(text) if text.contains("550 No such file")));
    server.now().instead.insert("RETR", "550 Permission denied".into());
    is_halt(&open(&remote(&server), WHOLE).await.unwrap_err(), "550 Permission denied");
    server.now().instead.insert("RETR", "450 Being written".into());
    is_later(&open(&remote(&server), WHOLE).await.unwrap_err(), "450 Being written");
}

#[tokio::test]
async fn silence_ends_a_transfer_and_so_does_the_time() {
    let server = server(200_000, Habits { stalls: Some(70_000), ..Habits::default() }).await;
    let mut impatient = settings(&server, PATH);
    impatient.silence_max = Duration::from_millis(300);
    let mut opened = open(&FtpFile::new(impatient, now()).unwrap(), WHOLE).await.unwrap();
    let (came, error) = drain(&mut opened).await;
    assert_eq!(came.len(), 70_000);
    is_later(&error.unwrap(), "no byte came in time");
    let mut opened = open(&remote(&server), WHOLE).await.unwrap();
    let until = Instant::now() + Duration::from_millis(300);
    while let Ok(piece) = opened.body.next(until).await {
        assert!(piece.is_some());
    }
    assert!(until.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn no_server_is_no_halt() {
    let server = server(10, Habits::default()).await;
    let mut nowhere = settings(&server, PATH);
    nowhere.port = 1;
    let file = FtpFile::new(nowhere, now()).unwrap();
    is_later(&file.look(soon()).await.unwrap_err(), "connecting");
    let _: Identity = remote(&server).look(soon()).await.unwrap();
}
