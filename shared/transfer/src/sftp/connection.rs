//! One connection: the host's key, the login, and what is asked of files.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use russh::{
    Channel, MethodKind, MethodSet,
    client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg},
    keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate},
};
use russh_sftp::{
    client::{Config, RawSftpSession, SftpSession, error::Error as SftpError, fs::Metadata},
    protocol::StatusCode,
};
use tokio::time::{Instant, timeout_at};

use super::settings::{Proof, SftpSettings, Told};
use crate::{Identity, Listed, Names, Now, TransferError, names::NAMES_MAX};

/// Reaching a server takes no longer than this, or it is down.
const CONNECT: Duration = Duration::from_secs(10);
/// Reads that are sent ahead; each is answered with up to 256 kB, that are in memory until they are read.
const READS_AHEAD: usize = 8;
/// As often a server may ask for texts before it lets us in.
const QUESTIONS_MAX: usize = 5;

pub(super) struct Connection {
    handle: Handle<Host>,
    now: Now,
    pub(super) told: Told,
    pub(super) silence_max: Duration,
}

/// Knows the server by its keys.
struct Host {
    known: Vec<String>,
    /// The fingerprint of the key that it has, where that is another one.
    strange: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Host {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        server: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let key = server.public_key();
        let found = key.fingerprint(HashAlg::Sha256).to_string();
        let is_known = self.known.contains(&found);
        if !is_known {
            let strange = format!("{} {found}", key.algorithm().as_str());
            *self.strange.lock().unwrap_or_else(PoisonError::into_inner) = Some(strange);
        }
        Ok(is_known)
    }
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn start(
        settings: &SftpSettings,
        key: Option<&Arc<PrivateKey>>,
        (told, now): (Told, Now),
        until: Instant,
    ) -> Result<Self, TransferError> {
        let strange = Arc::new(Mutex::new(None));
        let host = Host { known: settings.host_keys.clone(), strange: strange.clone() };
        let config = client::Config {
            nodelay: true,
            keepalive_interval: Some(Duration::from_secs(15)),
            ..client::Config::default()
        };
        let reaching = until.min(Instant::now() + CONNECT);
        let address = (settings.host.as_str(), settings.port);
        let connecting = client::connect(Arc::new(config), address, host);
        let connected = timeout_at(reaching, connecting).await;
        let handle = match connected {
            Err(_) => return Err(told.later("connecting", "no answer in time")),
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => {
                let strange = strange.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(match strange {
                    None => told.later("connecting", &error.to_string()),
                    Some(key) => TransferError::Halt(format!(
                        "{}: its host key is {key}, which is not among those that are known: ask \
                         its operators whether that is theirs",
                        told.what
                    )),
                });
            }
        };
        let mut connection = Self { handle, now, told, silence_max: settings.silence_max };
        let until = connection.until(until);
        let login = timeout_at(until, connection.login(settings, key)).await;
        match login {
            Err(_) => Err(connection.told.later("the login", "no answer in time")),
            Ok(Err(error)) => Err(connection.told.later("the login", &error.to_string())),
            Ok(Ok(true)) => Ok(connection),
            Ok(Ok(false)) => Err(TransferError::Halt(format!(
                "{}: the login is refused: correct the user, the password or the key",
                connection.told.what
            ))),
        }
    }

    async fn login(
        &mut self,
        settings: &SftpSettings,
        key: Option<&Arc<PrivateKey>>,
    ) -> Result<bool, russh::Error> {
        let user = settings.user.as_str();
        if let Some(key) = key {
            // Servers of today take no RSA signature over SHA-1.
            let hash = match key.algorithm().is_rsa() {
                true => self.handle.best_supported_rsa_hash().await?.flatten(),
                false => None,
            };
            let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
            return Ok(self.handle.authenticate_publickey(user, key).await?.success());
        }
        let Proof::Password(password) = &settings.proof else { return Ok(false) };
        let asks_texts = |methods: &MethodSet| methods.contains(&MethodKind::KeyboardInteractive);
        match self.handle.authenticate_password(user, password).await? {
            AuthResult::Success => Ok(true),
            AuthResult::Failure { remaining_methods, .. } if asks_texts(&remaining_methods) => {
                self.tell_password(user, password).await
            }
            AuthResult::Failure { .. } => Ok(false),
        }
    }

    /// Some servers take a password only as the answer to a question.
    async fn tell_password(&mut self, user: &str, password: &str) -> Result<bool, russh::Error> {
        let handle = &mut self.handle;
        let mut said = handle.authenticate_keyboard_interactive_start(user, None).await?;
        for _ in 0..QUESTIONS_MAX {
            let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = said else { break };
            // What is shown as it is typed is no password.
            let answer = |echo: bool| if echo { String::new() } else { password.to_owned() };
            let answers = prompts.iter().map(|prompt| answer(prompt.echo)).collect();
            said = handle.authenticate_keyboard_interactive_respond(answers).await?;
        }
        Ok(matches!(said, KeyboardInteractiveAuthResponse::Success))
    }

