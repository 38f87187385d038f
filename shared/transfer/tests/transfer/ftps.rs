//! FTP by TLS: who is trusted, and sessions that are resumed.

use tidegate_transfer::{
    Ask, RemoteFile,
    ftp::{FtpFile, FtpSettings, Security, Trust},
};

use crate::{
    ftp::{file, settings},
    reading::{WHOLE, bytes, is_halt, is_later, now, open, read, soon},
    servers::ftp::{CERTIFICATE, Encrypts, FtpServer, Habits, Wants},
};

const PATH: &str = "offers.xml";
/// The SHA-256 of the server's certificate.
const FINGERPRINT: &str = "e8e568387525b7cf16ac2fabe0e078c32791911648a40c671e6c334bcb55c7ab";

async fn server(encrypts: Encrypts, habits: Habits) -> FtpServer {
    let server = FtpServer::start(encrypts, habits).await;
    server.now().files.insert(PATH.into(), file(bytes(300_000), "20260101120000"));
    server
}

fn secured(server: &FtpServer, security: Security) -> FtpFile {
    FtpFile::new(FtpSettings { security, ..settings(server, PATH) }, now()).unwrap()
}

fn trusted() -> Trust {
    Trust::Certificates(CERTIFICATE.to_vec())
}

#[tokio::test]
async fn a_file_comes_encrypted_on_demand_and_always() {
    for (encrypts, security) in [
        (Encrypts::OnDemand, Security::Explicit(trusted())),
        (Encrypts::Always, Security::Implicit(trusted())),
    ] {
        let server = server(encrypts, Habits::default()).await;
        let file = secured(&server, security);
        let (of, _, came) = read(&file, WHOLE).await;
        assert!(came == bytes(300_000));
        let (_, start, came) = read(&file, Ask::Rest { of: &of, from: 200_000 }).await;
        assert_eq!((start, came == bytes(300_000)[200_000..]), (200_000, true));
        assert!(server.count("PROT") > 0);
    }
}

#[tokio::test]
async fn data_resume_the_session_of_the_commands() {
    for (wants, asked) in [(Wants::Any, 1), (Wants::OfTls12, 2)] {
        let habits = Habits { wants_session: Some(wants), ..Habits::default() };
        let server = server(Encrypts::OnDemand, habits).await;
        let file = secured(&server, Security::Explicit(trusted()));
        let (_, _, came) = read(&file, WHOLE).await;
        assert_eq!(came.len(), 300_000);
        assert_eq!(server.count("RETR"), asked, "once more by TLS 1.2 where it must be");
        // That is remembered.
        read(&file, WHOLE).await;
        assert_eq!(server.count("RETR"), asked + 1);
        assert!(server.now().resumed >= 2);
    }
}

#[tokio::test]
async fn a_server_that_is_never_content_is_asked_twice_and_no_more() {
    let server = server(Encrypts::OnDemand, Habits::default()).await;
    server.now().instead.insert("RETR", "522 session reuse required".into());
    let file = secured(&server, Security::Explicit(trusted()));
    is_halt(&open(&file, WHOLE).await.unwrap_err(), "522 session reuse required");
    assert!(server.count("AUTH") == 2, "{:?}", server.now().log);
}

#[tokio::test]
async fn no_certificate_is_trusted_that_is_not_named() {
    let server = server(Encrypts::OnDemand, Habits::default()).await;
    let file = secured(&server, Security::Explicit(Trust::System));
    let error = file.look(soon()).await.unwrap_err();
    is_halt(&error, "certificate");
    let file = secured(&server, Security::Explicit(Trust::Fingerprint([7; 32])));
    let error = file.look(soon()).await.unwrap_err();
    is_halt(&error, FINGERPRINT);
    // Nothing of the login was sent.
    assert_eq!((server.count("USER"), server.count("PASS")), (0, 0));
    let digits = error.to_string();
    let at = digits.find(FINGERPRINT).unwrap();
    let mut pinned = [0; 32];
    for (index, byte) in pinned.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[at + 2 * index..at + 2 * index + 2], 16).unwrap();
    }
    let file = secured(&server, Security::Explicit(Trust::Fingerprint(pinned)));
    assert_eq!(read(&file, WHOLE).await.2.len(), 300_000);
}

#[tokio::test]
async fn no_password_goes_out_where_a_server_does_not_encrypt() {
    let server = server(Encrypts::Never, Habits::default()).await;
    let file = secured(&server, Security::Explicit(trusted()));
    let error = file.look(soon()).await.unwrap_err();
    is_halt(&error, "connecting");
    assert_eq!((server.count("USER"), server.count("PASS")), (0, 0));
    let mut nonsense = settings(&server, PATH);
    nonsense.security = Security::Explicit(Trust::Certificates(b"none".to_vec()));
    assert!(FtpFile::new(nonsense, now()).is_err());
    let plain = FtpServer::start(Encrypts::OnDemand, Habits::default()).await;
    let file = FtpFile::new(settings(&plain, PATH), now()).unwrap();
    is_halt(&file.look(soon()).await.unwrap_err(), "530 Only by TLS");
}

#[tokio::test]
async fn a_transfer_that_is_cut_off_is_not_whole_by_tls_either() {
    let habits = Habits { cut: Some((100_000, "226 Done.")), ..Habits::default() };
    let server = server(Encrypts::OnDemand, habits).await;
    let file = secured(&server, Security::Explicit(trusted()));
    let mut opened = open(&file, WHOLE).await.unwrap();
    let (came, error) = crate::reading::drain(&mut opened).await;
    assert_eq!(came.len(), 100_000);
    is_later(&error.unwrap(), "at byte 100000 of 300000");
}
