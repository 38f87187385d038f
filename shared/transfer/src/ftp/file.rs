//! A file, and what is answered of it.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::time::Instant;

use super::{body::FtpBody, fault::Fault, session::Session, settings::FtpSettings, tls::Tls};
use crate::{
    Answer, Ask, Body, BoxFuture, Identity, Now, Opened, RemoteFile, TransferError,
    file::{Nothing, Parts},
};

/// A file on an FTP server.
pub struct FtpFile {
    settings: FtpSettings,
    now: Now,
    tls: Option<Tls>,
    /// The server wants data connections to resume the session of the commands, and did not find that they do
    /// with TLS 1.3.
    by_older_tls: AtomicBool,
}

impl FtpFile {
    /// A file by these settings. Makes no connection.
    ///
    /// # Errors
    /// In one line: what cannot be used of them.
    pub fn new(settings: FtpSettings, now: Now) -> Result<Self, String> {
        let tls = Tls::new(&settings.security)?;
        Ok(Self { settings, now, tls, by_older_tls: AtomicBool::new(false) })
    }

    async fn session(&self, until: Instant) -> Result<Session, Fault> {
        let tls = self.tls.as_ref().map(|tls| tls.config(self.by_older_tls.load(Relaxed)));
        Session::start(&self.settings, self.now.clone(), tls, until).await
    }

    /// Whether the server may have refused a data connection for want of a resumed session: it is asked once
    /// more with an older TLS then, and so from now on.
    fn turns_to_older_tls(&self, fault: &Fault) -> bool {
        self.tls.is_some() && fault.wants_session() && !self.by_older_tls.swap(true, Relaxed)
    }

    async fn look_once(&self, until: Instant) -> Result<Identity, Fault> {
        let mut session = self.session(until).await?;
        let identity = session.look(&self.settings.names, until).await?;
        session.quit().await;
        Ok(identity)
    }

    async fn open_once(&self, ask: Ask<'_>, until: Instant) -> Result<Answer, Fault> {
        let mut session = self.session(until).await?;
        let parts = Parts::of(ask);
        let (path, identity) = session.find(&self.settings.names, parts.name(), until).await?;
        if parts.is_unchanged(&identity) {
            return Ok(Answer::Unchanged);
        }
        let (start, end) = parts.place(&identity);
        if start == end.or(identity.length).unwrap_or(u64::MAX) {
            let body = Box::new(Nothing);
            return Ok(Answer::Opened(Opened {
                identity,
                start,
                is_delimited: true,
                charset: None,
                body,
            }));
        }
        let (start, transfer) = session.retrieve(&path, start, until).await?;
        // A body from the file's beginning is the whole of it.
        let end = end.filter(|_| start > 0);
        let mut body = FtpBody::new(session, transfer, path, identity.clone(), (start, end));
        body.begin(until).await?;
        let body: Box<dyn Body> = Box::new(body);
        Ok(Answer::Opened(Opened { identity, start, is_delimited: true, charset: None, body }))
    }
}

impl RemoteFile for FtpFile {
    fn open<'a>(
        &'a self,
        ask: Ask<'a>,
        until: Instant,
    ) -> BoxFuture<'a, Result<Answer, TransferError>> {
        Box::pin(async move {
            let opened = match self.open_once(ask, until).await {
                Err(fault) if self.turns_to_older_tls(&fault) => self.open_once(ask, until).await,
                opened => opened,
            };
            opened.map_err(|fault| fault.error)
        })
    }

    fn look(&self, until: Instant) -> BoxFuture<'_, Result<Identity, TransferError>> {
        Box::pin(async move {
            let looked = match self.look_once(until).await {
                Err(fault) if self.turns_to_older_tls(&fault) => self.look_once(until).await,
                looked => looked,
            };
            looked.map_err(|fault| fault.error)
        })
    }
}

impl fmt::Debug for FtpFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FtpFile").field("settings", &self.settings).finish_non_exhaustive()
    }
}
