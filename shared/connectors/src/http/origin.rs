//! Where credentials may go: one scheme, host and port.

use std::fmt;

use url::Url;

/// Scheme, host and port. A next link or a redirect to any other is never followed: it would carry
/// our credentials there, or fetch from inside the network whatever a record's author likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// A URL's origin; `None` unless it is http(s), has a host and no user in it.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let plain = url.username().is_empty() && url.password().is_none();
        (plain && matches!(url.scheme(), "http" | "https")).then(|| {
            Some(Self {
                scheme: url.scheme().to_owned(),
                host: url.host_str()?.to_owned(),
                port: url.port_or_known_default(),
            })
        })?
    }

    /// Whether a URL is at this origin.
    pub(crate) fn has(&self, url: &Url) -> bool {
        url.username().is_empty()
            && url.password().is_none()
            && url.scheme() == self.scheme
            && url.host_str() == Some(&self.host)
            && url.port_or_known_default() == self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_host_and_port_as_they_are_is_the_same_origin() {
        let url = |text: &str| Url::parse(text).unwrap();
        let home = Origin::of(&url("https://api.example.com/v1")).unwrap();
        for (same, text) in [
            (true, "https://api.example.com/v2?x=1"),
            (true, "https://API.example.com:443/"),
            (false, "http://api.example.com/"),
            (false, "https://api.example.com:8443/"),
            (false, "https://api.example.com.evil.test/"),
            (false, "https://evil.test/https://api.example.com/"),
            (false, "https://api.example.com@evil.test/"),
            (false, "https://evil@api.example.com/"),
            (false, "ftp://api.example.com/"),
            (false, "file:///etc/passwd"),
        ] {
            assert_eq!(home.has(&url(text)), same, "{text}");
        }
    }
}
