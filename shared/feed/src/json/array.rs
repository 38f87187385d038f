//! A list of records within a document.

use bytes::Bytes;

use super::check::{Unfit, check, write};
use super::scan::{Broken, Scan};
use crate::format::faulty;
use crate::output::Output;
use crate::{BadFormat, Damage, Found, Limits, Notices, RecordReader};

/// Most names in a path.
const PATH_MAX: usize = 32;

/// Reads the values of a list, which is the document itself or is within its objects at a path. If the path is there several times,
/// all its lists are read. What stands around is passed over.
///
/// A value that is no JSON, but whose brackets and quotes match, is a record at fault; where they do not match the rest of the
/// file is lost. In both cases the file is not whole.
///
/// Memory: the window it is given, and the records of it.
#[derive(Debug)]
pub struct ArrayReader {
    path: Vec<String>,
    limits: Limits,
    /// How many of the path's objects are open, and the list as one more.
    open: usize,
    expects: Expects,
    passing: Option<Passing>,
    /// Where the window begins in the text, from where reading began.
    before: u64,
    is_resumed: bool,
    /// Whether the list was there.
    has_list: bool,
    is_doubtful: bool,
    is_at_end: bool,
    notices: Notices,
}

/// What may come next in the innermost open object or list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// The document.
    Document,
    /// A value of the list; its end only if nothing was before it.
    Value {
        first: bool,
    },
    Key {
        first: bool,
    },
    /// Whether the key was the path's.
    Colon {
        on_path: bool,
    },
    /// The value of a key that is the path's.
    OnPath,
    /// The value of another key.
    OffPath,
    CommaOrEnd,
    /// Nothing but white space.
    Nothing,
}

/// A value that is being passed over.
#[derive(Debug)]
struct Passing {
    scan: Scan,
    /// The front of a record that is too long. What stands around the list leaves nothing.
    record: Option<Bytes>,
}

/// What comes of one step within a window.
enum Step {
    On(usize),
    /// More must come, and what stands from here on is looked at again.
    Wait(usize),
}

impl ArrayReader {
    /// A reader for a file from its beginning. `path` is the names of the keys that lead to the list, with points between;
    /// empty where the document is the list.
    ///
    /// # Errors
    /// There is no such path.
    pub fn new(path: &str, limits: Limits) -> Result<Self, BadFormat> {
        let path: Vec<String> =
            if path.is_empty() { Vec::new() } else { path.split('.').map(str::to_owned).collect() };
        if path.len() > PATH_MAX || path.iter().any(String::is_empty) {
            return Err(BadFormat(format!(
                "{:?}: 1 to {PATH_MAX} names are expected, with points between",
                path.join(".")
            )));
        }
        Ok(Self {
            path,
            limits,
            open: 0,
            expects: Expects::Document,
            passing: None,
            before: 0,
            is_resumed: false,
            has_list: false,
            is_doubtful: false,
            is_at_end: false,
            notices: Notices::default(),
        })
    }

    /// A reader that goes on behind a record, with the [context](RecordReader::context) of the reader that found it.
    ///
    /// # Errors
    /// There is no such path, or the context is that of another.
    pub fn resume(path: &str, limits: Limits, context: &str) -> Result<Self, BadFormat> {
        let mut reader = Self::new(path, limits)?;
        if reader.context().as_deref() != Some(context) {
            return Err(BadFormat(format!("{context:?} is not the context of a list at {path:?}")));
        }
        reader.open = reader.path.len() + 1;
        reader.expects = Expects::CommaOrEnd;
        reader.is_resumed = true;
        reader.has_list = true;
        Ok(reader)
    }

    fn in_list(&self) -> bool {
        self.open > self.path.len()
    }

    fn damage(&self, at: usize, why: &str) -> Damage {
        Damage(format!(
            "the JSON is damaged at byte {} of its text{}: {why}",
            self.before + at as u64,
            if self.is_resumed { " from where reading went on" } else { "" }
        ))
    }

