//! Records sent over HTTP, and what becomes of each by the answer.

use reqwest::StatusCode;
use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::{Batching, Delivery, Outgoing},
};
use tokio::time::Instant;

use super::{
    batch::Bulk,
    compose::{Beside, Composer},
    follow::Follow,
    in_progress,
    items::Items,
    namesakes::Sent,
    on_unknown::Question,
    order::Names,
    removal::Deletions,
    results::ResultReader,
    success::Success,
    unanswered::Unanswered,
    unread::Unread,
};
use crate::{
    http::{Answer, Exchange, Judged, Meaning, Request, Rules},
    json::mended,
    value::SentValues,
};

/// A reason is one line of at most so many characters.
pub(super) const REASON_CHARS_MAX: usize = 300;

/// An HTTP API that takes records.
pub(super) struct HttpDestination {
    /// Composes the request of one record; the first one where others may follow.
    pub(super) single: Composer,
    /// Composes what is sent for a deletion, where that is another request.
    pub(super) removal: Option<Composer>,
    /// The request that may follow.
    pub(super) follow: Option<Follow>,
    pub(super) deletions: Deletions,
    /// What of a record goes out in requests of its own, where it is split.
    pub(super) items: Option<Items>,
    /// Whether a request carries its idempotency key in a header.
    pub(super) has_key: bool,
    pub(super) exchange: Exchange,
    pub(super) rules: Rules,
    pub(super) bulk: Option<Bulk>,
    /// Whether tries begin with the question, by this way of requests or by another of the flow's.
    pub(super) finds: bool,
    /// How to ask whether it has a record, where the flow says so.
    pub(super) has: Option<Box<dyn Question>>,
    /// What a success says beside its status.
    pub(super) success: Success,
}

impl HttpDestination {
    /// Sends one record, or one item of `whole`, by the request that is its next.
    pub(super) async fn deliver_one(
        &self,
        record: &Outgoing,
        whole: Option<&[u8]>,
        until: Instant,
    ) -> Delivery {
        let removal = self.removal_of(record);
        // A deletion is not created or updated.
        let follow = self.follow.as_ref().filter(|_| removal.is_none());
        let key = follow.map(|_| self.single.key(record, whole));
        let before = follow.zip(key.as_ref()).and_then(|(follow, key)| follow.take(key));
        let composer = match (removal, follow.filter(|_| before.is_some())) {
            (Some(removal), _) => removal,
            (None, Some(follow)) => follow.second.composer(before.as_deref().unwrap_or_default()),
            (None, None) => &self.single,
        };
        // A question may be asked as often as it takes.
        let only_asks = before.is_none() && follow.is_some_and(|it| !it.second.writes_first());
        let beside = Beside { answer: before.as_deref().unwrap_or_default(), whole };
        let request = match composer.request(record, beside) {
            Ok(request) => request,
            Err(error) => return vec![self.not_sent(&error)].into(),
        };
        let answer = match self.send(request, until).await {
            Ok(answer) => answer,
            Err(unanswered) if only_asks => {
                let outcome = Outcome::Later(harmless(unanswered.later));
                return vec![outcome].into();
            }
            Err(unanswered) => {
                if let (Some(follow), Some(key), Some(before)) = (follow, key, before)
                    && follow.second.writes_first()
                {
                    follow.keep(key, before);
                }
                let in_flight = unanswered.in_flight;
                return Delivery { in_flight, ..vec![self.unanswered(unanswered)].into() };
            }
        };
        let status = answer.status.as_u16();
        let judged = self.judge(&answer, 1);
        let mut outcome = self.outcome(&answer, &judged);
        let is_gone = matches!(status, 404 | 410) && judged.meaning != Meaning::Token;
        if removal.is_some_and(|removal| removal.url().names_record()) && is_gone {
            outcome = Outcome::Skipped(SkipReason::Duplicate);
        }
        let mut again = false;
        if let (Some(follow), Some(key)) = (follow, key) {
            // An error inside a success would look like a record that is not there.
            let is_plain = !answer.status.is_success() && !judged.by_rule;
            let says = !only_asks || judged.meaning == Meaning::Delivered || is_plain;
            match before {
                None => again = says && follow.asks(&key, status, &answer.body),
                Some(before) if follow.second.is_contrary(&before, status) => {
                    let reason = self.reason(&answer, &judged);
                    outcome = Outcome::Later(request_later(format!(
                        "{status}, which contradicts the answer before: {reason}"
                    )));
                }
                // It is tried again by itself: perhaps a limit permits one request only.
                Some(before)
                    if matches!(outcome, Outcome::Later(_)) && follow.second.writes_first() =>
                {
                    follow.keep(key, before);
                }
                Some(_) => {}
            }
        }
        // An answer that says what to do next speaks well of the destination.
        if only_asks && !again {
            outcome = self.of_question(outcome, &answer, &judged);
        }
        let allowance = self.exchange.left(&answer).allowance();
        Delivery { outcomes: vec![outcome], allowance, in_flight: false, again }
    }

