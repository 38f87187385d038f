//! An FTP server by the RFCs 959, 2428, 3659 and 4217, small, and with the habits of real ones.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
};

use rustls::{
    HandshakeKind, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub const USER: &str = "erp";
pub const PASSWORD: &str = "s3cret pass";
/// The certificate that it has where it encrypts.
pub const CERTIFICATE: &[u8] = include_bytes!("certificate/certificate.pem");

/// A file: its bytes, and when it was changed.
#[derive(Clone)]
pub struct File {
    pub bytes: Arc<Vec<u8>>,
    pub modified: String,
}

/// What it has, and how it behaves. By default as it should.
#[derive(Default)]
pub struct Habits {
    /// By their paths.
    pub files: BTreeMap<String, File>,
    /// Commands that it does not know.
    pub unknown: Vec<&'static str>,
    /// Answers to commands, in the place of what it does.
    pub instead: BTreeMap<&'static str, String>,
    /// Closes every transfer after so many bytes, and says this.
    pub cut: Option<(usize, &'static str)>,
    /// Closes the commands' connection where the final reply should be.
    pub says_no_end: bool,
    /// Puts this in the place of a file while it is sent.
    pub replaces: Option<File>,
    /// Sends nothing any more after so many bytes.
    pub stalls: Option<usize>,
    /// Names this address for data.
    pub names_address: Option<[u8; 4]>,
    /// Refuses data connections that resume no session, and by TLS 1.3 also those that do.
    pub wants_session: Option<Wants>,
    /// The commands that came, without the password.
    pub log: Vec<String>,
    /// Data connections that resumed a session.
    pub resumed: usize,
}

/// Which sessions data connections must resume.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Any,
    OfTls12,
}

/// How it encrypts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Encrypts {
    Never,
    OnDemand,
    Always,
}

/// A running server.
#[derive(Clone)]
pub struct FtpServer {
    pub address: SocketAddr,
    habits: Arc<Mutex<Habits>>,
    tls: Arc<ServerConfig>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl FtpServer {
    pub async fn start(encrypts: Encrypts, habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            habits: Arc::new(Mutex::new(habits)),
            tls: Arc::new(tls()),
        };
        let accepting = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = accepting.clone();
                tokio::spawn(async move { server.serve(stream, encrypts).await });
            }
        });
        server
    }

    pub fn now(&self) -> MutexGuard<'_, Habits> {
        self.habits.lock().unwrap()
    }

    /// How often a command came.
    pub fn count(&self, command: &str) -> usize {
        self.now().log.iter().filter(|line| line.split(' ').next() == Some(command)).count()
    }

    async fn serve(self, stream: TcpStream, encrypts: Encrypts) {
        let acceptor = TlsAcceptor::from(self.tls.clone());
        if encrypts == Encrypts::Always {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            Session::new(self, Box::new(stream), true).run(true).await;
            return;
        }
        let mut stream = stream;
        if encrypts == Encrypts::Never {
            Session::new(self, Box::new(stream), false).run(true).await;
            return;
        }
        // Byte by byte: what follows is no text.
        stream.write_all(b"220-Hello.\r\n220 Ready.\r\n").await.ok();
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            line.push(byte);
        }
        self.now().log.push(String::from_utf8_lossy(&line).trim().into());
        if line != b"AUTH TLS\r\n" {
            stream.write_all(b"530 Only by TLS.\r\n").await.ok();
            return;
        }
        stream.write_all(b"234 Go on.\r\n").await.ok();
        let Ok(stream) = acceptor.accept(stream).await else { return };
        Session::new(self, Box::new(stream), true).run(false).await;
    }
}

fn tls() -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = include_bytes!("certificate/key.pem");
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(key).unwrap(),
        )
        .unwrap()
}

struct Session {
    server: FtpServer,
    control: BufReader<Box<dyn Stream>>,
    encrypts_data: bool,
    is_in: bool,
    is_binary: bool,
    /// Forgotten by every command but the one that it is for.
    restart: Option<usize>,
    data: Option<TcpListener>,
}

impl Session {
    fn new(server: FtpServer, control: Box<dyn Stream>, encrypts_data: bool) -> Self {
        let control = BufReader::new(control);
        let (is_in, is_binary) = (false, false);
        Self { server, control, encrypts_data, is_in, is_binary, restart: None, data: None }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        let control = self.control.get_mut();
        control.write_all(format!("{text}\r\n").as_bytes()).await.ok()?;
        control.flush().await.ok()
    }

    async fn run(mut self, greets: bool) -> Option<()> {
        if greets {
            self.say("220-Welcome to\r\n files of the ERP\r\n220 Ready.").await?;
        }
        loop {
            let mut line = String::new();
            if self.control.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            let (command, said) = line.split_once(' ').unwrap_or((line, ""));
            let shown = if command == "PASS" { "PASS" } else { line };
            let instead = {
                let mut habits = self.server.now();
                habits.log.push(shown.to_owned());
                match habits.unknown.contains(&command) {
                    true => Some(format!("502 {command} not implemented.")),
                    false => habits.instead.get(command).cloned(),
                }
            };
            let restart = self.restart.take().filter(|_| command == "RETR");
            if let Some(instead) = instead {
                self.say(&instead).await?;
                continue;
            }
            self.obey(command, said, restart).await?;
        }
    }

