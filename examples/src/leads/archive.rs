//! All chats, in the order in which they began, which is that in which they end too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::chat::Chat;
use super::config::{LeadsConfig, LiveChatConfig};
use super::customer::{Customer, Email, falls};
use crate::faults::mix;

/// The archive: what has ended, and what is yet to.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) config: LiveChatConfig,
    seed: u64,
    chats: Vec<Chat>,
    /// How many of them have ended.
    ended: AtomicUsize,
    /// Each distinct, valid e-mail with its number, from 1, in the order of the archive.
    numbers: HashMap<String, u64>,
}

/// One who chatted, and what they are known by.
#[derive(Debug)]
pub(crate) struct Correspondent {
    pub(crate) customer: Customer,
    /// In small letters.
    pub(crate) email: String,
    /// The city of their first chat that names one.
    pub(crate) city: Option<&'static str>,
    pub(crate) chats: u64,
}

impl Archive {
    pub(crate) fn new(config: &LeadsConfig) -> Self {
        let (seed, livechat) = (config.seed, config.livechat.clone());
        let step_us = livechat.step_ms.saturating_mul(1_000).max(1);
        let mut created_us =
            livechat.base_ms * 1_000 + (mix(seed ^ 0xba5e) % 1_000_000).cast_signed();
        let mut chats: Vec<Chat> = Vec::new();
        let mut numbers = HashMap::new();
        for number in 0..config.chats + config.chats_later {
            let bits = mix(seed ^ mix(number ^ 0xc4a7));
            let gap_us = match bits % 16 {
                _ if number == 0 => 0,
                0 => 0,
                1..=3 => mix(bits) % 300_000,
                _ => mix(bits) % step_us.saturating_mul(2),
            };
            created_us += gap_us.cast_signed();
            let earlier = falls(bits ^ 5, livechat.repeated)
                .then(|| mix(bits ^ 6).checked_rem(number))
                .flatten()
                .map(|earlier| chats[earlier as usize].customer);
            let customer = earlier.unwrap_or(number);
            if customer == number
                && let Email::Valid(email) = Customer::new(seed, number, &livechat).email
            {
                let count = numbers.len() as u64;
                numbers.insert(email, count + 1);
            }
            chats.push(Chat { number, customer, created_us, bits });
        }
        let ended = AtomicUsize::new(config.chats as usize);
        Self { config: livechat, seed, chats, ended, numbers }
    }

    /// The chats that have ended.
    pub(crate) fn ended(&self) -> &[Chat] {
        &self.chats[..self.ended.load(Ordering::Acquire)]
    }

    /// So many more end.
    pub(crate) fn end(&self, count: u64) {
        let more = |ended: usize| Some(ended.saturating_add(count as usize).min(self.chats.len()));
        // It never fails: the closure always has a value.
        let _ = self.ended.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
    }

    pub(crate) fn customer(&self, chat: &Chat) -> Customer {
        Customer::new(self.seed, chat.customer, &self.config)
    }

    /// The number of an e-mail, written in small letters; none where no customer in the archive has it.
    pub(crate) fn number_of(&self, email: &str) -> Option<u64> {
        self.numbers.get(email).copied()
    }

    /// Everybody with a valid e-mail whose chat has ended, by their first chat.
    pub(crate) fn correspondents(&self) -> Vec<Correspondent> {
        self.correspondents_of(self.ended())
    }

    /// Those who are yet to chat, too.
    pub(crate) fn all_correspondents(&self) -> Vec<Correspondent> {
        self.correspondents_of(&self.chats)
    }

    fn correspondents_of(&self, chats: &[Chat]) -> Vec<Correspondent> {
        let mut found: Vec<Correspondent> = Vec::new();
        let mut places: HashMap<u64, usize> = HashMap::new();
        for chat in chats {
            let customer = self.customer(chat);
            let Email::Valid(email) = customer.email.clone() else { continue };
            let city = chat.city(&customer, &self.config);
            let place = *places.entry(chat.customer).or_insert(found.len());
            if place == found.len() {
                found.push(Correspondent { customer, email, city: None, chats: 0 });
            }
            let one = &mut found[place];
            one.city = one.city.or(city);
            one.chats += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(seed: u64) -> Archive {
        Archive::new(&LeadsConfig { chats: 4_000, seed, ..LeadsConfig::default() })
    }

    #[test]
    fn shares_are_met_and_a_seed_repeats() {
        let archive = archive(7);
        let chats = archive.ended();
        let count = |is: &dyn Fn(&Chat) -> bool| chats.iter().filter(|chat| is(chat)).count();
        let email = |chat: &Chat| archive.customer(chat).email;
        let repeats = count(&|chat| chat.customer != chat.number);
        assert!((300..500).contains(&repeats), "{repeats}");
        let without = count(&|chat| matches!(email(chat), Email::Absent | Email::Null));
        assert!((300..500).contains(&without), "{without}");
        let malformed = count(&|chat| matches!(email(chat), Email::Malformed(_)));
        assert!((40..120).contains(&malformed), "{malformed}");

        assert!(chats.is_sorted_by_key(|chat| chat.created_us));
        let ties = |unit| {
            let same = |two: &&[Chat]| two[0].created_us / unit == two[1].created_us / unit;
            chats.windows(2).filter(same).count()
        };
        assert!(ties(1) > 150 && ties(1_000_000) > 600);
        let again = self::archive(7);
        assert!(chats.iter().zip(again.ended()).all(|(a, b)| a.id() == b.id()));
    }

    #[test]
    fn a_customer_who_comes_again_names_another_city() {
        let archive = archive(1);
        for chat in archive.ended().iter().filter(|chat| chat.customer != chat.number) {
            let customer = archive.customer(chat);
            let first = archive.ended()[chat.customer as usize].city(&customer, &archive.config);
            let later = chat.city(&customer, &archive.config);
            assert!(first.is_none() || later != first, "{chat:?}");
        }
    }
}
