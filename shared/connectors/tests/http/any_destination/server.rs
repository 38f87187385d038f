//! A strict API in this process: it notes each effect, and whatever no flow should do to it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard},
};

use serde_json::json;
use tidegate_core::ports::Clock;
use tidegate_testkit::ManualClock;

use super::{
    bulk,
    faults::{self, Effect, Fault},
    habits::{Habits, Key, Knows, Upsert},
    records::{Fate, Name, Record},
    sent::{self, Sent},
    wire::{Answer, Answers, Reply, Request},
};
use crate::random::Random;

/// Of a request's body so much is shown.
const SHOWN_CHARS: usize = 400;

/// The state of an entity.
#[derive(Debug, Clone, Copy)]
struct Entity {
    version: i64,
    gone: bool,
}

/// Something that a request changed.
#[derive(Debug, Clone)]
pub struct Change {
    pub name: Name,
    pub at_ms: i64,
    /// Its answer said so.
    pub clear: bool,
}

/// What is known of a key.
pub struct Keyed {
    /// What it came with.
    pub sent: String,
    /// What it was answered, and from when on.
    pub answer: Option<(Answer, i64)>,
}

/// What one record comes to, and whether it changes something.
#[derive(Debug, Clone)]
pub struct Judged {
    pub answer: Answer,
    pub changes: bool,
}

pub struct Server(Mutex<Model>);

pub struct Model {
    pub habits: Habits,
    pub records: HashMap<Name, Record>,
    pub changes: Vec<Change>,
    /// What is wrong with what the flow did.
    pub violations: Vec<String>,
    pub log: Vec<String>,
    /// Faults by their kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// How often a record's request failed.
    pub failed: HashMap<Name, u64>,
    /// What is bad is so no more.
    pub mended: bool,
    pub random: Random,
    clock: ManualClock,
    entities: HashMap<String, Entity>,
    /// Deletions of what was not there.
    told_gone: HashSet<Name>,
    late: Vec<(i64, Vec<Sent>)>,
    pub keys: HashMap<String, Keyed>,
    done_keys: HashSet<String>,
    arrivals: Vec<i64>,
    faults_left: u64,
    slams: bool,
}

impl Server {
    pub fn new(
        habits: Habits,
        records: &[Vec<Record>],
        clock: ManualClock,
        random: Random,
    ) -> Self {
        let records = records.iter().flatten().map(|it| (it.name(), it.clone())).collect();
        Self(Mutex::new(Model {
            faults_left: habits.faults_max,
            habits,
            records,
            clock,
            random,
            changes: Vec::new(),
            violations: Vec::new(),
            log: Vec::new(),
            kinds: BTreeMap::new(),
            failed: HashMap::new(),
            mended: false,
            entities: HashMap::new(),
            told_gone: HashSet::new(),
            late: Vec::new(),
            keys: HashMap::new(),
            done_keys: HashSet::new(),
            arrivals: Vec::new(),
            slams: false,
        }))
    }

    pub fn now(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap()
    }
}

impl Answers for Server {
    fn slams_the_door(&self) -> bool {
        let mut server = self.now();
        let slams = std::mem::take(&mut server.slams);
        if slams {
            *server.kinds.entry("closed unread").or_default() += 1;
        }
        slams
    }

    fn answer(&self, request: &Request) -> Reply {
        self.now().answer(request)
    }
}

impl Model {
    /// Whether it has taken a version of an entity.
    pub fn took(&self, name: &Name) -> bool {
        self.told_gone.contains(name) || self.changes.iter().any(|change| change.name == *name)
    }

    /// The version at which an entity is.
    pub fn version_of(&self, id: &str) -> Option<i64> {
        self.entities.get(id).map(|entity| entity.version)
    }

    /// Whether only records are left that fail, of all that came, and none was taken before.
    pub fn is_without_others(&self, fails: impl Fn(&Record) -> bool) -> bool {
        self.changes.is_empty() && self.records.values().any(fails)
    }

