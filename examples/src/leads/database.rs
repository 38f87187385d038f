//! Marketo's leads, and what was done to them. One lock; nothing is awaited under it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use super::answer::{Failure, Page};
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

/// What a merge must leave as it is, once it is known: what `flows/leads.yaml` never overwrites.
pub const NEVER_OVERWRITTEN: [&str; 6] =
    ["firstName", "lastName", "city", "country", "phone", "leadSource"];

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
    /// To places in `leads`: several share one e-mail at times, from the start.
    by_email: HashMap<String, Range<usize>>,
    /// Its counts are kept here, too; the rest is filled in when it is asked for.
    counts: Audit,
}

#[derive(Debug, Clone)]
struct Lead {
    /// A field that is not there is null.
    fields: BTreeMap<Field, String>,
    /// It had a city before the first merge.
    city_was_known: bool,
}

impl Lead {
    /// What is known; an empty text is nothing.
    fn known(&self, field: Field) -> Option<&str> {
        self.fields.get(field).map(String::as_str).filter(|text| !text.trim().is_empty())
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
            for (field, value) in one.customer.lead_fields() {
                fields.insert(field, value.to_owned());
            }
            let mut lead = Lead { city_was_known: false, fields };
            lead.city_was_known = lead.known("city").is_some();
            let first = table.leads.len();
            let copies = one.customer.lead_copies(config.shared);
            table.leads.extend(std::iter::repeat_n(lead, copies));
            table.by_email.insert(one.email, first..first + copies);
        }
        table.counts.leads_before = table.leads.len() as u64;
        Self { archive, table: Mutex::new(table) }
    }

    /// The leads that exist, each once, by their e-mail's first mention: a page of them.
    pub(crate) fn look_up(&self, lookup: &Lookup) -> Page {
        let mut table = lock(&self.table);
        let mut seen = HashSet::new();
        let keys = lookup.emails.iter().map(|email| email_key(email));
        let places = keys.filter(|key| seen.insert(key.clone()));
        let places = places.filter_map(|key| table.by_email.get(&key).cloned()).flatten();
        let page = lookup.page(places.map(|place| {
            let lead = &table.leads[place];
            let mut shown = Map::from_iter([("id".to_owned(), json!(FIRST_ID + place))]);
            for field in &lookup.fields {
                shown.insert((*field).to_owned(), json!(lead.fields.get(field)));
            }
            Value::Object(shown)
        }));
        table.counts.lookups += 1;
        table.counts.lookups_with_more += u64::from(page.next.is_some());
        page
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
                if table.refuses(&key, self.archive.number_of(&key)) {
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

    /// From now on no e-mail is refused: leads that share one are merged.
    pub(crate) fn accept_all(&self) {
        let mut table = lock(&self.table);
        table.refuse_every = None;
        table.by_email.values_mut().for_each(|places| places.end = places.start + 1);
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
            let refused = table.refuses(&one.email, self.archive.number_of(&one.email));
            audit.chats_refused += if refused { one.chats } else { 0 };
            let lead = table.by_email.get(&one.email).map(|places| &table.leads[places.start]);
            match lead {
                None if refused => {}
                None => {
                    audit.missing += 1;
                    if audit.missing_emails.len() < EXAMPLES_MAX {
                        audit.missing_emails.push(one.email);
                    }
                }
                Some(lead) => {
                    // All but the city are named by every chat.
                    let named = |field: &Field| *field != "city" || one.city.is_some();
                    let empty = |field: &Field| named(field) && lead.known(field).is_none();
                    let unfilled = NEVER_OVERWRITTEN.iter().filter(|field| empty(field)).count();
                    audit.unfilled += if refused { 0 } else { unfilled as u64 };
                    let city = lead.known("city").filter(|_| !lead.city_was_known);
                    audit.out_of_turn += u64::from(city.is_some() && city != one.city);
                }
            }
        }
        audit
    }
}

impl Table {
    fn refuses(&self, key: &str, number: Option<u64>) -> bool {
        let every = self.refuse_every.filter(|every| *every > 0);
        every.zip(number).is_some_and(|(every, number)| number.is_multiple_of(every))
            || self.by_email.get(key).is_some_and(|places| places.len() > 1)
    }

    fn apply(&mut self, key: String, item: Item) -> Value {
        let end = self.leads.len();
        let place = self.by_email.entry(key).or_insert(end..end + 1).start;
        let is_new = place == end;
        if is_new {
            self.leads.push(Lead { fields: BTreeMap::new(), city_was_known: false });
        }
        let lead = &mut self.leads[place];
        let counts = &mut self.counts;
        for (field, value) in item.fields {
            let before = lead.known(field).map(str::to_owned);
            match value {
                Some(text) => lead.fields.insert(field, text),
                None => lead.fields.remove(field),
            };
            if !NEVER_OVERWRITTEN.contains(&field) {
                continue;
            }
            match (before, lead.known(field)) {
                (Some(before), after) if Some(before.as_str()) != after => {
                    counts.overwritten += 1;
                    if counts.overwritten_examples.len() < EXAMPLES_MAX {
                        let (email, after) = (&item.email, after.unwrap_or("nothing"));
                        let example = format!("{email}, {field}: {before} became {after}");
                        counts.overwritten_examples.push(example);
                    }
                }
                (None, Some(_)) if !is_new => counts.filled += 1,
                _ => {}
            }
        }
        let status = if is_new { "created" } else { "updated" };
        counts.created += u64::from(is_new);
        counts.updated += u64::from(!is_new);
        json!({ "id": FIRST_ID + place, "status": status })
    }
}
