//! A site with one file, over raw TCP, with the habits of real ones.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// What it has, and how it behaves.
#[derive(Clone)]
pub(super) struct Habits {
    pub(super) bytes: Vec<u8>,
    pub(super) etag: Option<&'static str>,
    pub(super) modified: Option<&'static str>,
    pub(super) content_type: &'static str,
    /// Knows no parts.
    pub(super) ignores_range: bool,
    /// Knows no tags in `If-Range`: gives the part whatever they say.
    pub(super) ignores_if_range: bool,
    /// Gives the whole to any `If-Range` with a tag, as some caches do.
    pub(super) refuses_if_range: bool,
    /// Never says that a file is unchanged.
    pub(super) ignores_conditions: bool,
    /// Begins parts so many bytes after what was asked for, or before.
    pub(super) shifts: i64,
    /// Says that the file is longer by so many bytes.
    pub(super) lengthens: u64,
    /// Leaves a part's validators and its length out.
    pub(super) is_terse: bool,
    /// Most bytes of a part.
    pub(super) part_max: usize,
    /// Says what a part is in its body.
    pub(super) is_multipart: bool,
    pub(super) frames: Frames,
    /// Ends every body after so many bytes, and the connection with it.
    pub(super) cut: usize,
    /// How many bytes it writes at a time, with a pause behind.
    pub(super) trickles: Option<(usize, Duration)>,
    /// Other answers: a status, headers and a body for paths, used up one by one.
    pub(super) instead: BTreeMap<&'static str, Vec<(u16, String, &'static str)>>,
    /// The token that it takes, where it takes one alone.
    pub(super) token: Option<&'static str>,
}

/// How a body says where it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    Length,
    Chunks,
    Nothing,
}

impl Habits {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            etag: Some("\"v1\""),
            modified: Some("Thu, 01 Jan 2026 12:00:00 GMT"),
            content_type: "application/xml; charset=windows-1251",
            ignores_range: false,
            ignores_if_range: false,
            refuses_if_range: false,
            ignores_conditions: false,
            shifts: 0,
            lengthens: 0,
            is_terse: false,
            part_max: usize::MAX,
            is_multipart: false,
            frames: Frames::Length,
            cut: usize::MAX,
            trickles: None,
            instead: BTreeMap::new(),
            token: None,
        }
    }
}

/// One request: its path, and its headers by their names in lower case.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A running site.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) address: SocketAddr,
    habits: Arc<Mutex<Habits>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Site {
    pub(super) async fn start(habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            habits: Arc::new(Mutex::new(habits)),
            asked: Arc::default(),
        };
        let accepting = site.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        site
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn now(&self) -> MutexGuard<'_, Habits> {
        self.habits.lock().unwrap()
    }

    /// The requests so far, which are forgotten.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Answers one request, and closes.
    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).ok()?;
        let mut lines = head.lines();
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        };
        let asked = Asked { path, headers: lines.filter_map(header).collect() };
        self.asked.lock().unwrap().push(asked.clone());
        let length = asked.header("content-length").parse().unwrap_or(0);
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        let (habits, instead) = {
            let mut now = self.now();
            let left = now.instead.get_mut(asked.path.as_str()).filter(|left| !left.is_empty());
            let instead = left.map(|left| left.remove(0));
            (now.clone(), instead)
        };
        if let Some((status, headers, body)) = instead {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}");
            let text = format!("{head}\r\nconnection: close\r\n\r\n{body}");
            return stream.write_all(text.as_bytes()).await.ok();
        }
        habits.answer(&asked, &mut stream).await
    }
}

impl Habits {
    async fn answer(&self, asked: &Asked, stream: &mut TcpStream) -> Option<()> {
        if self
            .token
            .is_some_and(|token| asked.header("authorization") != format!("Bearer {token}"))
        {
            return self.send(stream, 401, String::new(), b"").await;
        }
        let tag = asked.header("if-none-match");
        let since = asked.header("if-modified-since");
        let has_tag = !tag.is_empty() && self.etag.is_some_and(|etag| etag == tag);
        let is_since = tag.is_empty() && !since.is_empty() && self.modified == Some(since);
        if !self.ignores_conditions && (has_tag || is_since) {
            let head = format!("{}\r\n\r\n", self.head(304));
            return stream.write_all(head.as_bytes()).await.ok();
        }
        let length = self.bytes.len();
        let whole = (200, String::new(), 0..length);
        let (status, headers, part) = self.part(asked).unwrap_or(whole);
        self.send(stream, status, headers, &self.bytes[part]).await
    }

    /// The part that is asked for, with what is said of it.
    fn part(&self, asked: &Asked) -> Option<(u16, String, std::ops::Range<usize>)> {
        let range = asked.header("range").strip_prefix("bytes=")?;
        let tag = asked.header("if-range");
        let is_other = !tag.is_empty() && self.etag.is_none_or(|etag| etag != tag);
        let is_refused = !tag.is_empty() && self.refuses_if_range;
        if self.ignores_range || is_refused || is_other && !self.ignores_if_range {
            return None;
        }
        let length = self.bytes.len();
        let said = length as u64 + self.lengthens;
        let (first, last) = range.split_once('-')?;
        let first: usize = first.parse().ok()?;
        if first >= length {
            return Some((416, format!("content-range: bytes */{said}\r\n"), 0..0));
        }
        let end = last.parse().map_or(length, |last: usize| length.min(last + 1));
        let first = first.checked_add_signed(self.shifts.try_into().ok()?)?;
        let end = end.min(first.saturating_add(self.part_max));
        let last = end - 1;
        let headers = match self.is_multipart {
            true => "content-type: multipart/byteranges; boundary=x\r\n".to_owned(),
            false if self.is_terse => format!("content-range: bytes {first}-{last}/*\r\n"),
            false => format!("content-range: bytes {first}-{last}/{said}\r\n"),
        };
        Some((206, headers, first..end))
    }

    fn head(&self, status: u16) -> String {
        let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
        head.push_str("date: Sat, 28 Nov 2026 18:00:00 GMT");
        if status == 206 && self.is_terse {
            return head;
        }
        for (name, value) in [("etag", self.etag), ("last-modified", self.modified)] {
            if let Some(value) = value {
                head.push_str(&format!("\r\n{name}: {value}"));
            }
        }
        head
    }

    async fn send(
        &self,
        stream: &mut TcpStream,
        status: u16,
        headers: String,
        body: &[u8],
    ) -> Option<()> {
        let framing = match self.frames {
            Frames::Length => format!("content-length: {}\r\n", body.len()),
            Frames::Chunks => "transfer-encoding: chunked\r\n".into(),
            Frames::Nothing => String::new(),
        };
        let content_type = self.content_type;
        let head = format!(
            "{}\r\n{headers}content-type: {content_type}\r\n{framing}\r\n",
            self.head(status)
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        let sent = &body[..body.len().min(self.cut)];
        let (piece, pause) = self.trickles.unwrap_or((64 * 1024, Duration::ZERO));
        for piece in sent.chunks(piece) {
            if self.frames == Frames::Chunks {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.ok()?;
            }
            stream.write_all(piece).await.ok()?;
            if self.frames == Frames::Chunks {
                stream.write_all(b"\r\n").await.ok()?;
            }
            if !pause.is_zero() {
                stream.flush().await.ok()?;
                sleep(pause).await;
            }
        }
        if self.frames == Frames::Chunks && sent.len() == body.len() {
            stream.write_all(b"0\r\n\r\n").await.ok()?;
        }
        stream.shutdown().await.ok()
    }
}