    /// What was answered since then was not noted by its processor, perhaps.
    pub fn unclear_since(&mut self, since_ms: i64) {
        for change in self.changes.iter_mut().filter(|change| change.at_ms >= since_ms) {
            change.clear = false;
        }
    }

    pub fn note(&mut self, text: impl std::fmt::Display) {
        self.log.push(format!("{:>9} {text}", self.since_start_ms()));
    }

    pub fn accuse(&mut self, what: impl std::fmt::Display) {
        let what = format!("{what}");
        self.note(format_args!("!! {what}"));
        self.violations.push(what);
    }

    fn since_start_ms(&self) -> i64 {
        self.clock.now_ms() - super::START_MS
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let now_ms = self.clock.now_ms();
        self.land(now_ms);
        let key = request.headers.get("idempotency-key").cloned().unwrap_or_default();
        let body: String = request.text().chars().take(SHOWN_CHARS).collect();
        self.note(format_args!("{} {} {key} {body}", request.method, request.target));
        let reply = self.reply(request, now_ms);
        self.note(format_args!("    {reply:?}"));
        reply
    }

    /// What was late takes effect.
    pub fn land(&mut self, now_ms: i64) {
        self.late.sort_by_key(|(due_ms, _)| *due_ms);
        while self.late.first().is_some_and(|(due_ms, _)| *due_ms <= now_ms) {
            let (due_ms, sent) = self.late.remove(0);
            self.note(format_args!("a late effect, of {due_ms}: {sent:?}"));
            for sent in sent {
                self.change(&sent, false, due_ms);
            }
        }
    }

    fn reply(&mut self, request: &Request, now_ms: i64) -> Reply {
        if let Some(limited) = self.limited(now_ms) {
            return limited.into();
        }
        let is_question = request.target.starts_with("/has");
        let fault = self.fault(is_question, now_ms);
        if is_question {
            return fault.map_or_else(|| self.has(request).into(), |fault| fault.reply);
        }
        let mut sent = match sent::read(&self.habits, request) {
            Ok(sent) => sent,
            Err(error) => {
                self.accuse(format_args!("it cannot be read: {error}"));
                return Answer::new(400, "{}").into();
            }
        };
        self.check(&sent, request);
        if self.habits.bulk.is_none() && self.habits.key == Key::Header {
            sent[0].key = request.headers.get("idempotency-key").cloned();
        }
        if let Some(Fault { effect: Effect::Never, reply, .. }) = &fault {
            self.has_failed(&sent);
            return reply.clone();
        }
        let key = self.whole_key(&sent, request);
        if let Some(known) = key.as_ref().and_then(|key| self.known(key, now_ms)) {
            if fault.is_some() || known.status >= 500 {
                self.has_failed(&sent);
            }
            return match fault {
                Some(fault) => begun(fault.reply, &known),
                None => known.into(),
            };
        }
        let due_ms = match &fault {
            Some(Fault { effect: Effect::Late { in_ms }, .. }) => now_ms + in_ms,
            _ => now_ms,
        };
        let (answer, changing) = match self.habits.bulk.clone() {
            None => self.single(&sent[0], request),
            Some(bulk) => {
                bulk::judge(self, &bulk, &sent, request, (now_ms, due_ms), fault.is_none())
            }
        };
        if let Some(key) = key {
            self.keep(&key, &answer, due_ms);
        }
        if due_ms > now_ms {
            self.late.push((due_ms, changing));
        } else {
            for (sent, is_clear) in changing.iter().map(|sent| (sent, fault.is_none())) {
                self.change(sent, is_clear, now_ms);
            }
        }
        match fault {
            None => answer.into(),
            Some(fault) => {
                self.has_failed(&sent);
                begun(fault.reply, &answer)
            }
        }
    }

