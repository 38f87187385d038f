//! Addresses: absolute, http or https, and without credentials.

use url::Url;

/// Why a text is no address that a flow may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not absolute, or not a URL at all.
    #[error("it is no absolute address")]
    NotAbsolute,
    /// A scheme other than http and https.
    #[error("only http and https are spoken")]
    Scheme,
    /// No host.
    #[error("it has no host")]
    Host,
    /// `user:password@` in front of the host: it would stand in logs.
    #[error("it holds credentials")]
    Credentials,
}

impl AddressError {
    /// What to do about it, in one line.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Credentials => "use `auth.basic` with a `${secrets.…}` reference instead",
            _ => "write an address like `https://api.example.com/orders`",
        }
    }
}

/// Reads an address. For the whole of a URL once its references are filled in.
///
/// # Errors
///
/// Says why a request to it must not be made.
pub fn address(text: &str) -> Result<Url, AddressError> {
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => AddressError::Host,
        _ => AddressError::NotAbsolute,
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme);
    }
    // The URL standard reads `https:///path` as the host `path`; who writes so left the host out.
    let after = text.split_once(':').map_or("", |(_, after)| after.trim_start());
    if !after.starts_with("//") || after[2..].starts_with(['/', '\\']) {
        return Err(AddressError::Host);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Credentials);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_called_is_an_address() {
        assert!(address("https://api.example.com:8443/a?b=c").is_ok());
        for (text, error) in [
            ("/orders", AddressError::NotAbsolute),
            ("api.example.com/orders", AddressError::NotAbsolute),
            ("ftp://example.com", AddressError::Scheme),
            ("htps://example.com", AddressError::Scheme),
            ("https://", AddressError::Host),
            ("https:///orders", AddressError::Host),
            ("https:orders", AddressError::Host),
            ("https://user:pass@example.com", AddressError::Credentials),
        ] {
            assert_eq!(address(text), Err(error), "{text}");
        }
    }
}
