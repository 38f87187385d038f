//! `basic`: a user's name and password (RFC 7617).

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{authenticator::Authenticator, credentials::Credentials};
use crate::{
    Options,
    error::ConnectError,
    file::{Fault, Findings, Site},
    resolver::Resolver,
    value::{SecretText, Text, TextValue, text_value},
};

/// `Authorization: Basic …`. Some APIs take a key for the user's name and nothing for the password, or the
/// other way round.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basic {
    /// The user's name; may be `""`.
    username: Text,
    /// The password, a `${secrets.…}` reference; `""` for none.
    password: Password,
}

/// A password that is a secret, or none.
#[derive(Debug, Clone)]
enum Password {
    None,
    Secret(SecretText),
}

impl TextValue for Password {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        if text.is_empty() {
            return Ok(Self::None);
        }
        SecretText::read(text, site).map(Self::Secret)
    }

    fn stand_in(_: Site) -> Self {
        Self::None
    }
}

text_value!(Password);

impl Credentials for Basic {
    fn check(&self, findings: &mut Findings) {
        if let (Password::None, Some("")) = (&self.password, self.username.template.as_literal()) {
            let message = "`auth.basic` has neither a user's name nor a password";
            let remedy = "write one of them as a `${secrets.NAME}` reference, or remove `auth`";
            findings.add(Fault::new(self.username.site.place, message, remedy));
        }
    }

    fn connect(
        &self,
        place: &str,
        resolver: &Resolver<'_>,
        _: &Options,
    ) -> Result<Authenticator, ConnectError> {
        let username = self.username.fill(resolver)?;
        let password = match &self.password {
            Password::None => String::new(),
            Password::Secret(password) => password.fill(resolver)?,
        };
        let encoded = STANDARD.encode(format!("{username}:{password}"));
        resolver.redactor().add(&encoded);
        Authenticator::header(AUTHORIZATION, &format!("Basic {encoded}"), place)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{read, section};

    #[test]
    fn a_name_or_a_password_may_be_empty_and_not_both() {
        for (username, password, faults) in
            [("${secrets.key}", "", 0), ("", "${secrets.key}", 0), ("me", "", 0), ("", "", 1)]
        {
            let basic: Basic = section(json!({ "username": username, "password": password }));
            let mut findings = Findings::default();
            basic.check(&mut findings);
            assert_eq!(findings.faults.len(), faults, "{username}:{password}");
        }
        let (_, findings) = read::<Basic>(json!({ "username": "me", "password": "hunter2" }));
        assert_eq!(findings.faults.len(), 1, "files hold no secrets");
    }
}
