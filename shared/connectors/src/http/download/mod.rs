//! A file behind an address, got by the one exchange: with its credentials, its budget and its redactor.
//!
//! What comes is passed on as it is, never unpacked: places in a file are counted in the bytes that are
//! transferred. A part of a file is taken for what was asked only where its `Content-Range` and its validators
//! say so (RFC 9110, sections 13 and 14); all else is the whole file from its beginning.

mod body;

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{
        ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap,
        HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
        TRANSFER_ENCODING,
    },
};
use tidegate_core::ports::SourceError;
use tidegate_transfer::{Ask, BoxFuture, Identity, Opened, RemoteFile, TransferError};
use tokio::time::Instant;
use url::Url;

use super::{
    Exchange, ExchangeError, Judged, Meaning, Reads, Request, Rules, answer::Answer,
    content_range::ContentRange, decode::charset,
};
use body::HttpBody;

/// What an answer says is shown up to so many characters.
const SAID_CHARS_MAX: usize = 300;
/// The longest that a server may have us wait, in ms.
const WAIT_MS_MAX: u64 = 86_400_000;

/// A file behind an address.
pub(crate) struct HttpFile {
    exchange: Exchange,
    rules: Rules,
    url: Url,
    /// The longest silence in the middle of a file.
    silence_max: Duration,
}

/// The bytes of a file that are asked for, the last one included.
#[derive(Clone, Copy)]
struct Part {
    first: u64,
    /// `None` for the rest.
    last: Option<u64>,
}

impl HttpFile {
    /// A file that is asked for by this exchange. `rules` say what failures mean; a success is a file. The
    /// exchange's time-out is for an answer to begin, and `silence_max` for each piece of the file behind
    /// that. A request is over for its budget when its answer begins.
    pub(crate) fn new(
        mut exchange: Exchange,
        rules: Rules,
        url: Url,
        silence_max: Duration,
    ) -> Self {
        exchange.transmitter.reads = Reads::Failures;
        Self { exchange, rules, url, silence_max }
    }

    /// The whole file, unless it is what was read last.
    async fn whole(
        &self,
        unless: Option<&Identity>,
        until: Instant,
    ) -> Result<tidegate_transfer::Answer, TransferError> {
        let condition = unless.and_then(condition);
        let answer = self.get(condition.clone(), until).await?;
        let answer = match (unless, answer.status) {
            (Some(unless), StatusCode::NOT_MODIFIED) if condition.is_some() => {
                let now = tag(&answer);
                if now.is_none() || unless.etag.is_none() || now == unless.etag {
                    return Ok(tidegate_transfer::Answer::Unchanged);
                }
                // It says of another version that it is unchanged.
                self.get(None, until).await?
            }
            _ => answer,
        };
        let identity = identity(&answer);
        if answer.status == StatusCode::OK
            && unless.is_some_and(|last| last.is_unchanged(&identity))
        {
            return Ok(tidegate_transfer::Answer::Unchanged);
        }
        self.opened_whole(answer).map(tidegate_transfer::Answer::Opened)
    }

    /// A part of a version, or the whole file where that part is not to be had.
    async fn part(
        &self,
        of: &Identity,
        part: Part,
        until: Instant,
    ) -> Result<Opened, TransferError> {
        let tag = of.etag.as_deref();
        let mut answer = self.get(range(part, tag), until).await?;
        let is_whole = answer.status == StatusCode::OK;
        if is_whole && tag.is_some() && self::tag(&answer).as_deref() == tag {
            // It is the version, and yet no part of it: some caches know no tags here. The answer's own tag
            // tells as much.
            answer = self.get(range(part, None), until).await?;
        }
        match answer.status {
            StatusCode::PARTIAL_CONTENT => match self.opened_part(answer, of, part) {
                Some(opened) => Ok(opened),
                None => self.opened_whole(self.get(None, until).await?),
            },
            // It got shorter.
            StatusCode::RANGE_NOT_SATISFIABLE => self.opened_whole(self.get(None, until).await?),
            _ => self.opened_whole(answer),
        }
    }