    /// What became of a record of which it was only asked whether it is there, in vain: nothing was written yet.
    fn of_question(&self, outcome: Outcome, answer: &Answer, judged: &Judged<'_>) -> Outcome {
        match outcome {
            Outcome::Delivered | Outcome::Skipped(_) => {
                let (status, said) = (answer.status.as_u16(), self.reason(answer, judged));
                let reason = format!("{status}, which does not say whether it is there: {said}");
                Outcome::Later(request_later(reason))
            }
            Outcome::Later(later) => Outcome::Later(harmless(later)),
            refused => refused,
        }
    }

    /// A record that makes no request: nothing is said of the destination.
    fn not_sent(&self, error: &str) -> Outcome {
        let reason = self.exchange.line(error, REASON_CHARS_MAX);
        Outcome::Refused { status: None, reason: reason.into() }
    }

    /// What composes a record's request, if it is a deletion that has one of its own.
    fn removal_of(&self, record: &Outgoing) -> Option<&Composer> {
        let is_deletion = |_: &&Composer| self.deletions.has(&record.source, record.deleted);
        self.removal.as_ref().filter(is_deletion)
    }

    /// The idempotency key that a record is sent with.
    fn key(&self, record: &Outgoing) -> String {
        match (&self.bulk, self.removal_of(record)) {
            (Some(bulk), _) => bulk.record_key(record),
            (None, Some(removal)) => removal.key(record, None),
            (None, None) => self.single.key(record, None),
        }
    }

    /// Sends many records in one request; but of several that the answer would name alike, only the
    /// first: the others go in another. Those that it could not name are not sent.
    pub(super) async fn deliver_bulk(
        &self,
        bulk: &Bulk,
        records: &[Outgoing],
        whole: Option<&[u8]>,
        until: Instant,
    ) -> Delivery {
        let names = bulk.results.as_ref().map(|results| results.names(records)).unwrap_or_default();
        let each_is_named = bulk.results.as_ref().is_some_and(ResultReader::each_is_named);
        let Some(sent) = Sent::of(&names, each_is_named) else {
            return self.deliver_named(bulk, records, whole, &names, until).await;
        };
        let some: Vec<Outgoing> = sent.0.iter().map(|at| records[*at].clone()).collect();
        let their_names: Names = sent.0.iter().map(|at| names[*at].clone()).collect();
        let delivery = match some.as_slice() {
            [] => Vec::new().into(),
            some => self.deliver_named(bulk, some, whole, &their_names, until).await,
        };
        let outcomes = sent.outcomes(&names, each_is_named, delivery.outcomes);
        Delivery { outcomes, ..delivery }
    }

