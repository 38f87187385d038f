//! An SFTP server by russh, with files in memory.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use russh::{
    Channel, ChannelId, MethodKind, MethodSet,
    keys::{HashAlg, PrivateKey, ssh_key::private::Ed25519Keypair},
    server::{self, Auth, ChannelOpenHandle, Msg, Response, VerifiedPublicKey},
};
use russh_sftp::protocol::{
    Attrs, Data, File as Entry, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode,
    Version,
};
use tokio::net::TcpListener;

use super::ftp::{PASSWORD, USER};

/// A file: its bytes, and when it was changed, in s since 1970.
#[derive(Clone)]
pub struct File {
    pub bytes: Arc<Vec<u8>>,
    pub modified: u32,
}

/// What it has, and how it behaves. By default as it should.
#[derive(Default)]
pub struct Habits {
    /// By their paths.
    pub files: BTreeMap<String, File>,
    /// Takes a password only as the answer to a question.
    pub asks: bool,
    /// Fails to read behind this place.
    pub fails_at: Option<u64>,
    /// Says that files end here.
    pub ends_at: Option<u64>,
    /// Puts this in the place of every file once it was read to its end.
    pub replaces: Option<File>,
    /// May not be read.
    pub denied: Option<String>,
    /// Answers no read behind this place.
    pub stalls_at: Option<u64>,
    /// Logins that were tried.
    pub logins: usize,
    /// Reads that were asked for.
    pub reads: usize,
}

/// A running server.
#[derive(Clone)]
pub struct SftpServer {
    pub address: SocketAddr,
    /// The fingerprint of its host key.
    pub fingerprint: String,
    habits: Arc<Mutex<Habits>>,
}

/// A key that is the same whenever the tests run.
pub fn key(seed: u8) -> PrivateKey {
    Ed25519Keypair::from_seed(&[seed; 32]).into()
}

impl SftpServer {
    pub async fn start(habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host_key = key(1);
        let server = Self {
            address: listener.local_addr().unwrap(),
            fingerprint: host_key.public_key().fingerprint(HashAlg::Sha256).to_string(),
            habits: Arc::new(Mutex::new(habits)),
        };
        let config = Arc::new(server::Config {
            keys: vec![host_key],
            auth_rejection_time: std::time::Duration::ZERO,
            ..server::Config::default()
        });
        let habits = server.habits.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let client = Client { habits: habits.clone(), channels: HashMap::new() };
                let config = config.clone();
                tokio::spawn(async move {
                    if let Ok(session) = server::run_stream(config, stream, client).await {
                        session.await.ok();
                    }
                });
            }
        });
        server
    }

    pub fn now(&self) -> MutexGuard<'_, Habits> {
        self.habits.lock().unwrap()
    }
}

/// A connection.
struct Client {
    habits: Arc<Mutex<Habits>>,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Client {
    fn judge(&self, is_right: bool) -> Auth {
        let mut habits = self.habits.lock().unwrap();
        habits.logins += 1;
        match is_right {
            true => Auth::Accept,
            false => Auth::Reject {
                proceed_with_methods: Some(MethodSet::from(&[MethodKind::KeyboardInteractive][..])),
                partial_success: false,
            },
        }
    }
}

impl server::Handler for Client {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let asks = self.habits.lock().unwrap().asks;
        Ok(self.judge(!asks && user == USER && password == PASSWORD))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let known = self::key(2);
        Ok(self.judge(user == USER && key.public_key.key_data() == known.public_key().key_data()))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if !self.habits.lock().unwrap().asks {
            return Ok(Auth::reject());
        }
        let Some(mut response) = response else {
            let prompts = Cow::Owned(vec![(Cow::Borrowed("Password: "), false)]);
            return Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts });
        };
        let is_right = response.next().is_some_and(|said| said == PASSWORD.as_bytes());
        Ok(self.judge(is_right && user == USER))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        let Some(stream) = self.channels.remove(&channel).filter(|_| name == "sftp") else {
            return session.channel_failure(channel);
        };
        session.channel_success(channel)?;
        let files = Files { habits: self.habits.clone(), listed: false };
        russh_sftp::server::run(stream.into_stream(), files).await;
        Ok(())
    }
}

/// A session for files.
struct Files {
    habits: Arc<Mutex<Habits>>,
    listed: bool,
}

impl Files {
    fn attributes(&self, path: &str) -> Result<FileAttributes, StatusCode> {
        let habits = self.habits.lock().unwrap();
        if habits.denied.as_deref() == Some(path) {
            return Err(StatusCode::PermissionDenied);
        }
        let file = habits.files.get(path).ok_or(StatusCode::NoSuchFile)?;
        Ok(attributes(file))
    }
}

fn attributes(file: &File) -> FileAttributes {
    FileAttributes {
        size: Some(file.bytes.len() as u64),
        mtime: Some(file.modified),
        atime: Some(file.modified),
        permissions: Some(0o100_644),
        ..FileAttributes::default()
    }
}

impl russh_sftp::server::Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, StatusCode> {
        Ok(Version::new())
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: self.attributes(&path)? })
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        _: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        self.attributes(&path)?;
        Ok(Handle { id, handle: path })
    }

    async fn close(&mut self, id: u32, _: String) -> Result<Status, StatusCode> {
        let (error_message, language_tag) = (String::new(), String::new());
        Ok(Status { id, status_code: StatusCode::Ok, error_message, language_tag })
    }

    async fn read(
        &mut self,
        id: u32,
        path: String,
        offset: u64,
        length: u32,
    ) -> Result<Data, StatusCode> {
        let stalls = {
            let mut habits = self.habits.lock().unwrap();
            habits.reads += 1;
            habits.stalls_at.is_some_and(|at| offset >= at)
        };
        if stalls {
            std::future::pending::<()>().await;
        }
        let mut habits = self.habits.lock().unwrap();
        if habits.fails_at.is_some_and(|at| offset >= at) {
            return Err(StatusCode::Failure);
        }
        let file = habits.files.get(&path).cloned().ok_or(StatusCode::NoSuchFile)?;
        let all = file.bytes.len().min(habits.ends_at.map_or(usize::MAX, |at| at as usize));
        let from = usize::try_from(offset).unwrap();
        if from >= all {
            if let Some(new) = habits.replaces.take() {
                habits.files.insert(path, new);
            }
            return Err(StatusCode::Eof);
        }
        // As OpenSSH does, less than is asked for.
        let most = usize::try_from(length).unwrap().min(60_000);
        let data = file.bytes[from..all.min(from + most)].to_vec();
        Ok(Data { id, data })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        self.listed = false;
        Ok(Handle { id, handle: path })
    }

    async fn readdir(&mut self, id: u32, directory: String) -> Result<Name, StatusCode> {
        if std::mem::replace(&mut self.listed, true) {
            return Err(StatusCode::Eof);
        }
        let habits = self.habits.lock().unwrap();
        let entry = |(path, file): (&String, &File)| {
            let name = path.strip_prefix(&format!("{directory}/"))?;
            Some(Entry::new(name, attributes(file)))
        };
        Ok(Name { id, files: habits.files.iter().filter_map(entry).collect() })
    }
}
