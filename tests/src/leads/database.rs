//! Marketo's leads, and what was done to them. One lock; nothing is awaited under it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use super::answer::Failure;
use super::archive::Archive;
use super::audit::{Audit, EXAMPLES_MAX};
use super::config::MarketoConfig;
use super::customer::{Email, with_capitals};
use super::fields::{Field, email_key};
use super::input::Item;
use super::lookup::Lookup;
use crate::lock;

/// The id of the first lead.
const FIRST_ID: usize = 318;

/// The database.
#[derive(Debug)]
pub(crate) struct Database {
    archive: Arc<Archive>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    refuse_every: Option<u64>,
    /// By id, from [`FIRST_ID`].
    leads: Vec<Lead>,
    /// To a place in `leads`.
    by_email: HashMap<String, usize>,
    /// Its counts are kept here, too; the rest is filled in when it is asked for.
    counts: Audit,
}

#[derive(Debug)]
struct Lead {
    /// A field that is not there is null.
    fields: BTreeMap<Field, String>,
    /// It had a city before anybody merged.
    city_was_known: bool,
}

impl Lead {
    /// An empty text is no city.
    fn city(&self) -> Option<&str> {
        self.fields.get("city").map(String::as_str).filter(|city| !city.trim().is_empty())
    }
}

impl Database {
    /// Filled with those who are leads from the start.
    pub(crate) fn new(archive: Arc<Archive>, config: &MarketoConfig) -> Self {
        let mut table = Table { refuse_every: config.refuse_every, ..Table::default() };
        for one in archive.all_correspondents() {
            if !one.customer.is_known(config.known) {
                continue;
            }
            let email = match one.customer.lead_has_capitals(archive.config.capitals) {
                true => with_capitals(&one.email),
                false => one.email.clone(),
            };
            let mut fields = BTreeMap::from([
                ("email", email),
                ("firstName", one.customer.first_name().to_owned()),
                ("lastName", one.customer.last_name().to_owned()),
            ]);
            let city = one.customer.lead_city();
            if let Some(city) = city {
                fields.insert("city", city.to_owned());
            }
            table.by_email.insert(one.email, table.leads.len());
            table
                .leads
                .push(Lead { city_was_known: city.is_some_and(|city| !city.is_empty()), fields });
        }
        table.counts.leads_before = table.leads.len() as u64;
        Self { archive, table: Mutex::new(table) }
    }

    /// The leads that exist, each once, by their first mention.
    pub(crate) fn look_up(&self, lookup: &Lookup) -> Vec<Value> {
        let mut table = lock(&self.table);
        table.counts.lookups += 1;
        let mut seen = HashSet::new();
        let places = lookup.emails.iter().filter_map(|email| table.by_email.get(&email_key(email)));
        let found = places.filter(|place| seen.insert(**place)).map(|place| {
            let lead = &table.leads[*place];
            let mut shown = Map::from_iter([("id".to_owned(), json!(FIRST_ID + place))]);
            for field in &lookup.fields {
                shown.insert((*field).to_owned(), json!(lead.fields.get(field)));
            }
            Value::Object(shown)
        });
        found.collect()
    }

    /// Creates or updates; a result for each record, in order.
    pub(crate) fn merge(&self, items: Vec<Result<Item, Failure>>) -> Vec<Value> {
        let mut table = lock(&self.table);
        table.counts.posts += 1;
        table.counts.post_records_max = table.counts.post_records_max.max(items.len() as u64);
        let mut seen = HashSet::new();
        let results = items.into_iter().map(|item| {
            let applied = item.and_then(|item| {
                let key = email_key(&item.email);
                if !seen.insert(key.clone()) {
                    return Err(Failure::new(1036, "Duplicate object found in input"));
                }
                if table.refuses(self.archive.number_of(&key)) {
                    return Err(Failure::new(1007, "Multiple leads match the lookup criteria"));
                }
                Ok(table.apply(key, item))
            });
            applied.unwrap_or_else(|failure| {
                table.counts.refused_items += 1;
                json!({ "status": "skipped", "reasons": [failure.json()] })
            })
        });
        results.collect()
    }

    /// From now on no e-mail is refused.
    pub(crate) fn accept_all(&self) {
        lock(&self.table).refuse_every = None;
    }

    /// Counts what is not the database's own.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Audit)) {
        add(&mut lock(&self.table).counts);
    }

    /// Records applied so far.
    pub(crate) fn applied(&self) -> u64 {
        let table = lock(&self.table);
        table.counts.created + table.counts.updated
    }

    /// What the database and the archive know.
    pub(crate) fn audit(&self) -> Audit {
        let chats = self.archive.ended();
        let correspondents = self.archive.correspondents();
        let malformed = chats
            .iter()
            .filter(|chat| matches!(self.archive.customer(chat).email, Email::Malformed(_)));
        let malformed = malformed.count() as u64;

        let table = lock(&self.table);
        let mut audit = Audit {
            chats: chats.len() as u64,
            chats_with_email: correspondents.iter().map(|one| one.chats).sum(),
            chats_with_malformed_email: malformed,
            ..table.counts.clone()
        };
        for one in correspondents {
            let refused = table.refuses(self.archive.number_of(&one.email));
            audit.chats_refused += if refused { one.chats } else { 0 };
            let lead = table.by_email.get(&one.email).map(|place| &table.leads[*place]);
            match lead {
                None if refused => {}
                None => {
                    audit.missing += 1;
                    if audit.missing_emails.len() < EXAMPLES_MAX {
                        audit.missing_emails.push(one.email);
                    }
                }
                Some(lead) => match lead.city() {
                    None => audit.unfilled += u64::from(!refused && one.city.is_some()),
                    city => {
                        audit.out_of_turn += u64::from(!lead.city_was_known && city != one.city);
                    }
                },
            }
        }
        audit
    }
}

impl Table {
    fn refuses(&self, number: Option<u64>) -> bool {
        let every = self.refuse_every.filter(|every| *every > 0);
        every.zip(number).is_some_and(|(every, number)| number.is_multiple_of(every))
    }

    fn apply(&mut self, key: String, item: Item) -> Value {
        let place = *self.by_email.entry(key).or_insert(self.leads.len());
        let is_new = place == self.leads.len();
        if is_new {
            self.leads.push(Lead { fields: BTreeMap::new(), city_was_known: false });
        }
        let lead = &mut self.leads[place];
        let before = lead.city().map(str::to_owned);
        for (field, value) in item.fields {
            match value {
                Some(text) => lead.fields.insert(field, text),
                None => lead.fields.remove(field),
            };
        }
        let counts = &mut self.counts;
        match (before, lead.city()) {
            (Some(before), after) if Some(before.as_str()) != after => {
                counts.overwritten += 1;
                if counts.overwritten_examples.len() < EXAMPLES_MAX {
                    let (email, after) = (item.email, after.unwrap_or("nothing"));
                    counts.overwritten_examples.push(format!("{email}: {before} became {after}"));
                }
            }
            (None, Some(_)) if !is_new => counts.filled += 1,
            _ => {}
        }
        let status = if is_new { "created" } else { "updated" };
        counts.created += u64::from(is_new);
        counts.updated += u64::from(!is_new);
        json!({ "id": FIRST_ID + place, "status": status })
    }
}
