//! A file, and what is answered of it.

use std::{fmt, sync::Arc};

use russh::keys::{PrivateKey, decode_secret_key};
use tokio::time::Instant;

use super::{
    body::SftpBody,
    connection::Connection,
    settings::{Proof, SftpSettings, Told},
};
use crate::{
    Answer, Ask, Body, BoxFuture, Identity, Now, Opened, RemoteFile, TransferError,
    file::{Nothing, Parts},
};

/// A file on an SFTP server.
pub struct SftpFile {
    settings: SftpSettings,
    now: Now,
    key: Option<Arc<PrivateKey>>,
    told: Told,
}

impl SftpFile {
    /// A file by these settings. Makes no connection.
    ///
    /// # Errors
    /// In one line: what cannot be used of them.
    pub fn new(settings: SftpSettings, now: Now) -> Result<Self, String> {
        if settings.host_keys.is_empty() {
            return Err("no host key is named: give the server's fingerprint, `SHA256:…`".into());
        }
        if let Some(odd) = settings.host_keys.iter().find(|key| !key.starts_with("SHA256:")) {
            return Err(format!("`{odd}` is no fingerprint of a host key: write `SHA256:…`"));
        }
        let (key, password) = match &settings.proof {
            Proof::Password(password) => (None, Some(password.as_str().into())),
            Proof::Key { text, passphrase } => {
                let key = decode_secret_key(text, passphrase.as_deref());
                // What is wrong with it would tell of what it is.
                let key = key.map_err(|_| {
                    "the private key cannot be read: see its format and its passphrase".to_owned()
                })?;
                (Some(Arc::new(key)), None)
            }
        };
        let SftpSettings { host, port, names, .. } = &settings;
        let separator = if names.to_string().starts_with('/') { "" } else { "/" };
        let what = format!("sftp://{host}:{port}{separator}{names}").into();
        Ok(Self { settings, now, key, told: Told { what, password } })
    }

    async fn connect(&self, until: Instant) -> Result<Connection, TransferError> {
        let key = self.key.as_ref();
        Connection::start(&self.settings, key, (self.told.clone(), self.now.clone()), until).await
    }

    async fn answer(&self, ask: Ask<'_>, until: Instant) -> Result<Answer, TransferError> {
        let parts = Parts::of(ask);
        let connection = self.connect(until).await?;
        let (path, identity) = connection.find(&self.settings.names, parts.name(), until).await?;
        if parts.is_unchanged(&identity) {
            return Ok(Answer::Unchanged);
        }
        let (start, end) = parts.place(&identity);
        let body: Box<dyn Body> = match start == identity.length.unwrap_or(u64::MAX) {
            true => Box::new(Nothing),
            false => {
                let place = (start, end);
                Box::new(SftpBody::open(connection, path, identity.clone(), place, until).await?)
            }
        };
        Ok(Answer::Opened(Opened { identity, start, is_delimited: true, charset: None, body }))
    }
}

impl RemoteFile for SftpFile {
    fn open<'a>(
        &'a self,
        ask: Ask<'a>,
        until: Instant,
    ) -> BoxFuture<'a, Result<Answer, TransferError>> {
        Box::pin(self.answer(ask, until))
    }

    fn look(&self, until: Instant) -> BoxFuture<'_, Result<Identity, TransferError>> {
        Box::pin(async move {
            let connection = self.connect(until).await?;
            Ok(connection.find(&self.settings.names, None, until).await?.1)
        })
    }
}

impl fmt::Debug for SftpFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpFile").field("settings", &self.settings).finish_non_exhaustive()
    }
}