    async fn obey(&mut self, command: &str, said: &str, restart: Option<usize>) -> Option<()> {
        match command {
            "USER" if said == USER => return self.say("331 Password?").await,
            "PASS" if said == PASSWORD => {
                self.is_in = true;
                return self.say("230-Hello.\r\n230 You are in.").await;
            }
            "USER" | "PASS" => return self.say("530 Login incorrect.").await,
            "PBSZ" | "PROT" => return self.say("200 Yes.").await,
            "QUIT" => {
                self.say("221 Bye.").await?;
                return None;
            }
            _ if !self.is_in => return self.say("530 Who are you?").await,
            _ => {}
        }
        match command {
            "TYPE" => {
                self.is_binary = said == "I";
                self.say("200 Yes.").await
            }
            "OPTS" => self.say("200 Yes.").await,
            "SIZE" if !self.is_binary => self.say("550 SIZE not allowed in ASCII mode.").await,
            "SIZE" => self.tell(said, |file| file.bytes.len().to_string()).await,
            "MDTM" => self.tell(said, |file| file.modified.clone()).await,
            "EPSV" | "PASV" => self.listen(command).await,
            "REST" => {
                self.restart = said.parse().ok();
                self.say("350 Restarting.").await
            }
            "RETR" => {
                let file = self.server.now().files.get(said).cloned();
                let Some(file) = file else { return self.say("550 No such file.").await };
                let from = restart.unwrap_or(0).min(file.bytes.len());
                self.send(file.bytes[from..].to_vec(), Some(said)).await
            }
            "MLSD" | "NLST" => {
                let lines = self.list(said, command == "MLSD");
                self.send(lines.into_bytes(), None).await
            }
            _ => self.say("500 What?").await,
        }
    }

    async fn tell(&mut self, path: &str, what: impl Fn(&File) -> String) -> Option<()> {
        let told = self.server.now().files.get(path).map(what);
        match told {
            Some(told) => self.say(&format!("213 {told}")).await,
            None => self.say("550 No such file.").await,
        }
    }

    fn list(&self, directory: &str, with_facts: bool) -> String {
        let habits = self.server.now();
        let start = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let mut lines = String::new();
        if with_facts {
            lines.push_str("type=cdir;modify=20991231000000; .\r\n");
        }
        for (path, File { bytes, modified }) in &habits.files {
            let Some(name) = path.strip_prefix(&start) else { continue };
            match with_facts {
                true => {
                    let size = bytes.len();
                    lines.push_str(&format!("type=file;size={size};modify={modified}; {name}\r\n"));
                }
                false => lines.push_str(&format!("{path}\r\n")),
            }
        }
        lines
    }

    async fn listen(&mut self, command: &str) -> Option<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.ok()?;
        let port = listener.local_addr().ok()?.port();
        self.data = Some(listener);
        if command == "EPSV" {
            return self.say(&format!("229 Extended (|||{port}|)")).await;
        }
        let address = self.server.now().names_address;
        let [a, b, c, d] = address.unwrap_or(Ipv4Addr::LOCALHOST.octets());
        self.say(&format!("227 Passive ({a},{b},{c},{d},{},{})", port / 256, port % 256)).await
    }

    /// Sends bytes, of the file at this path where it is one.
    async fn send(&mut self, bytes: Vec<u8>, path: Option<&str>) -> Option<()> {
        let Some(listener) = self.data.take() else { return self.say("425 Where to?").await };
        self.say("150 Here it comes.").await?;
        let (stream, _) = listener.accept().await.ok()?;
        let (cut, stalls, says_no_end) = {
            let habits = self.server.now();
            (habits.cut, habits.stalls, habits.says_no_end)
        };
        let (mut stream, refused): (Box<dyn Stream>, bool) = match self.encrypts_data {
            false => (Box::new(stream), false),
            true => {
                let acceptor = TlsAcceptor::from(self.server.tls.clone());
                let stream = acceptor.accept(stream).await.ok()?;
                let refused = self.refuses(&stream);
                (Box::new(stream), refused)
            }
        };
        if refused {
            drop(stream);
            return self.say("522 SSL connection failed: session reuse required.").await;
        }
        if let Some(stalls) = stalls.filter(|_| path.is_some()) {
            stream.write_all(&bytes[..stalls.min(bytes.len())]).await.ok();
            stream.flush().await.ok();
            std::future::pending::<()>().await;
        }
        let cut = cut.filter(|(most, _)| path.is_some() && *most <= bytes.len());
        let sent = cut.map_or(bytes.len(), |(most, _)| most);
        stream.write_all(&bytes[..sent]).await.ok();
        stream.flush().await.ok();
        // Without a farewell to TLS, as many do.
        drop(stream);
        if let Some(path) = path {
            let mut habits = self.server.now();
            if let Some(new) = habits.replaces.take() {
                habits.files.insert(path.to_owned(), new);
            }
        }
        if says_no_end && path.is_some() {
            return None;
        }
        let said = cut.map_or("226 Done.", |(_, said)| said);
        self.say(said).await
    }

    fn refuses(&self, stream: &TlsStream<TcpStream>) -> bool {
        let connection = stream.get_ref().1;
        let is_resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        let is_12 = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2);
        let mut habits = self.server.now();
        habits.resumed += usize::from(is_resumed);
        match habits.wants_session {
            None => false,
            Some(Wants::Any) => !is_resumed,
            Some(Wants::OfTls12) => !is_resumed || !is_12,
        }
    }
}