    /// Asks, and takes a file, a part of it and their absence for answers.
    async fn get(
        &self,
        condition: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        until: Instant,
    ) -> Result<Answer, TransferError> {
        let mut request = Request::get(self.url.clone());
        request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request.headers.extend(condition);
        let refuses_token = |answer: &Answer| {
            !answer.status.is_success() && self.judge(answer).meaning == Meaning::Token
        };
        let answered = self.exchange.follow(request, until, refuses_token, &mut 0).await;
        let answer = answered.map_err(|error| self.unanswered(error))?;
        match answer.status.as_u16() {
            200 | 206 | 304 | 416 => Ok(answer),
            _ => Err(self.failure(&answer).await),
        }
    }

    fn opened_whole(&self, answer: Answer) -> Result<Opened, TransferError> {
        let identity = identity(&answer);
        let what = self.shown();
        let (StatusCode::OK, Some(response)) = (answer.status, answer.rest) else {
            let status = answer.status;
            let reason = format!("{what} answered {status} to a request for the whole file");
            return Err(TransferError::later(reason));
        };
        let is_delimited = identity.length.is_some() || has_chunks(&answer.headers);
        let body = HttpBody::new(response, what, (0, 0), identity.length, self.silence_max);
        let charset = charset_of(&answer.headers);
        Ok(Opened { identity, start: 0, is_delimited, charset, body: Box::new(body) })
    }

    /// The part that was asked for, if that is what came.
    fn opened_part(&self, answer: Answer, of: &Identity, asked: Part) -> Option<Opened> {
        let identity = identity(&answer);
        let range = content_range(&answer.headers)?;
        let (first, last) = range.part?;
        let begins = first <= asked.first && asked.first <= last;
        if !begins || !of.is_same(&identity) {
            return None;
        }
        // Where a server gives less than was asked for, the body is cut, not whole.
        let rest = range.length.map(|length| length - 1);
        let end = asked
            .last
            .map_or(rest.unwrap_or(last), |asked| rest.map_or(asked, |rest| rest.min(asked)));
        let place = (first, asked.first - first);
        let body =
            HttpBody::new(answer.rest?, self.shown(), place, Some(end + 1), self.silence_max);
        let charset = charset_of(&answer.headers);
        let (start, body) = (asked.first, Box::new(body));
        Some(Opened { identity, start, is_delimited: true, charset, body })
    }

    fn judge<'b>(&self, answer: &'b Answer) -> Judged<'b> {
        self.rules.answer(answer.status.as_u16(), &answer.body, answer.is_whole())
    }

    /// What a failure asks for.
    async fn failure(&self, answer: &Answer) -> TransferError {
        let judged = self.judge(answer);
        let left = self.exchange.left(answer);
        let status = answer.status.as_u16();
        let said = self.exchange.line(&judged.said(&answer.body), SAID_CHARS_MAX);
        let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
        let reason = format!("{} answered {}: {said}", self.shown(), answer.status);
        let asked_ms = answer.after_ms_up_to(WAIT_MS_MAX);
        // 403 is what some answer to too many requests; without a sign of that, it is about rights.
        let is_limited = status == 403 && (asked_ms.is_some() || left.remaining == Some(0));
        let later = match judged.meaning {
            Meaning::Limit | Meaning::Quota | Meaning::Retry => true,
            Meaning::Down | Meaning::Unknown | Meaning::Unexplained => true,
            _ => is_limited && !judged.by_rule,
        };
        if later {
            let after_ms = judged.wait_ms(status, asked_ms, left);
            if let Some(after_ms) = after_ms {
                self.exchange.hold_back(after_ms).await;
            }
            return TransferError::Later { reason, after_ms };
        }
        match (judged.meaning, status) {
            (Meaning::Empty, _) => TransferError::Absent(reason),
            (_, 404 | 410) if !judged.by_rule => TransferError::Absent(reason),
            (Meaning::Token, _) => {
                TransferError::Halt(format!("{reason}; the credentials are refused: see `auth`"))
            }
            (_, 403) => TransferError::Halt(format!(
                "{reason}; the credentials do not reach this file: see `auth`"
            )),
            _ => TransferError::Halt(format!("{reason}; see `url`, `headers` and `auth`")),
        }
    }

    fn unanswered(&self, error: ExchangeError) -> TransferError {
        let of_source = |error: SourceError| match error {
            SourceError::Later { reason, after_ms } => TransferError::Later { reason, after_ms },
            SourceError::Halt(reason) => TransferError::Halt(reason),
        };
        match error {
            ExchangeError::NoCredentials(error) => of_source(error.into()),
            ExchangeError::Held(held) => of_source(held.into()),
            ExchangeError::NoAnswer(error) => {
                let reason = format!("{}: {error}", self.shown());
                match error.is_unfit() {
                    true => TransferError::Halt(reason),
                    false => TransferError::later(reason),
                }
            }
            ExchangeError::Astray(astray) => {
                TransferError::Halt(format!("{astray}: set `url` to where the file is"))
            }
        }
    }

    fn shown(&self) -> String {
        self.exchange.shown(&self.url)
    }
}

