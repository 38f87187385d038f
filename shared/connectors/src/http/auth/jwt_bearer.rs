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
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tidegate_core::model::EpochMs;
use url::form_urlencoded;

use super::{
    exchanged::Exchanged,
    grant::{Asking, Grant},
    oauth2::{TokenAnswer, post},
    token_client::{TokenResponse, Unread},
    token_fields::TokenFields,
};
use crate::{
    error::ConnectError,
    file::Findings,
    http::{answer::Answer, request::Request},
    resolver::Resolver,
    value::{Millis, Path, SecretText, Url, Words},
};

/// Grant type: RFC 7523, section 2.1.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A token for a signed JWT (OAuth 2), as Google's service accounts do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JwtBearer {
    /// The address that gives tokens.
    #[schemars(example = "https://oauth2.googleapis.com/token")]
    token_url: Url,
    /// Who signs: the claim `iss`.
    issuer: Words,
    /// In whose name: the claim `sub`.
    subject: Option<Words>,
    /// For whom it is signed: the claim `aud`, often the token's address.
    audience: Words,
    /// What the token is for, as the API names it.
    scope: Option<Words>,
    /// The private key in PEM, a `${secrets.…}` reference.
    private_key: SecretText,
    /// The key's name, where the API asks for it: `kid`.
    key_id: Option<Words>,
    /// How to sign: `RS256` (default) or `ES256`.
    algorithm: Option<JwtAlgorithm>,
    /// How long a signed JWT may be used. Default `5m`.
    lifetime: Option<Lifetime>,
    /// Further fields of the request, like `client_id` or `resource`. A list of values gives a field as
    /// often.
    #[serde(default)]
    fields: TokenFields,
    /// Path to the token in the answer. Default `access_token`.
    token: Option<Path>,
    /// Path to the seconds that it lives, or to the moment at which it ends. Default: `expires_in` beside
    /// the token. Where nothing stands there, a token is used until the API refuses it.
    expires_in: Option<Path>,
}

/// A JWT's life: Google's and Salesforce's bounds are within it.
type Lifetime = Millis<10_000, 3_600_000>;

const LIFETIME_DEFAULT_MS: u64 = 300_000;

/// `algorithm` of a JWT's signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum JwtAlgorithm {
    /// RSA with SHA-256 (default).
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

/// What a JWT says, and the key that signs it.
pub(super) struct JwtGrant {
    token_url: url::Url,
    issuer: String,
    subject: Option<String>,
    audience: String,
    /// As a claim and in the request, for APIs read it from either.
    scope: Option<String>,
    key_id: Option<String>,
    lifetime_ms: u64,
    key: Key,
    pem: String,
    fields: Vec<(String, String)>,
    answer: TokenAnswer,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl Exchanged for JwtBearer {
    type Grant = JwtGrant;

    fn note_clashes(&self, findings: &mut Findings) {
        self.fields.check(&["grant_type", "assertion", "scope"], findings);
    }

    fn grant(&self, resolver: &Resolver<'_>) -> Result<JwtGrant, ConnectError> {
        let fill = |text: &Option<Words>| text.as_ref().map(|text| text.fill(resolver)).transpose();
        let pem = self.private_key.fill(resolver)?;
        let key = Key::new(&pem, self.algorithm.unwrap_or_default())
            .map_err(|fault| ConnectError::new(self.private_key.key(), fault))?;
        Ok(JwtGrant {
            token_url: self.token_url.fill(resolver)?,
            issuer: self.issuer.fill(resolver)?,
            subject: fill(&self.subject)?,
            audience: self.audience.fill(resolver)?,
            scope: fill(&self.scope)?,
            key_id: fill(&self.key_id)?,
            lifetime_ms: self.lifetime_ms(),
            key,
            pem,
            fields: self.fields.fill(resolver)?,
            answer: TokenAnswer::new(self.token.as_ref(), self.expires_in.as_ref()),
        })
    }
}

impl JwtBearer {
    fn lifetime_ms(&self) -> u64 {
        self.lifetime.map_or(LIFETIME_DEFAULT_MS, |lifetime| lifetime.0)
    }
}

impl Grant for JwtGrant {
    /// Signs anew for every request.
    fn ask(&self, asking: &Asking<'_>) -> Request {
        let assertion = self.signed(asking.now_ms, asking.id);
        asking.redactor.learn(&assertion);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", GRANT).append_pair("assertion", &assertion);
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.extend_pairs(&self.fields);
        post(self.token_url.clone(), HeaderMap::new(), form.finish())
    }

    fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        self.answer.read(answer)
    }

    fn identity(&self) -> Vec<&str> {
        let mut texts =
            vec!["jwt", self.token_url.as_str(), &self.issuer, &self.audience, &self.pem];
        let optional = [&self.subject, &self.scope, &self.key_id];
        texts.extend(optional.map(|text| text.as_deref().unwrap_or_default()));
        texts.extend(self.fields.iter().flat_map(|(name, value)| [name.as_str(), value]));
        texts.extend(self.answer.paths());
        texts
    }
}

impl JwtGrant {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    #[test]
    fn what_is_left_out_is_rs256_for_five_minutes() {
        let jwt: JwtBearer = section(json!({
            "token_url": "https://a.test/token", "issuer": "me", "audience": "a",
            "private_key": "${secrets.key}",
        }));
        assert_eq!(jwt.algorithm.unwrap_or_default(), JwtAlgorithm::Rs256);
        assert_eq!(jwt.lifetime_ms(), 300_000);
        assert!(jwt.subject.is_none() && jwt.scope.is_none() && jwt.key_id.is_none());
        let jwt: JwtBearer = section(json!({
            "token_url": "https://a.test/token", "issuer": "me", "subject": "you",
            "audience": "https://a.test", "scope": "s", "private_key": "${secrets.key}",
            "key_id": "k", "algorithm": "ES256", "lifetime": "60s",
        }));
        assert_eq!((jwt.algorithm, jwt.lifetime_ms()), (Some(JwtAlgorithm::Es256), 60_000));
        assert!(jwt.subject.is_some() && jwt.scope.is_some() && jwt.key_id.is_some());
    }
}