    /// Sends one request. Where all are refused, or said to be there, for the sake of some, they are given
    /// back to be sent in smaller requests, each of which the application's limits count.
    async fn deliver_named(
        &self,
        bulk: &Bulk,
        records: &[Outgoing],
        whole: Option<&[u8]>,
        names: &Names,
        until: Instant,
    ) -> Delivery {
        let all = |outcome: Outcome| vec![outcome; records.len()];
        // It names no record, or the one that all of these are items of: any of them will do.
        let around = bulk_values(records, whole);
        let deleted = |record: &Outgoing| self.deletions.has(&record.source, record.deleted);
        let body = bulk.body(records, whole, deleted);
        let mut request = match body.and_then(|body| self.single.with_body(&around, body)) {
            Ok(request) => request,
            // One of them makes no body: alone it is refused, and the others go without it.
            Err(error) if records.len() > 1 => return all(in_parts(0, &error)).into(),
            Err(error) => return all(self.not_sent(&error)).into(),
        };
        bulk.sign(&mut request, records);
        let answer = match self.send(request, until).await {
            Ok(answer) => answer,
            Err(unanswered) => {
                let in_flight = unanswered.in_flight;
                return Delivery { in_flight, ..all(self.unanswered(unanswered)).into() };
            }
        };
        let judged = self.judge(&answer, records.len());
        let outcomes =
            self.each(bulk, names, records.len(), &answer, &judged).unwrap_or_else(|| {
                match self.outcome(&answer, &judged) {
                    // One that exists does not speak for the others: they are sent in parts, too.
                    Outcome::Refused { .. } | Outcome::Skipped(_)
                        if records.len() > 1 && !judged.unread =>
                    {
                        all(in_parts(answer.status.as_u16(), &self.reason(&answer, &judged)))
                    }
                    outcome => all(outcome),
                }
            });
        let allowance = self.exchange.left(&answer).allowance();
        Delivery { outcomes, allowance, in_flight: false, again: false }
    }

    /// Each record's own outcome, where the answer has one for it.
    fn each(
        &self,
        bulk: &Bulk,
        names: &Names,
        records: usize,
        answer: &Answer,
        judged: &Judged<'_>,
    ) -> Option<Vec<Outcome>> {
        let results = bulk.results.as_ref()?;
        let line = |text: &str| self.exchange.line(text, REASON_CHARS_MAX);
        let is_success = answer.status.is_success();
        let read =
            || results.read(&answer.body, records, names, is_success, answer.after_ms(), &line);
        let said = || self.reason(answer, judged);
        match judged.meaning {
            Meaning::Delivered => Some(match read() {
                Ok(each) => {
                    // Of one alone it is its own affair; of many, perhaps of how the flow reads answers.
                    let blame = if records == 1 { Blame::Record } else { Blame::Request };
                    let none = || {
                        let reason =
                            format!("the answer has no result for this record: {}", said());
                        Outcome::Later(Later { blame, unknown: true, ..request_later(reason) })
                    };
                    each.into_iter().map(|outcome| outcome.unwrap_or_else(none)).collect()
                }
                Err(unread @ Unread::Elsewhere(_)) => {
                    let reason = format!("{unread}: {}", said());
                    vec![Outcome::Later(Meaning::Unread.later(None, reason)); records]
                }
                Err(unread) => vec![unknown(format!("{unread}: {}", said())); records],
            }),
            // Refused, but with results: those say more.
            Meaning::Refused => refused_each(read().ok()?, answer.status, &said()),
            _ => None,
        }
    }

    /// It is over, answered or not, at `until` at the latest.
    async fn send(&self, request: Request, until: Instant) -> Result<Answer, Unanswered> {
        let sent = self.exchange.send(&request, until, |answer| self.refuses_token(answer)).await;
        let mut answer = sent.map_err(Unanswered::from)?;
        answer.body = mended(answer.body);
        Ok(answer)
    }

