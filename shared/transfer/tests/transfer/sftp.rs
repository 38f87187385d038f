//! SFTP: who the server is, who we are, and when a file is whole.

use std::{sync::Arc, time::Duration};

use russh::keys::ssh_key::LineEnding;
use tidegate_transfer::{
    Answer, Ask, Names, RemoteFile, Resumed, Seam, TransferError, resume,
    sftp::{Proof, SftpFile, SftpSettings},
};
use tokio::time::Instant;

use crate::{
    reading::{WHOLE, bytes, drain, is_halt, is_later, now, open, read, soon},
    servers::{
        ftp::{PASSWORD, USER},
        sftp::{File, Habits, SftpServer, key},
    },
};

const PATH: &str = "out/offers.xml";
const LENGTH: usize = 1_500_000;
const OLD: u32 = 1_767_268_800;

fn file(bytes: Vec<u8>, modified: u32) -> File {
    File { bytes: Arc::new(bytes), modified }
}

async fn server(habits: Habits) -> SftpServer {
    let server = SftpServer::start(habits).await;
    server.now().files.insert(PATH.into(), file(bytes(LENGTH), OLD));
    server
}

fn settings(server: &SftpServer, path: &str) -> SftpSettings {
    SftpSettings {
        host: "127.0.0.1".into(),
        port: server.address.port(),
        user: USER.into(),
        proof: Proof::Password(PASSWORD.into()),
        host_keys: vec!["SHA256:other".into(), server.fingerprint.clone()],
        names: Names::new(path).unwrap(),
        silence_max: Duration::from_secs(5),
    }
}

fn remote(server: &SftpServer) -> SftpFile {
    SftpFile::new(settings(server, PATH), now()).unwrap()
}

#[tokio::test]
async fn a_file_comes_whole_in_parts_and_once() {
    let server = server(Habits::default()).await;
    let (file, all) = (remote(&server), bytes(LENGTH));
    let (of, start, came) = read(&file, WHOLE).await;
    assert_eq!((start, came == all, of.length), (0, true, Some(1_500_000)));
    assert_eq!((of.modified_s, of.settled), (Some(i64::from(OLD)), true));
    assert_eq!(file.look(soon()).await.unwrap(), of);
    let (_, start, came) = read(&file, Ask::Rest { of: &of, from: 1_000_001 }).await;
    assert_eq!((start, came == all[1_000_001..]), (1_000_001, true));
    let (_, start, came) = read(&file, Ask::Range { of: &of, from: 5, length: 100_000 }).await;
    assert_eq!((start, came == all[5..100_005]), (5, true));
    assert_eq!(read(&file, Ask::Rest { of: &of, from: 1_500_000 }).await.2.len(), 0);
    let answer = file.open(Ask::Whole { unless: Some(&of) }, soon()).await.unwrap();
    assert!(matches!(answer, Answer::Unchanged));
    server.now().files.insert(PATH.into(), self::file(bytes(LENGTH), OLD + 1));
    assert_eq!(read(&file, Ask::Rest { of: &of, from: 9 }).await.1, 0);
}

#[tokio::test]
async fn no_host_key_is_accepted_that_is_not_named() {
    let server = server(Habits::default()).await;
    let mut other = settings(&server, PATH);
    other.host_keys = vec!["SHA256:other".into()];
    let error = SftpFile::new(other.clone(), now()).unwrap().look(soon()).await.unwrap_err();
    is_halt(&error, &format!("ssh-ed25519 {}", server.fingerprint));
    // Nothing of the login was sent.
    assert_eq!(server.now().logins, 0);
    for none in [vec![], vec!["".into()], vec!["*".into()]] {
        other.host_keys = none;
        assert!(SftpFile::new(other.clone(), now()).is_err());
    }
}