    /// The key of the whole request, where the server goes by it.
    fn whole_key(&self, sent: &[Sent], request: &Request) -> Option<String> {
        let Knows::Keys { .. } = self.habits.knows else { return None };
        match self.habits.key {
            Key::None => None,
            Key::Header => request.headers.get("idempotency-key").cloned(),
            Key::Body if self.habits.bulk.is_some() => None,
            Key::Body => sent[0].key.clone(),
        }
    }

    /// What it answers to a key that it knows.
    pub fn known(&mut self, key: &str, now_ms: i64) -> Option<Answer> {
        let (answer, from_ms) = self.keys.get(key)?.answer.clone()?;
        if from_ms <= now_ms {
            return Some(answer);
        }
        let status = if self.habits.upsert.is_some() { 423 } else { 409 };
        Some(Answer::new(status, r#"{"message":"a request with this key is in progress"}"#))
    }

    /// It is its answer to this key from now on.
    pub fn keep(&mut self, key: &str, answer: &Answer, from_ms: i64) {
        let keeps = match self.habits.knows {
            Knows::Keys { refusals } => {
                answer.status < 300 && !answer.body.contains("\"error\"")
                    || refusals && (400..429).contains(&answer.status) && answer.status != 413
            }
            _ => false,
        };
        // What a bulk's records are to be tried again for is no answer for ever.
        let lists_failures = self.habits.bulk.is_some()
            && ["429", "500", "503", "busy"].iter().any(|code| {
                answer.body.contains(&format!(":{code}"))
                    || answer.body.contains(&format!(":\"{code}\""))
            });
        let keeps = keeps && !lists_failures;
        if keeps && let Some(keyed) = self.keys.get_mut(key) {
            keyed.answer.get_or_insert_with(|| (answer.clone(), from_ms));
        }
    }

    fn limited(&mut self, now_ms: i64) -> Option<Answer> {
        let rate = self.habits.rate?;
        self.arrivals.retain(|at_ms| *at_ms > now_ms - rate.per_ms);
        if (self.arrivals.len() as u64) < rate.count {
            self.arrivals.push(now_ms);
            return None;
        }
        if rate.stated {
            self.accuse("the rate is broken that the flow states");
        }
        *self.kinds.entry("over the rate").or_default() += 1;
        let wait_ms = self.arrivals[0] + rate.per_ms - now_ms;
        let retry_after = rate.says_when.then(|| (wait_ms / 1_000 + 1).to_string());
        Some(Answer { status: 429, retry_after, body: "{}".into() })
    }

    fn fault(&mut self, is_question: bool, now_ms: i64) -> Option<Fault> {
        if self.faults_left == 0 || self.random.below(100) >= self.habits.faults {
            return None;
        }
        self.faults_left -= 1;
        let fault = faults::draw(&self.habits, is_question, now_ms, &mut self.random);
        *self.kinds.entry(fault.kind).or_default() += 1;
        if let Effect::Late { .. } = fault.effect {
            *self.kinds.entry("a late effect").or_default() += 1;
        }
        self.slams |= fault.slams;
        Some(fault)
    }

    /// One record may fail by itself, in the answer to a bulk.
    pub fn fails_alone(&mut self) -> bool {
        let fails = self.faults_left > 0 && self.random.below(300) < self.habits.faults;
        self.faults_left -= u64::from(fails);
        fails
    }

    pub fn has_failed(&mut self, sent: &[Sent]) {
        for sent in sent {
            *self.failed.entry(sent.name()).or_default() += 1;
        }
    }

    /// Whether a record is there, by what the question names it by.
    fn has(&mut self, request: &Request) -> Answer {
        let is_there = match request.param("key") {
            Some(key) => self.done_keys.contains(&key),
            None => {
                let id = request.param("id").unwrap_or_default();
                let version = request.param("v").and_then(|v| v.parse().ok()).unwrap_or(-1);
                self.took(&(id, version))
            }
        };
        match is_there {
            true => Answer::new(200, "{}"),
            false => Answer::new(404, "{}"),
        }
    }

    fn single(&mut self, sent: &Sent, request: &Request) -> (Answer, Vec<Sent>) {
        let Judged { answer, changes } = self.judge(sent, request);
        if answer.status >= 500 {
            self.has_failed(std::slice::from_ref(sent));
        }
        (answer, changes.then(|| sent.clone()).into_iter().collect())
    }

    /// What one record comes to.
    pub fn judge(&mut self, sent: &Sent, request: &Request) -> Judged {
        let refused =
            |status: u16, body: &str| Judged { answer: Answer::new(status, body), changes: false };
        let taken =
            |status: u16| Judged { answer: Answer::new(status, r#"{"ok":true}"#), changes: true };
        let is_too_much = self.habits.bytes_max.is_some_and(|max| request.body.len() > max);
        if is_too_much {
            return refused(413, r#"{"message":"too large"}"#);
        }
        match self.records.get(&sent.name()).map_or(Fate::Taken, |record| record.fate) {
            Fate::Bad if !self.mended && self.habits.codes && self.habits.stated => {
                return refused(200, r#"{"ok":false,"error":"bad","message":"a bad one"}"#);
            }
            Fate::Bad if !self.mended => return refused(422, r#"{"message":"a bad one"}"#),
            Fate::Forbidden => return refused(403, r#"{"message":"not yours"}"#),
            Fate::Poison => return refused(500, r#"{"message":"division by zero"}"#),
            _ => {}
        }
        let before = self.entities.get(&sent.id).copied();
        let is_there = before.is_some_and(|entity| !entity.gone);
        if request.method == "DELETE" {
            if is_there {
                return taken(200);
            }
            self.see_order(sent);
            self.told_gone.insert(sent.name());
            self.entities.insert(sent.id.clone(), Entity { version: sent.version, gone: true });
            return refused(404, r#"{"message":"it is not there"}"#);
        }
        if self.habits.knows == Knows::Versions && self.took(&sent.name()) {
            return refused(409, r#"{"message":"it exists"}"#);
        }
        let Some(upsert) = self.habits.upsert else { return taken(201) };
        match request.method.as_str() {
            "POST" if is_there => {
                let body = json!({ "conflict": { "existing": sent.id } });
                refused(409, &body.to_string())
            }
            "POST" => taken(201),
            "PATCH" if is_there => taken(200),
            "PATCH" if upsert == Upsert::UpdateFirst => refused(404, "{}"),
            "PATCH" => refused(404, r#"{"message":"it is not there any more"}"#),
            other => {
                self.accuse(format_args!("{other} is no method of it"));
                refused(405, "{}")
            }
        }
    }

    fn see_order(&mut self, sent: &Sent) {
        let before = self.entities.get(&sent.id).map(|entity| entity.version);
        if let Some(before) = before.filter(|before| *before > sent.version)
            && self.habits.by_entity()
        {
            self.accuse(format_args!("{:?} lands after version {before}", sent.name()));
        }
    }

    /// It takes effect.
    pub fn change(&mut self, sent: &Sent, clear: bool, at_ms: i64) {
        let knows_versions = self.habits.knows == Knows::Versions;
        if knows_versions && !clear && self.took(&sent.name()) {
            // The late one comes to a conflict, which is not answered any more.
            return;
        }
        self.see_order(sent);
        self.done_keys.extend(sent.key.clone());
        self.entities.insert(sent.id.clone(), Entity { version: sent.version, gone: sent.gone });
        self.changes.push(Change { name: sent.name(), at_ms, clear });
    }
}

/// What is left of an answer by a fault that comes after it: only a success begins like one.
fn begun(reply: Reply, answer: &Answer) -> Reply {
    let is_success = answer.status < 300 && !answer.body.contains("\"error\"");
    match reply {
        Reply::Half if !is_success => Reply::Closed,
        reply => reply,
    }
}
