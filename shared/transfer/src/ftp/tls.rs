//! Encryption of sessions, and who is trusted.

use std::{fmt, sync::Arc};

use ring::digest::{SHA256, digest};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, ring::default_provider, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};
use rustls_platform_verifier::Verifier;

/// Whether a session is encrypted.
#[derive(Clone)]
pub enum Security {
    /// It is not: the password can be read on the way. For networks of one's own.
    Plain,
    /// By `AUTH TLS`, before the login.
    Explicit(Trust),
    /// From the first byte on.
    Implicit(Trust),
}

/// Whose certificate is taken for the server's.
#[derive(Clone)]
pub enum Trust {
    /// One that the system trusts, for the server's name.
    System,
    /// One of these or of their authorities, for the server's name. In PEM.
    Certificates(Vec<u8>),
    /// The one with this SHA-256 of its DER, whatever its name and its dates.
    Fingerprint([u8; 32]),
}

/// What one server's sessions share: without it no data connection resumes the session of the commands.
#[derive(Debug)]
pub(super) struct Tls {
    any: Arc<ClientConfig>,
    /// TLS 1.2 alone, of which a session may be resumed often: a ticket of TLS 1.3 is good for once, and comes
    /// late.
    older: Arc<ClientConfig>,
    is_implicit: bool,
}

/// How a session is encrypted.
pub(super) struct TlsConfig {
    pub(super) config: Arc<ClientConfig>,
    pub(super) is_implicit: bool,
}

impl Tls {
    /// `None` where nothing is encrypted.
    pub(super) fn new(security: &Security) -> Result<Option<Self>, String> {
        let (trust, is_implicit) = match security {
            Security::Plain => return Ok(None),
            Security::Explicit(trust) => (trust, false),
            Security::Implicit(trust) => (trust, true),
        };
        let provider = Arc::new(default_provider());
        let verifier = verifier(trust, &provider)?;
        let config = |versions: &[&'static SupportedProtocolVersion]| {
            let builder = ClientConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(versions)
                .map_err(|error| error.to_string())?;
            let verified = builder.dangerous().with_custom_certificate_verifier(verifier.clone());
            Ok::<_, String>(Arc::new(verified.with_no_client_auth()))
        };
        Ok(Some(Self { any: config(&[&TLS13, &TLS12])?, older: config(&[&TLS12])?, is_implicit }))
    }

    pub(super) fn config(&self, older: bool) -> TlsConfig {
        let config = if older { &self.older } else { &self.any };
        TlsConfig { config: config.clone(), is_implicit: self.is_implicit }
    }
}

fn verifier(
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    match trust {
        Trust::System => Verifier::new(provider.clone())
            .map(|verifier| Arc::new(verifier) as _)
            .map_err(|error| format!("the system's certificates cannot be read: {error}")),
        Trust::Certificates(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate =
                    certificate.map_err(|_| "the certificates are no PEM".to_owned())?;
                roots
                    .add(certificate)
                    .map_err(|error| format!("a certificate cannot be used: {error}"))?;
            }
            WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
                .build()
                .map(|verifier| verifier as _)
                .map_err(|_| "there is no certificate among those given".to_owned())
        }
        Trust::Fingerprint(fingerprint) => {
            Ok(Arc::new(Pinned { fingerprint: *fingerprint, provider: provider.clone() }))
        }
    }
}

/// Takes one certificate alone. Its key must sign the handshake all the same.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = digest(&SHA256, certificate);
        if found.as_ref() == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        let digits = found.as_ref().iter().map(|byte| format!("{byte:02x}"));
        let found = digits.collect::<String>();
        Err(rustls::Error::General(format!("the server's certificate is another one, {found}")))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Explicit(_) => "Explicit",
            Self::Implicit(_) => "Implicit",
        })
    }
}
