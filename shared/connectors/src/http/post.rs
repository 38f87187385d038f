//! One request that is no connector's: what the functions tell a service of their own.

use std::time::Duration;

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::Instant;

use super::{
    HttpClient, Redactor, answer::Reads, proof::Unproved, request::Request, transmit::Transmitter,
};
use crate::wall_clock;

/// The longest that it may take.
const TIMEOUT: Duration = Duration::from_secs(30);

impl HttpClient {
    /// Posts a body, and answers with the status. Over after 30 s. Neither the address nor the headers
    /// are in an error.
    ///
    /// # Errors
    /// In one line, if no answer came.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<u16, String> {
        let mut own = HeaderMap::new();
        for (name, value) in headers {
            let fault = || format!("`{name}` is no header with its value");
            let name: HeaderName = name.parse().map_err(|_| fault())?;
            own.insert(name, HeaderValue::from_str(value).map_err(|_| fault())?);
        }
        let url = url.parse().map_err(|_| "it is sent to what is no URL".to_owned())?;
        let transmitter = Transmitter {
            http: self.clone(),
            headers: own,
            reads: Reads::Nothing,
            body_bytes_max: 0,
            redactor: Redactor::default(),
            now: wall_clock(),
            witness: None,
        };
        let request = Request::new(Method::POST, url, body);
        let until = Instant::now() + TIMEOUT;
        let answer = transmitter.send(&request, &Unproved, until, TIMEOUT).await;
        answer.map(|answer| answer.status.as_u16()).map_err(|error| error.reason)
    }
}
