//! Assertions (`jwt_bearer`): signed with the connection's own key for every token.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RsaKeyPair,
};

use super::*;
use crate::issuer::Verifier;

#[tokio::test]
async fn an_assertion_is_signed_anew_for_every_token() {
    let rsa = include_str!("../test_key.pem").to_owned();
    let body: String = rsa.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    let rsa_verifier: Verifier = (&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());

    let random = ring::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
        .unwrap();
    // As it is pasted from a service account's JSON.
    let ecdsa = format!(
        "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n",
        STANDARD.encode(pkcs8.as_ref())
    );
    let ecdsa_verifier: Verifier = (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref().to_vec());

    for (algorithm, key, verifier) in
        [("RS256", rsa, rsa_verifier), ("ES256", ecdsa, ecdsa_verifier)]
    {
        let issuer = Issuer::start(ManualClock::at(NOW_MS), HOUR_S, Some(verifier)).await;
        let section = auth(&format!(
            "{{ jwt_bearer: {{ token_url: '{}', issuer: robot, subject: anna, scope: orders, \
             audience: 'https://aud.example', private_key: '${{secrets.key}}', key_id: key-1, \
             algorithm: {algorithm} }} }}",
            issuer.url("/token")
        ));
        let mut connection = connection();
        connection.secrets.insert("key".into(), Secret::new(key));
        let shelf: Arc<MemoryStore> = Arc::default();
        let process = process_with(&issuer, section, shelf, &connection).await;
        assert_eq!(deliver(&process, 1).await, Outcome::Delivered, "{algorithm}");
        issuer.now().withdraw();
        assert_eq!(deliver(&process, 2).await, Outcome::Delivered, "{algorithm}");
        assert_eq!(issuer.now().issued, 2);
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_told_when_the_flow_is_connected() {
    let issuer = issuer(HOUR_S).await;
    let rsa = include_str!("../test_key.pem");
    for (algorithm, key) in [("RS256", "nonsense"), ("ES256", rsa)] {
        let section = auth(&format!(
            "{{ jwt_bearer: {{ token_url: '{}', issuer: a, audience: b, \
             private_key: '${{secrets.key}}', algorithm: {algorithm} }} }}",
            issuer.url("/token")
        ));
        let mut destination = destination_spec(&issuer.url("/orders"));
        crate::flow::set(&mut destination, "auth", section);
        let api = Api::start(Behaviour::new(Style::None, Sort::Id, Vec::new())).await;
        let mut connection = crate::flow::connection();
        connection.secrets.insert("key".into(), Secret::new(key));
        let flow = flow(source_spec(&api), destination);
        let error = connect(&flow, &connection, &crate::flow::options()).err().unwrap();
        assert_eq!(error.place, "destination.http.auth.jwt_bearer.private_key");
        assert!(!key.lines().any(|line| error.message.contains(line)), "{error}");
    }
}
