//! One session with a server: logged in, and asked for files.

use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use suppaftp::{
    FtpError, FtpResult, Mode, Status,
    tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream, AsyncRustlsStream, TransferStream},
    types::FileType,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::{
    fault::Fault,
    listing,
    settings::{FtpSettings, Told},
    tls::TlsConfig,
};
use crate::{Identity, Listed, Names, Now, TransferError, moment};

/// Reaching a server takes no longer than this, or it is down.
const CONNECT: Duration = Duration::from_secs(10);
/// A farewell is not waited for longer than this.
const FAREWELL: Duration = Duration::from_millis(500);
/// Where a list does not say when files were changed, so many are asked for it one by one.
const ASKED_MAX: usize = 200;

/// The client, for sessions of both kinds.
type Client = AsyncRustlsFtpStream;
pub(super) type Transfer = TransferStream<AsyncRustlsStream>;

pub(super) struct Session {
    client: Client,
    now: Now,
    pub(super) told: Told,
    pub(super) silence_max: Duration,
    /// By what the server said last that it has no such file; it may have meant the command.
    absent: Option<TransferError>,
}

impl Session {
    /// Connects and logs in.
    pub(super) async fn start(
        settings: &FtpSettings,
        now: Now,
        tls: Option<TlsConfig>,
        until: Instant,
    ) -> Result<Self, Fault> {
        let told = Told::new(settings);
        let silence_max = settings.silence_max;
        let reaching = until.min(Instant::now() + CONNECT);
        let client = within(&told, "connecting", reaching, connect(settings, tls)).await?;
        let mut session = Self { client, now, told, silence_max, absent: None };
        let until = session.until(until);
        let (user, password) = (settings.user.as_str(), settings.password.as_str());
        let login = timeout_at(until, session.client.login(user, password)).await;
        match login {
            Ok(login) => login.map_err(|error| Fault::of_login(&session.told, error))?,
            Err(_) => return Err(TransferError::out_of_time(&session.told.what).into()),
        }
        // In ASCII neither sizes nor places mean anything.
        let binary = session.client.transfer_type(FileType::Binary);
        within(&session.told, "TYPE I", until, binary).await?;
        session.client.set_mode(Mode::ExtendedPassive);
        session.client.set_passive_nat_workaround(true);
        if !settings.names.to_string().is_ascii() {
            // Some read names as UTF-8 only where they are told to; others do not know the command.
            let utf8 = session.client.custom_command("OPTS UTF8 ON", &[Status::CommandOk]);
            within(&session.told, "OPTS", until, utf8).await.ok();
        }
        Ok(session)
    }

    /// The path of the file that is meant, or of the one with this name while it is there, and which version
    /// it is.
    pub(super) async fn find(
        &mut self,
        names: &Names,
        name: Option<&str>,
        until: Instant,
    ) -> Result<(String, Identity), Fault> {
        if let Some(path) = names.path() {
            let identity = self.identity(&path, until).await?;
            return Ok((path, identity));
        }
        if let Some(name) = name.filter(|name| names.has(name)) {
            let path = names.path_of(name);
            let identity = self.identity(&path, until).await?;
            // Without a length it may not be there any more.
            if identity.length.is_some() {
                return Ok((path, Identity { name: Some(name.into()), ..identity }));
            }
        }
        let listed = self.list(names, until).await?;
        let chosen = names.choose(listed)?.name;
        let path = names.path_of(&chosen);
        let identity = self.identity(&path, until).await?;
        Ok((path, Identity { name: Some(chosen.into()), ..identity }))
    }

    /// Which version of a file there is, as far as the server can say it.
    pub(super) async fn identity(&mut self, path: &str, until: Instant) -> Result<Identity, Fault> {
        let size = self.asked(&format!("SIZE {path}"), until).await?;
        let modified = self.asked(&format!("MDTM {path}"), until).await?;
        let identity = Identity {
            length: size.and_then(|size| size.parse().ok()),
            modified_s: modified.as_deref().and_then(moment::of_digits),
            modified: modified.as_deref().and_then(Identity::text),
            ..Identity::default()
        };
        Ok(identity.said_at((self.now)()))
    }