#[tokio::test]
async fn passwords_answers_and_keys_prove_who_we_are() {
    let server = server(Habits::default()).await;
    let with = |proof: Proof| {
        let settings = SftpSettings { proof, ..settings(&server, PATH) };
        assert!(!format!("{settings:?}").contains(PASSWORD));
        SftpFile::new(settings, now())
    };
    let refused = "the login is refused: correct the user, the password or the key";
    let wrong = with(Proof::Password("wr0ng-pass".into())).unwrap();
    assert!(!format!("{wrong:?}").contains("wr0ng-pass"));
    is_halt(&wrong.look(soon()).await.unwrap_err(), refused);
    server.now().asks = true;
    assert!(with(Proof::Password(PASSWORD.into())).unwrap().look(soon()).await.is_ok());
    is_halt(&wrong.look(soon()).await.unwrap_err(), refused);
    for (seed, is_known) in [(2, true), (3, false)] {
        let text = key(seed).to_openssh(LineEnding::LF).unwrap().to_string();
        let looked = with(Proof::Key { text, passphrase: None }).unwrap().look(soon()).await;
        assert_eq!(looked.is_ok(), is_known, "{looked:?}");
    }
    let nonsense = Proof::Key { text: "hush-hush".into(), passphrase: None };
    assert!(!with(nonsense).unwrap_err().contains("hush"));
}

#[tokio::test]
async fn a_transfer_that_fails_or_ends_early_is_not_whole() {
    for (habits, word) in [
        (Habits { fails_at: Some(600_000), ..Habits::default() }, "the transfer"),
        (Habits { ends_at: Some(600_000), ..Habits::default() }, "at byte 600000 of 1500000"),
        (Habits { replaces: Some(file(bytes(9), OLD)), ..Habits::default() }, "changed while"),
    ] {
        let server = server(habits).await;
        let mut opened = open(&remote(&server), WHOLE).await.unwrap();
        let (came, error) = drain(&mut opened).await;
        assert!(came == bytes(LENGTH)[..came.len()]);
        is_later(&error.unwrap(), word);
        assert!(opened.body.next(soon()).await.is_err(), "nothing comes after it");
    }
}

#[tokio::test]
async fn what_was_replaced_in_the_same_second_is_seen_at_the_seam() {
    let server = server(Habits::default()).await;
    let (of, _, all) = read(&remote(&server), WHOLE).await;
    let seam = Seam::new(900_000, &all[..900_000]);
    let Resumed::Here(mut opened) = resume(&remote(&server), &of, &seam, soon()).await.unwrap()
    else {
        panic!("it is the same file")
    };
    assert!(opened.start == 900_000 && drain(&mut opened).await.0 == all[900_000..]);
    let mut other = bytes(LENGTH);
    other[899_999] ^= 1;
    server.now().files.insert(PATH.into(), file(other, OLD));
    let resumed = resume(&remote(&server), &of, &seam, soon()).await.unwrap();
    assert!(matches!(resumed, Resumed::Anew(opened) if opened.start == 0));
}

#[tokio::test]
async fn the_newest_file_is_read_and_absence_is_told_from_rights() {
    let server = server(Habits::default()).await;
    for (name, length, modified) in
        [("a.csv", 1, OLD), ("b.csv", 2, OLD + 9), ("c.csv.filepart", 3, OLD + 99)]
    {
        server.now().files.insert(format!("out/{name}"), file(bytes(length), modified));
    }
    let newest = SftpFile::new(settings(&server, "out/*.csv*"), now()).unwrap();
    let (of, _, came) = read(&newest, WHOLE).await;
    assert_eq!((of.name.as_deref(), came.len()), (Some("b.csv"), 2));
    server.now().files.remove("out/b.csv");
    let (of, start, _) = read(&newest, Ask::Rest { of: &of, from: 1 }).await;
    assert_eq!((of.name.as_deref(), start), (Some("a.csv"), 0));
    let none = SftpFile::new(settings(&server, "out/none.xml"), now()).unwrap();
    let absent = none.look(soon()).await.unwrap_err();
    assert!(matches!(absent, TransferError::Absent(_)), "{absent:?}");
    server.now().denied = Some(PATH.into());
    is_halt(&remote(&server).look(soon()).await.unwrap_err(), "the user's rights");
}

#[tokio::test]
async fn silence_ends_a_transfer() {
    let server = server(Habits { stalls_at: Some(300_000), ..Habits::default() }).await;
    let mut impatient = settings(&server, PATH);
    impatient.silence_max = Duration::from_millis(400);
    let started = Instant::now();
    let mut opened = open(&SftpFile::new(impatient, now()).unwrap(), WHOLE).await.unwrap();
    let (came, error) = drain(&mut opened).await;
    assert!(came == bytes(LENGTH)[..came.len()]);
    is_later(&error.unwrap(), "in time");
    assert!(started.elapsed() < Duration::from_secs(5));
}