    /// What an answer means, of a request for so many records.
    fn judge<'b>(&self, answer: &'b Answer, records: usize) -> Judged<'b> {
        let judged = self.success.doubt(self.by_rules(answer), answer);
        let meaning = match judged.meaning {
            Meaning::Rights if self.is_limited(answer) => Meaning::Limit,
            // Of many, it is hardly one that they are refused for.
            Meaning::Rights if records > 1 => Meaning::Connection,
            Meaning::Unexplained if records > 1 => Meaning::Unknown,
            Meaning::Refused if !judged.by_rule && self.is_in_progress(answer) => Meaning::Unknown,
            meaning => meaning,
        };
        Judged { meaning, ..judged }
    }

    fn by_rules<'b>(&self, answer: &'b Answer) -> Judged<'b> {
        self.rules.answer(answer.status.as_u16(), &answer.body, answer.is_whole())
    }

    /// Whether the destination does not know the token any more.
    fn refuses_token(&self, answer: &Answer) -> bool {
        self.by_rules(answer).meaning == Meaning::Token
    }

    /// Whether an answer asks for time, or says that nothing is left: some answer 403 to that.
    fn is_limited(&self, answer: &Answer) -> bool {
        answer.after_ms().is_some() || self.exchange.left(answer).remaining == Some(0)
    }

    /// Whether an earlier request with the same key is still at it: 409, by the draft of the header
    /// `Idempotency-Key` and by Stripe.
    fn is_in_progress(&self, answer: &Answer) -> bool {
        let carries_keys = |bulk: &Bulk| bulk.batching(self.has_key).carries_keys;
        let has_key = self.single.carries_key() || self.bulk.as_ref().is_some_and(carries_keys);
        let says_so = || in_progress::is_said(&answer.body) || answer.after_ms().is_some();
        has_key && answer.status == StatusCode::CONFLICT && says_so()
    }

    /// What an answer means for everything that was sent with it.
    fn outcome(&self, answer: &Answer, judged: &Judged<'_>) -> Outcome {
        match judged.meaning {
            // No reason to be made.
            Meaning::Delivered => Outcome::Delivered,
            meaning @ (Meaning::Duplicate | Meaning::Refused) => {
                meaning.outcome(Some(answer.status.as_u16()), None, self.reason(answer, judged))
            }
            _ => Outcome::Later(self.later(answer, judged)),
        }
    }

    /// What there is to wait for. Every answer that is about credentials, [`Meaning::Token`], passes
    /// here: the place to have them refreshed.
    fn later(&self, answer: &Answer, judged: &Judged<'_>) -> Later {
        let status = answer.status.as_u16();
        let reason = format!("{status}: {}", self.reason(answer, judged));
        let after_ms = judged.wait_ms(status, answer.after_ms(), self.exchange.left(answer));
        judged.meaning.later(after_ms, reason)
    }

    /// What the flow says of a request without an answer; else what it means by itself.
    fn unanswered(&self, Unanswered { kind, unfit, later, .. }: Unanswered) -> Outcome {
        if unfit && self.bulk.is_none() {
            return Outcome::Refused { status: None, reason: later.reason.into() };
        }
        match kind.and_then(|kind| self.rules.failure(kind)) {
            Some((meaning, after_ms)) => meaning.outcome(None, after_ms, later.reason.into_owned()),
            None => Outcome::Later(later),
        }
    }

    /// What the destination says, in one line, without our secrets.
    fn reason(&self, answer: &Answer, judged: &Judged<'_>) -> String {
        let line = self.exchange.line(&judged.said(&answer.body), REASON_CHARS_MAX);
        if line.is_empty() { "it does not say why".to_owned() } else { line }
    }

    /// Asks whether the destination has a record.
    pub(super) async fn ask(&self, record: &Outgoing, until: Instant) -> Result<bool, Later> {
        // It is sent again: its next try begins with the question, or its route is beside one whose tries do.
        if self.finds {
            return Ok(false);
        }
        let Some(has) = &self.has else {
            return Err(request_later("the flow does not say how to ask for a record".to_owned()));
        };
        let key = self.key(record);
        // It cannot be asked for, now or ever, and nothing is said of the destination.
        let url = has.url(record, &key).map_err(|error| {
            let reason = self.exchange.line(&error.to_string(), REASON_CHARS_MAX);
            Later { blame: Blame::Record, unknown: true, ..request_later(reason) }
        })?;
        let sent = self.send(Request::get(url), until).await;
        let answer = sent.map_err(|unanswered| harmless(unanswered.later))?;
        let judged = self.by_rules(&answer);
        if let Some(came) = self.success.instead(&answer).filter(|_| !judged.by_rule) {
            let reason =
                self.exchange.line(&format!("no answer of the API's: {came}"), REASON_CHARS_MAX);
            return Err(request_later(reason));
        }
        // An error inside a success would look like a record that is not there.
        let error_inside = answer.status.is_success() && judged.meaning != Meaning::Delivered;
        match has.judge(answer.status.as_u16(), &answer.body).filter(|_| !error_inside) {
            Some(found) => Ok(found),
            None => Err(harmless(self.later(&answer, &judged))),
        }
    }
}

