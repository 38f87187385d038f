//! One request that is no connector's: what the functions tell a service of their own.

use super::{HttpClient, Redactor, describe};

impl HttpClient {
    /// Posts a body, and answers with the status. Neither the address nor the headers are in an error.
    ///
    /// # Errors
    /// In one line, if no answer came.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<u16, String> {
        let request = headers
            .iter()
            .fold(self.inner().post(url), |request, (name, value)| request.header(*name, *value));
        let answer = request.body(body).send().await;
        answer
            .map(|answer| answer.status().as_u16())
            .map_err(|error| describe(error, &Redactor::default()))
    }
}