    /// The path of the file that is meant, or of the one with this name while it is there, and which version
    /// it is.
    pub(super) async fn find(
        &self,
        names: &Names,
        name: Option<&str>,
        until: Instant,
    ) -> Result<(String, Identity), TransferError> {
        if let Some(path) = names.path() {
            let identity = self.identity(&self.sftp(until).await?, &path, until).await?;
            return Ok((path, identity));
        }
        if let Some(name) = name.filter(|name| names.has(name)) {
            let path = names.path_of(name);
            match self.identity(&self.sftp(until).await?, &path, until).await {
                Err(TransferError::Absent(_)) => {}
                identity => return Ok((path, named(identity?, name))),
            }
        }
        let listed = self.list(names.directory(), until).await?;
        let chosen = names.choose(listed)?.name;
        let path = names.path_of(&chosen);
        let identity = self.identity(&self.sftp(until).await?, &path, until).await?;
        Ok((path, named(identity, &chosen)))
    }

    /// Which version of a file there is.
    pub(super) async fn identity(
        &self,
        sftp: &SftpSession,
        path: &str,
        until: Instant,
    ) -> Result<Identity, TransferError> {
        let metadata = self.within("stat", until, sftp.metadata(path)).await?;
        if metadata.is_dir() {
            return Err(TransferError::Halt(format!("{} is no file: name one", self.told.what)));
        }
        Ok(identity(&metadata).said_at((self.now)()))
    }

    /// The files of a directory, up to a bound.
    async fn list(&self, directory: &str, until: Instant) -> Result<Vec<Listed>, TransferError> {
        let sftp = RawSftpSession::new(self.channel(until).await?.into_stream());
        self.within("the list", until, sftp.init()).await?;
        let opened = self.within("the list", until, sftp.opendir(directory)).await?;
        let mut listed = Vec::new();
        while listed.len() < NAMES_MAX {
            let names = sftp.readdir(opened.handle.as_str());
            let files = match timeout_at(self.until(until), names).await {
                Err(_) => return Err(self.told.later("the list", "no answer in time")),
                Ok(Err(SftpError::Status(status))) if status.status_code == StatusCode::Eof => {
                    break;
                }
                Ok(names) => names.map_err(|error| self.fault("the list", &error))?.files,
            };
            let files = files.into_iter().filter(|file| !file.attrs.is_dir());
            listed.extend(files.map(|file| Listed {
                name: file.filename,
                modified: file.attrs.mtime.map(i64::from),
            }));
        }
        Ok(listed)
    }

    /// A session for files.
    pub(super) async fn sftp(&self, until: Instant) -> Result<SftpSession, TransferError> {
        let channel = self.channel(until).await?;
        let config = Config {
            max_concurrent_reads: READS_AHEAD,
            request_timeout_secs: self.silence_max.as_secs().max(1),
            ..Config::default()
        };
        let session = SftpSession::new_with_config(channel.into_stream(), config);
        self.within("the session", until, session).await
    }

    async fn channel(&self, until: Instant) -> Result<Channel<Msg>, TransferError> {
        let opening = async {
            let channel = self.handle.channel_open_session().await?;
            channel.request_subsystem(true, "sftp").await?;
            Ok::<_, russh::Error>(channel)
        };
        match timeout_at(self.until(until), opening).await {
            Err(_) => Err(self.told.later("the session", "no answer in time")),
            Ok(channel) => {
                channel.map_err(|error| self.told.later("the session", &error.to_string()))
            }
        }
    }

    pub(super) async fn within<T>(
        &self,
        doing: &str,
        until: Instant,
        act: impl Future<Output = Result<T, SftpError>>,
    ) -> Result<T, TransferError> {
        match timeout_at(self.until(until), act).await {
            Err(_) => Err(self.told.later(doing, "no answer in time")),
            Ok(done) => done.map_err(|error| self.fault(doing, &error)),
        }
    }

    fn fault(&self, doing: &str, error: &SftpError) -> TransferError {
        let reason = self.told.reason(doing, &error.to_string());
        match error {
            SftpError::Status(status) => match status.status_code {
                StatusCode::NoSuchFile => TransferError::Absent(reason),
                StatusCode::PermissionDenied => {
                    TransferError::Halt(format!("{reason}: see the path and the user's rights"))
                }
                _ => TransferError::later(reason),
            },
            _ => TransferError::later(reason),
        }
    }

    /// Until when an answer is waited for.
    pub(super) fn until(&self, until: Instant) -> Instant {
        until.min(Instant::now() + self.silence_max)
    }
}

/// What a server says of a file.
fn identity(metadata: &Metadata) -> Identity {
    let modified_s = metadata.mtime.map(i64::from);
    Identity {
        length: metadata.size,
        modified: modified_s.map(|seconds| seconds.to_string().into()),
        modified_s,
        ..Identity::default()
    }
}

fn named(identity: Identity, name: &str) -> Identity {
    Identity { name: Some(name.into()), ..identity }
}