    /// Which version of the file that is meant there is.
    pub(super) async fn look(&mut self, names: &Names, until: Instant) -> Result<Identity, Fault> {
        let (_, identity) = self.find(names, None, until).await?;
        match self.absent.take() {
            Some(absent) if identity.length.is_none() && identity.modified.is_none() => {
                Err(absent.into())
            }
            _ => Ok(identity),
        }
    }

    /// Begins to get a file at a place, or at its beginning where the server cannot begin there.
    pub(super) async fn retrieve(
        &mut self,
        path: &str,
        mut start: u64,
        until: Instant,
    ) -> Result<(u64, Transfer), Fault> {
        loop {
            let fault = match self.data(&format!("RETR {path}"), start, until).await {
                Ok(transfer) => return Ok((start, transfer)),
                Err(fault) => fault,
            };
            if start == 0 || !fault.is_no_restart() {
                return Err(fault);
            }
            start = 0;
        }
    }

    /// The files in the directory of a pattern.
    async fn list(&mut self, names: &Names, until: Instant) -> Result<Vec<Listed>, Fault> {
        let at = match names.directory() {
            "." => String::new(),
            directory => format!(" {directory}"),
        };
        match self.data(&format!("MLSD{at}"), 0, until).await {
            Ok(transfer) => {
                let lines = self.lines(transfer, until).await?;
                return Ok(lines.iter().filter_map(|line| listing::fact_line(line)).collect());
            }
            Err(fault) if !fault.is_unknown_command() => return Err(fault),
            Err(_) => {}
        }
        let transfer = match self.data(&format!("NLST{at}"), 0, until).await {
            Ok(transfer) => transfer,
            // By what some say that a directory is empty.
            Err(Fault { code: 450 | 550, .. }) => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        let lines = self.lines(transfer, until).await?;
        let mut listed: Vec<Listed> = lines.iter().map(|line| listing::name_line(line)).collect();
        listed.retain(|listed| names.has(&listed.name));
        if listed.len() > 1 {
            // The last by name are the likeliest to be new.
            listed.sort_by(|a, b| b.name.cmp(&a.name));
            for file in listed.iter_mut().take(ASKED_MAX) {
                let path = names.path_of(&file.name);
                let modified = self.asked(&format!("MDTM {path}"), until).await?;
                file.modified = modified.as_deref().and_then(moment::of_digits);
            }
        }
        Ok(listed)
    }

    async fn lines(
        &mut self,
        mut transfer: Transfer,
        until: Instant,
    ) -> Result<Vec<String>, Fault> {
        let read = timeout_at(self.until(until), listing::lines(&mut transfer)).await;
        let lines = match read {
            Ok(lines) => lines.map_err(|error| Fault::of_io(&self.told, "the list", &error))?,
            Err(_) => return Err(TransferError::out_of_time(&self.told.what).into()),
        };
        self.finish(transfer, until).await?;
        Ok(lines)
    }

    /// A command that opens a data connection, for what begins at `start`.
    async fn data(&mut self, command: &str, start: u64, until: Instant) -> Result<Transfer, Fault> {
        match self.data_once(command, start, until).await {
            // The server does not know EPSV; if it was the command that it does not know, it says so again.
            Err(fault) if fault.is_unknown_command() => {
                self.client.set_mode(Mode::Passive);
                self.data_once(command, start, until).await
            }
            answer => answer,
        }
    }

    async fn data_once(
        &mut self,
        command: &str,
        start: u64,
        until: Instant,
    ) -> Result<Transfer, Fault> {
        let until = self.until(until);
        // `REST` is sent right before the command, or servers forget it. It is good for one command, be that
        // refused or not.
        let place = usize::try_from(start).unwrap_or(usize::MAX);
        let restart = self.client.resume_transfer(place);
        within(&self.told, "REST", until, restart).await?;
        let about = [Status::AboutToSend, Status::AlreadyOpen];
        let sent = self.client.custom_data_command(command, &about);
        within(&self.told, verb(command), until, sent).await.map(|(_, transfer)| transfer)
    }

    /// What the server says of a file; `None` where it says nothing of it, or does not know the command.
    async fn asked(&mut self, command: &str, until: Instant) -> Result<Option<String>, Fault> {
        let until = self.until(until);
        let sent = self.client.custom_command(command, &[Status::File]);
        match within(&self.told, verb(command), until, sent).await {
            Ok(reply) => {
                let text = String::from_utf8_lossy(&reply.body);
                Ok(text.get(4..).map(|said| said.trim().to_owned()))
            }
            Err(fault) if fault.code >= 500 || fault.code == 450 => {
                self.absent = Some(fault.error)
                    .filter(|error| matches!(error, TransferError::Absent(_)))
                    .or(self.absent.take());
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Reads the server's word that a transfer is done.
    pub(super) async fn finish(&self, transfer: Transfer, until: Instant) -> Result<(), Fault> {
        within(&self.told, "the end of the transfer", self.until(until), transfer.finish()).await
    }

    /// Says goodbye, if the server listens.
    pub(super) async fn quit(&mut self) {
        timeout_at(Instant::now() + FAREWELL, self.client.quit()).await.ok();
    }

    /// Until when a reply is waited for.
    pub(super) fn until(&self, until: Instant) -> Instant {
        until.min(Instant::now() + self.silence_max)
    }
}

async fn connect(settings: &FtpSettings, tls: Option<TlsConfig>) -> FtpResult<Client> {
    let FtpSettings { host, port, .. } = settings;
    let connector =
        |tls: &TlsConfig| AsyncRustlsConnector::from(TlsConnector::from(tls.config.clone()));
    let client = match tls {
        Some(tls) if tls.is_implicit => {
            let connector = connector(&tls);
            let address = (host.as_str(), *port);
            let mut client = Client::connect_secure_implicit(address, connector, host).await?;
            // Data are encrypted by default there; where they are not, this asks for it.
            for command in ["PBSZ 0", "PROT P"] {
                match client.custom_command(command, &[Status::CommandOk]).await {
                    Ok(_) | Err(FtpError::UnexpectedResponse(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            client
        }
        tls => {
            let stream = TcpStream::connect((host.as_str(), *port)).await;
            let stream = stream.map_err(FtpError::ConnectionError)?;
            stream.set_nodelay(true).map_err(FtpError::ConnectionError)?;
            let client = Client::connect_with_stream(stream).await?;
            match tls {
                Some(tls) => client.into_secure(connector(&tls), host).await?,
                None => client,
            }
        }
    };
    Ok(client.passive_stream_builder(data_connection))
}

/// Connects for data: not for longer than for commands.
fn data_connection(
    address: SocketAddr,
) -> Pin<Box<dyn Future<Output = FtpResult<TcpStream>> + Send + Sync>> {
    Box::pin(async move {
        let connected = timeout_at(Instant::now() + CONNECT, TcpStream::connect(address)).await;
        let connected = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        connected.map_err(FtpError::ConnectionError)
    })
}

async fn within<T>(
    told: &Told,
    doing: &str,
    until: Instant,
    act: impl Future<Output = FtpResult<T>>,
) -> Result<T, Fault> {
    match timeout_at(until, act).await {
        Ok(done) => done.map_err(|error| Fault::of(told, doing, error)),
        Err(_) => {
            Err(TransferError::later(format!("{}: {doing}: no answer in time", told.what)).into())
        }
    }
}

/// A command without what it is about.
fn verb(command: &str) -> &str {
    command.split(' ').next().unwrap_or(command)
}