/// What completes the address of a request for these.
pub(super) fn bulk_values<'r>(records: &'r [Outgoing], whole: Option<&'r [u8]>) -> SentValues<'r> {
    match (records.first(), whole) {
        (Some(first), Some(whole)) => {
            SentValues { source: &first.source, body: whole, ..SentValues::default() }
        }
        _ => SentValues { source: b"null", body: b"null", ..SentValues::default() },
    }
}

/// What became of each, where the whole was refused and some have results of their own. Of a refusal by its
/// status nothing was applied, so that the others are sent again; of a success that a rule calls a refusal it is
/// not known.
fn refused_each(
    each: Vec<Option<Outcome>>,
    status: StatusCode,
    said: &str,
) -> Option<Vec<Outcome>> {
    let other = |outcome: &Option<Outcome>| !matches!(outcome, None | Some(Outcome::Delivered));
    if !each.iter().any(other) {
        // It names none of those for whose sake it is refused.
        return each.into_iter().collect();
    }
    let rest = || match status.is_success() {
        true => unknown(format!("the answer has no result for this record: {said}")),
        false => in_parts(status.as_u16(), said),
    };
    let kept = |outcome: Option<Outcome>| outcome.unwrap_or_else(rest);
    Some(each.into_iter().map(kept).collect())
}

/// Refused for the sake of some: each is to be sent again, among fewer.
fn in_parts(status: u16, reason: &str) -> Outcome {
    Outcome::Later(Later {
        blame: Blame::Batch,
        after_ms: Some(0),
        unknown: false,
        reason: format!("{status}, for all of the request: {reason}").into(),
    })
}

/// A record without a result may have been taken or not.
fn unknown(reason: String) -> Outcome {
    Outcome::Later(Later { unknown: true, ..request_later(reason) })
}

/// To ask changes nothing, whatever becomes of the answer.
fn harmless(later: Later) -> Later {
    Later { unknown: false, ..later }
}

fn request_later(reason: String) -> Later {
    Later { blame: Blame::Request, after_ms: None, unknown: false, reason: reason.into() }
}

impl HttpDestination {
    /// Whether a record is a deletion that no transform shapes.
    pub(super) fn takes_unshaped(&self, record: &[u8], deleted: bool) -> bool {
        let apart = match &self.bulk {
            Some(bulk) if self.items.is_none() => bulk.has_deletions(),
            _ => self.removal.is_some(),
        };
        apart && self.deletions.has(record, deleted)
    }

    /// How records are put into requests.
    pub(super) fn batching(&self) -> Batching {
        match &self.bulk {
            // A bulk has items of one record.
            Some(bulk) if self.items.is_none() => bulk.batching(self.has_key),
            _ => Batching::ONE,
        }
    }

    /// Sends one request with these records.
    pub(super) async fn deliver(&self, records: &[Outgoing], until: Instant) -> Delivery {
        if let (Some(bulk), None) = (&self.bulk, &self.items) {
            return self.deliver_bulk(bulk, records, None, until).await;
        }
        let mut all = Delivery::default();
        for record in records {
            let one = match &self.items {
                Some(items) if self.removal_of(record).is_none() => {
                    self.deliver_items(items, record, until).await
                }
                _ => self.deliver_one(record, None, until).await,
            };
            all.outcomes.extend(one.outcomes);
            all.allowance = one.allowance.or(all.allowance);
            all.in_flight |= one.in_flight;
            all.again |= one.again;
        }
        all
    }
}