impl RemoteFile for HttpFile {
    fn open<'a>(
        &'a self,
        ask: Ask<'a>,
        until: Instant,
    ) -> BoxFuture<'a, Result<tidegate_transfer::Answer, TransferError>> {
        Box::pin(async move {
            let (of, part) = match ask {
                Ask::Whole { unless } => return self.whole(unless, until).await,
                Ask::Rest { from: 0, .. } => return self.whole(None, until).await,
                Ask::Rest { of, from } => (of, Part { first: from, last: None }),
                Ask::Range { of, from, length } => {
                    let last = from.saturating_add(length.saturating_sub(1));
                    (of, Part { first: from, last: Some(last) })
                }
            };
            self.part(of, part, until).await.map(tidegate_transfer::Answer::Opened)
        })
    }

    /// By a request for the first byte: it is answered as one for the file is, where `HEAD` is not.
    fn look(&self, until: Instant) -> BoxFuture<'_, Result<Identity, TransferError>> {
        Box::pin(async move {
            let first = Part { first: 0, last: Some(0) };
            Ok(identity(&self.get(range(first, None), until).await?))
        })
    }
}

/// The condition that a file is not what was read last, where it can be told.
fn condition(last: &Identity) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = match (&last.etag, &last.modified) {
        (Some(etag), _) => (IF_NONE_MATCH, etag),
        (None, Some(modified)) if last.settled => (IF_MODIFIED_SINCE, modified),
        _ => return None,
    };
    Some((name, HeaderValue::from_str(value).ok()?))
}

/// Asks for a part, of this version alone where its tag is given.
fn range(part: Part, tag: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
    let last = part.last.map(|last| last.to_string()).unwrap_or_default();
    let range = format!("bytes={}-{last}", part.first);
    let tag = tag.and_then(|tag| Some((IF_RANGE, HeaderValue::from_str(tag).ok()?)));
    let range = HeaderValue::from_str(&range).ok().map(|range| (RANGE, range));
    range.into_iter().chain(tag).collect()
}

/// Which version an answer is of.
fn identity(answer: &Answer) -> Identity {
    let headers = &answer.headers;
    let length = match answer.status {
        StatusCode::OK if has_chunks(headers) => None,
        StatusCode::OK => text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        _ => content_range(headers).and_then(|range| range.length),
    };
    let modified = text(headers, &LAST_MODIFIED);
    let identity = Identity {
        length,
        modified: modified.and_then(Identity::text),
        modified_s: modified.and_then(seconds),
        etag: tag(answer),
        ..Identity::default()
    };
    // By the server's own clock, where it says what that is.
    let date_s = text(headers, &DATE).and_then(seconds);
    identity.said_at(date_s.map_or(answer.arrived_ms, |date_s| date_s * 1_000))
}

/// An answer's strong tag.
fn tag(answer: &Answer) -> Option<Box<str>> {
    let tag = text(&answer.headers, &ETAG)?;
    let is_strong = tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"');
    Identity::text(tag).filter(|_| is_strong)
}

fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    ContentRange::read(text(headers, &CONTENT_RANGE)?)
}

/// Whether the body says where it ends.
fn has_chunks(headers: &HeaderMap) -> bool {
    text(headers, &TRANSFER_ENCODING)
        .is_some_and(|coding| coding.to_lowercase().contains("chunked"))
}

fn charset_of(headers: &HeaderMap) -> Option<String> {
    charset(text(headers, &CONTENT_TYPE)?).map(|charset| charset.into_owned())
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// A date in s since 1970.
fn seconds(date: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(date).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests;
