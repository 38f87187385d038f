//! As much of HTTP/1.1 as it takes to close a connection wherever a case wants it closed.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A parameter of its query.
    pub fn param(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// What goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Answer(Answer),
    /// Nothing: the connection is closed.
    Closed,
    /// The beginning of a success, then the connection is closed.
    Half,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: String,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, retry_after: None, body: body.into() }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// What answers requests.
pub trait Answers: Send + Sync + 'static {
    /// Whether a connection is closed before anything of it is read.
    fn slams_the_door(&self) -> bool;

    fn answer(&self, request: &Request) -> Reply;
}

/// A listening server; it ends with this.
pub struct Listening {
    pub url: String,
    serving: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves on a port of its own.
pub async fn serve(answers: Arc<impl Answers>) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            if answers.slams_the_door() {
                continue;
            }
            connections.spawn(async move { _ = converse(socket, &*answers).await });
        }
    });
    Listening { url, serving }
}

async fn converse(mut socket: TcpStream, answers: &impl Answers) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut read = Vec::new();
    while let Some(request) = next_request(&mut socket, &mut read).await? {
        match answers.answer(&request) {
            Reply::Closed => return Ok(()),
            Reply::Half => {
                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"resu").await?;
                return Ok(());
            }
            Reply::Answer(answer) => socket.write_all(written(&answer).as_bytes()).await?,
        }
    }
    Ok(())
}

fn written(Answer { status, retry_after, body }: &Answer) -> String {
    let after =
        retry_after.as_ref().map(|after| format!("retry-after: {after}\r\n")).unwrap_or_default();
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\n{after}content-length: {length}\r\n\r\n{body}"
    )
}

async fn next_request(
    socket: &mut TcpStream,
    read: &mut Vec<u8>,
) -> std::io::Result<Option<Request>> {
    loop {
        if let Some((request, bytes)) = parsed(read) {
            read.drain(..bytes);
            return Ok(Some(request));
        }
        if socket.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

/// The request that stands there as a whole, and how many bytes it has.
fn parsed(read: &[u8]) -> Option<(Request, usize)> {
    let head = read.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&read[..head]).expect("a head is plain ASCII");
    let mut lines = text.split("\r\n");
    let mut line = lines.next()?.split(' ');
    let (method, target) = (line.next()?.to_owned(), line.next()?.to_owned());
    let header = |line: &str| {
        let (name, value) = line.split_once(':').expect("a header");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let headers: HashMap<String, String> = lines.map(header).collect();
    let length: usize = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let body = read.get(head + 4..head + 4 + length)?.to_vec();
    Some((Request { method, target, headers, body }, head + 4 + length))
}
