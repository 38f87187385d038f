//! `jwt_bearer`: a JWT that we sign is exchanged for a token (RFC 7523).
//!
//! Signed with ring, which TLS brings along: the crate `jsonwebtoken` has given ring up for a second
//! cryptography library, and would verify what is only to be written here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::header::HeaderMap;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::json;
use tidegate_core::model::EpochMs;
use tidegate_flow::spec::{JwtAlgorithm, JwtBearerSpec};
use url::{Url, form_urlencoded};

use super::oauth2::{address, post};
use crate::{
    error::ConnectError,
    http::{Redactor, request::Request},
    resolver::Resolver,
};

/// Grant type: RFC 7523, section 2.1.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(super) struct JwtGrant {
    token_url: Url,
    issuer: String,
    subject: Option<String>,
    audience: String,
    scope: Option<String>,
    key_id: Option<String>,
    lifetime_ms: u64,
    key: Key,
    pem: String,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl JwtGrant {
    pub(super) fn new(
        spec: &JwtBearerSpec,
        place: &str,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let text = |template: &_, key| resolver.text(template, &format!("{place}.{key}"));
        let optional = |template: &Option<_>, key| {
            template.as_ref().map(|template| text(template, key)).transpose()
        };
        let pem = text(&spec.private_key, "private_key")?;
        let key = Key::new(&pem, spec.algorithm)
            .map_err(|fault| ConnectError::new(&format!("{place}.private_key"), fault))?;
        Ok(Self {
            token_url: address(&spec.token_url, &format!("{place}.token_url"), resolver)?,
            issuer: text(&spec.issuer, "issuer")?,
            subject: optional(&spec.subject, "subject")?,
            audience: text(&spec.audience, "audience")?,
            scope: optional(&spec.scope, "scope")?,
            key_id: optional(&spec.key_id, "key_id")?,
            lifetime_ms: spec.lifetime_ms,
            key,
            pem,
        })
    }

    /// Signs anew for every request; `id` is unlike any before, for servers that take one once.
    pub(super) fn request(&self, now_ms: EpochMs, id: &str, redactor: &Redactor) -> Request {
        let assertion = self.signed(now_ms, id);
        redactor.learn(&assertion);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", GRANT).append_pair("assertion", &assertion);
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        post(self.token_url.clone(), HeaderMap::new(), form.finish())
    }

    fn signed(&self, now_ms: EpochMs, id: &str) -> String {
        let mut header = json!({ "typ": "JWT", "alg": self.key.algorithm() });
        if let Some(key_id) = &self.key_id {
            header["kid"] = json!(key_id);
        }
        let now_s = now_ms.div_euclid(1_000);
        let lifetime_s = i64::try_from(self.lifetime_ms / 1_000).unwrap_or(0);
        let mut claims = json!({
            "iss": self.issuer, "aud": self.audience,
            "iat": now_s, "exp": now_s + lifetime_s, "jti": id,
        });
        if let Some(subject) = &self.subject {
            claims["sub"] = json!(subject);
        }
        if let Some(scope) = &self.scope {
            claims["scope"] = json!(scope);
        }
        let encode = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let text = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(super) fn identity(&self) -> Vec<&str> {
        let optional = [&self.subject, &self.scope, &self.key_id];
        let optional = optional.map(|text| text.as_deref().unwrap_or_default());
        let mut texts = vec![self.token_url.as_str(), &self.issuer, &self.audience, &self.pem];
        texts.extend(optional);
        texts
    }
}

impl Key {
    /// Reads a key; the fault never shows any of it.
    fn new(pem: &str, algorithm: JwtAlgorithm) -> Result<Self, String> {
        // As it stands in a service account's JSON, or in an environment variable.
        let pem = pem.replace("\\n", "\n");
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "it is no private key in PEM: it begins with `-----BEGIN`".to_owned())?;
        let pkcs8 = "write it as PKCS #8: `openssl pkcs8 -topk8 -nocrypt -in KEY.pem`";
        match (algorithm, &der) {
            (JwtAlgorithm::Rs256, PrivateKeyDer::Pkcs8(key)) => {
                RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map(|key| Self::Rsa(key.into()))
            }
            (JwtAlgorithm::Rs256, PrivateKeyDer::Pkcs1(key)) => {
                RsaKeyPair::from_der(key.secret_pkcs1_der()).map(|key| Self::Rsa(key.into()))
            }
            (JwtAlgorithm::Es256, PrivateKeyDer::Pkcs8(key)) => EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                key.secret_pkcs8_der(),
                &SystemRandom::new(),
            )
            .map(|key| Self::Ecdsa(key.into())),
            _ => {
                return Err(format!(
                    "a key of this form does not sign as `algorithm` says; {pkcs8}"
                ));
            }
        }
        .map_err(|fault| format!("it is no key for `algorithm`: {fault}; {pkcs8}"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_) => "ES256",
        }
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)
                    .expect("the buffer has the modulus' length");
                signature
            }
            Self::Ecdsa(key) => {
                let signature = key.sign(&random, text);
                signature.expect("the operating system has randomness").as_ref().to_vec()
            }
        }
    }
}