    fn step(&mut self, window: &str, at: usize, out: &mut Output<'_>) -> Result<Step, Damage> {
        let bytes = window.as_bytes();
        let space = bytes[at..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        let at = at + space;
        let Some(&byte) = bytes.get(at) else { return Ok(Step::Wait(at)) };
        match (self.expects, byte) {
            (Expects::Document, _) => {
                // A byte order mark before the document.
                if self.before + at as u64 == space as u64 && window[at..].starts_with('\u{feff}') {
                    return Ok(Step::On(at + '\u{feff}'.len_utf8()));
                }
                self.enter(byte, at)?;
                Ok(Step::On(at + 1))
            }
            (Expects::OnPath, b'n') => {
                // A list that is null is an empty one.
                self.has_list = true;
                self.value(window, at, out)
            }
            (Expects::OnPath, _) => {
                self.enter(byte, at)?;
                Ok(Step::On(at + 1))
            }
            (Expects::Value { first }, b']') => {
                if !first {
                    self.notices.tell("the list ends with a comma behind its last value");
                }
                self.leave();
                Ok(Step::On(at + 1))
            }
            (Expects::Key { first: true }, b'}') => {
                self.leave();
                Ok(Step::On(at + 1))
            }
            (Expects::CommaOrEnd, b',') => {
                self.expects = if self.in_list() {
                    Expects::Value { first: false }
                } else {
                    Expects::Key { first: false }
                };
                Ok(Step::On(at + 1))
            }
            (Expects::CommaOrEnd, end) if end == if self.in_list() { b']' } else { b'}' } => {
                self.leave();
                Ok(Step::On(at + 1))
            }
            (Expects::Value { .. } | Expects::OffPath, _) => self.value(window, at, out),
            (Expects::Key { .. }, b'"') => self.key(window, at),
            (Expects::Colon { on_path }, b':') => {
                self.expects = if on_path { Expects::OnPath } else { Expects::OffPath };
                Ok(Step::On(at + 1))
            }
            (expects, _) => Err(self.damage(at, expects.missing())),
        }
    }

    /// Enters the document, or the value of a key that is the path's.
    fn enter(&mut self, byte: u8, at: usize) -> Result<(), Damage> {
        let is_list = self.open == self.path.len();
        if byte != if is_list { b'[' } else { b'{' } {
            let name = if self.open == 0 {
                "the document".to_owned()
            } else {
                format!("{:?}", self.path[..self.open].join("."))
            };
            let what = if is_list { "a list of records" } else { "an object" };
            return Err(self.damage(at, &format!("{name} is not {what}")));
        }
        self.open += 1;
        self.has_list |= is_list;
        self.expects =
            if is_list { Expects::Value { first: true } } else { Expects::Key { first: true } };
        Ok(())
    }

    /// Leaves the innermost object or list.
    fn leave(&mut self) {
        self.open -= 1;
        self.expects = if self.open == 0 { Expects::Nothing } else { Expects::CommaOrEnd };
    }

    fn key(&mut self, window: &str, at: usize) -> Result<Step, Damage> {
        let scanned = Scan::new(1).pass(&window.as_bytes()[at..]);
        let Ok(Some(length)) = scanned else {
            if window.len() - at > self.limits.record_bytes_max {
                return Err(
                    self.damage(at, "a key is longer than a record may be (record_bytes_max)")
                );
            }
            return Ok(Step::Wait(at));
        };
        let key: String = serde_json::from_str(&window[at..at + length])
            .map_err(|err| self.damage(at, &format!("a key is no JSON: {err}")))?;
        self.expects = Expects::Colon { on_path: self.path.get(self.open - 1) == Some(&key) };
        Ok(Step::On(at + length))
    }

    /// Reads a record, or passes over a value that stands beside the list.
    fn value(&mut self, window: &str, at: usize, out: &mut Output<'_>) -> Result<Step, Damage> {
        let is_record = matches!(self.expects, Expects::Value { .. });
        let mut scan = Scan::new(self.limits.depth_max);
        // No document ends with a value of a list: a number at the end of the text was cut.
        let end = scan.pass(&window.as_bytes()[at..]).map_err(|broken| self.broken(at, broken))?;
        let is_long = end.unwrap_or(window.len() - at) > self.limits.record_bytes_max;
        let Some(length) = end else {
            if is_record && !is_long {
                return Ok(Step::Wait(at));
            }
            let record = is_record.then(|| faulty(&window[at..]));
            self.passing = Some(Passing { scan, record });
            return Ok(Step::Wait(window.len()));
        };
        let end = at + length;
        self.expects = Expects::CommaOrEnd;
        if !is_record {
            return Ok(Step::On(end));
        }
        let record = &window[at..end];
        if is_long {
            self.too_long(faulty(record), end, out);
            return Ok(Step::On(end));
        }
        match check(record, self.limits.depth_max) {
            Ok(()) => {
                self.notices.replaced += write(record, out.json());
                out.record(end);
            }
            Err(why) => {
                // Where quotes or brackets are amiss, records that follow may be taken for a part of this one.
                self.is_doubtful |= matches!(why, Unfit::NotJson(_));
                out.fault(record, end, format!("a value of the list: {why}"));
            }
        }
        Ok(Step::On(end))
    }

    fn too_long(&mut self, front: Bytes, end: usize, out: &mut Output<'_>) {
        // What it was made of was not looked at, and may be several.
        self.is_doubtful = true;
        let max = self.limits.record_bytes_max;
        out.kept_fault(
            front,
            end,
            format!("a value of the list is longer than {max} bytes (record_bytes_max)"),
        );
    }

    fn broken(&self, at: usize, broken: Broken) -> Damage {
        self.damage(at + broken.at, broken.why)
    }

    /// Goes on passing over a value.
    fn pass(
        &mut self,
        mut passing: Passing,
        window: &str,
        out: &mut Output<'_>,
    ) -> Result<Step, Damage> {
        let end = passing.scan.pass(window.as_bytes()).map_err(|broken| self.broken(0, broken))?;
        let Some(end) = end else {
            self.passing = Some(passing);
            return Ok(Step::Wait(window.len()));
        };
        if let Some(front) = passing.record {
            self.too_long(front, end, out);
        }
        self.expects = Expects::CommaOrEnd;
        Ok(Step::On(end))
    }

    fn walk(&mut self, window: &str, last: bool, out: &mut Output<'_>) -> Result<usize, Damage> {
        let mut at = 0;
        if let Some(passing) = self.passing.take() {
            match self.pass(passing, window, out)? {
                Step::On(to) | Step::Wait(to) => at = to,
            }
        }
        while !out.is_full() {
            let step =
                if self.passing.is_some() { Step::Wait(at) } else { self.step(window, at, out)? };
            match step {
                Step::On(to) => at = to,
                Step::Wait(to) if last => return self.end(to),
                Step::Wait(to) => return Ok(to),
            }
        }
        Ok(at)
    }

    /// The text ends here.
    fn end(&mut self, at: usize) -> Result<usize, Damage> {
        if self.expects != Expects::Nothing || self.passing.is_some() {
            return Err(self.damage(at, "the file ends before its document does"));
        }
        if !self.has_list {
            return Err(self.damage(at, &format!("there is no list at {:?}", self.path.join("."))));
        }
        self.is_at_end = true;
        Ok(at)
    }
}

impl Expects {
    /// What is said where something else comes.
    fn missing(self) -> &'static str {
        match self {
            Self::Key { .. } => "a key is missing",
            Self::Colon { .. } => "a colon is missing behind a key",
            Self::CommaOrEnd => "a comma is missing, or the end of a list or an object",
            Self::Nothing => "something follows its end",
            Self::Document | Self::Value { .. } | Self::OnPath | Self::OffPath => {
                "a value is missing"
            }
        }
    }
}

impl RecordReader for ArrayReader {
    fn read(&mut self, window: &str, last: bool, found: &mut Vec<Found>) -> Result<usize, Damage> {
        let mut out = Output::new(found, window);
        let done = self.walk(window, last, &mut out);
        out.finish();
        if let Ok(done) = done {
            self.before += done as u64;
        }
        done
    }

    fn context(&self) -> Option<String> {
        Some(format!("list {}", self.path.join(".")))
    }

    fn is_whole(&self) -> bool {
        self.is_at_end && !self.is_doubtful
    }

    fn notices(&mut self) -> Notices {
        std::mem::take(&mut self.notices)
    }
}
