//! What no flow should send, whatever is answered.

use std::collections::HashSet;

use super::{
    habits::Key,
    sent::Sent,
    server::{Keyed, Model},
    wire::Request,
};

impl Model {
    /// Accuses a request of what no flow should send.
    pub fn check(&mut self, sent: &[Sent], request: &Request) {
        if sent.is_empty() {
            self.accuse("a request without records");
        }
        let bulk = self.habits.bulk.clone();
        if let Some(bulk) = &bulk {
            if sent.len() as u64 > bulk.size {
                self.accuse(format_args!("{} records, of {} at the most", sent.len(), bulk.size));
            }
            let bytes_max = self.habits.bytes_max.map(|bytes_max| bytes_max - 500);
            if bytes_max.is_some_and(|max| request.body.len() > max) {
                self.accuse(format_args!("{} bytes", request.body.len()));
            }
        }
        let (mut entities, mut names) = (HashSet::new(), HashSet::new());
        for one in sent {
            // Many APIs refuse such a list, and what one of the two comes to says nothing of the other.
            if !names.insert(one.name()) {
                self.accuse(format_args!("{:?} stands twice in one request", one.name()));
            }
            match self.records.get(&one.name()).cloned() {
                None => self.accuse(format_args!("there is no such record: {one:?}")),
                Some(record) => {
                    let is_bare = one.gone && self.habits.removes;
                    let text = one.text.clone();
                    if one.gone != record.gone || !is_bare && text != Some(record.text) {
                        self.accuse(format_args!("it is not as it was: {one:?}"));
                    }
                }
            }
            if !entities.insert(&one.id) && self.habits.by_entity() {
                self.accuse(format_args!("two versions of {} in one request", one.id));
            }
            if bulk.is_some() && self.habits.key == Key::Body && !(one.gone && self.habits.removes)
            {
                let said = format!("{:?} {:?}", one.name(), one.text);
                self.check_key(one.key.as_deref(), said);
            }
        }
        let is_delete = request.method == "DELETE";
        let said = format!("{} {} {}", request.method, request.target, request.text());
        match (self.habits.key, bulk.is_some()) {
            (Key::Header, _) => {
                let key = request.headers.get("idempotency-key").cloned();
                self.check_key(key.as_deref(), said);
            }
            (Key::Body, false) if !is_delete => self.check_key(sent[0].key.as_deref(), said),
            _ => {}
        }
    }

    fn check_key(&mut self, key: Option<&str>, said: String) {
        let Some(key) = key else { return self.accuse("a request without its key") };
        if self.habits.key_format == "uuid" && key.len() != 36 {
            self.accuse(format_args!("no UUID: {key}"));
        }
        let first = self
            .keys
            .entry(key.to_owned())
            .or_insert_with(|| Keyed { sent: said.clone(), answer: None });
        if first.sent != said {
            let first = first.sent.clone();
            self.accuse(format_args!("{key} came with two bodies: {first} and {said}"));
        }
    }
}
