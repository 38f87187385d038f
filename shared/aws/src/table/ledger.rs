//! The ledger: an item an entity.

use std::{
    collections::{HashMap, HashSet},
    iter::repeat_with,
};

use aws_sdk_dynamodb::types::AttributeValue;
use tidegate_core::{
    model::{Edition, EpochMs, RecordId, StreamId},
    ports::{Claim, ClaimEnd, Claimant, Ending, Ledger, Over, Unavailable},
};

use super::{
    Table,
    item::{Item, Read, number, text},
    key::Key,
    statements::{Executed, Statement},
};

type Answer<T> = Result<T, Unavailable>;

/// How often an item is looked at for one claim: more often than two others can come between.
const LOOKS_MAX: usize = 4;

/// What a claim leaves behind that ends.
const OF_A_CLAIM: [&str; 5] =
    ["lock_owner", "lock_until_ms", "prior_owner", "prior_claimed", "prior_until_ms"];

impl Ledger for Table {
    async fn claim(
        &self,
        stream: &StreamId,
        editions: &[(RecordId, Edition)],
        by: &Claimant<'_>,
    ) -> Vec<Answer<Claim>> {
        let key = |(entity, _): &(RecordId, Edition)| Key::ledger(stream, entity);
        let keys: Vec<Key> = editions.iter().map(key).collect();
        let mut answers: Vec<Option<Answer<Claim>>> =
            repeat_with(|| None).take(editions.len()).collect();
        let mut stand: Vec<Stands> = repeat_with(|| Stands::Unread).take(editions.len()).collect();
        for _ in 0..LOOKS_MAX {
            self.read(&keys, &mut stand, &mut answers).await;
            let (mut claims, mut statements) = (Vec::new(), Vec::new());
            for (at, (_, edition)) in editions.iter().enumerate() {
                if answers[at].is_some() {
                    continue;
                }
                let item = match &stand[at] {
                    Stands::As(item) => Some(item),
                    Stands::Nowhere | Stands::Unread => None,
                };
                match decide(item, *edition, by) {
                    Ok(Decision::Answered(claim)) => answers[at] = Some(Ok(claim)),
                    Ok(Decision::Writes(prior)) => {
                        claims.push((at, prior.claim(*edition)));
                        let key = keys[at].clone();
                        statements.push(claims_by(self.name(), key, *edition, by, item, prior));
                    }
                    Err(damaged) => answers[at] = Some(Err(damaged)),
                }
            }
            for ((at, claim), executed) in claims.into_iter().zip(self.execute(&statements).await) {
                match executed {
                    Executed::Yes => answers[at] = Some(Ok(claim)),
                    // Another came between, or it is our own earlier try: looked at once more.
                    Executed::No(item) => stand[at] = item.map_or(Stands::Unread, Stands::As),
                    Executed::Unknown(why) => answers[at] = Some(Err(why)),
                }
            }
            if answers.iter().all(Option::is_some) {
                break;
            }
        }
        let changes = || Unavailable("the entity's item changes again and again".into());
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(changes()))).collect()
    }

    async fn finish(&self, stream: &StreamId, endings: &[Ending]) -> Answer<()> {
        let mut all = Ok(());
        let mut left: Vec<&Ending> = endings.iter().collect();
        while !left.is_empty() {
            // No request takes two statements on one item.
            let (mut now, mut then, mut statements) = (HashSet::new(), Vec::new(), Vec::new());
            for ending in left {
                if !now.insert(&ending.entity) {
                    then.push(ending);
                } else if let Some(statement) = ends(self.name(), stream, ending) {
                    statements.push(statement);
                }
            }
            for executed in self.execute(&statements).await {
                if let Executed::Unknown(why) = executed {
                    all = Err(why);
                }
            }
            left = then;
        }
        all
    }
}

impl Table {
    /// Reads the items that are not known yet, of claims that are not answered.
    async fn read(
        &self,
        keys: &[Key],
        stand: &mut [Stands],
        answers: &mut [Option<Answer<Claim>>],
    ) {
        let is_unread = |at: &usize| answers[*at].is_none() && matches!(stand[*at], Stands::Unread);
        let unread: Vec<usize> = (0..keys.len()).filter(is_unread).collect();
        match self.get_all(unread.iter().map(|at| keys[*at].clone()).collect()).await {
            Ok(items) => {
                let of = |item: Item| item.text("pk").map(str::to_owned).ok().map(|pk| (pk, item));
                let mut items: HashMap<String, Item> = items.into_iter().filter_map(of).collect();
                for at in unread {
                    stand[at] = items.remove(&keys[at].pk).map_or(Stands::Nowhere, Stands::As);
                }
            }
            Err(why) => unread.into_iter().for_each(|at| answers[at] = Some(Err(why.clone()))),
        }
    }
}

/// What is known of an entity's item.
enum Stands {
    Unread,
    Nowhere,
    As(Item),
}

/// What a claim comes to, by the item as it stands.
enum Decision {
    /// Nothing is to be written.
    Answered(Claim),
    /// The claim may be made, if the item still stands so.
    Writes(Prior),
}

/// What is known of the claim before this one.
#[derive(Clone, Copy)]
enum Prior {
    /// There is none whose end is not known.
    None,
    /// It was of this edition or another, and nothing of it lands after this moment.
    Open { claimed: i128, lands_ms: EpochMs },
    /// The same, but that the new one writes the same before that moment. Other editions wait for it.
    Repeated { lands_ms: EpochMs },
}

impl Prior {
    /// What the claim answers that is made after it.
    fn claim(self, edition: Edition) -> Claim {
        let unknown_until_ms = match self {
            Self::None => None,
            Self::Open { claimed, lands_ms } => (claimed == as_number(edition)).then_some(lands_ms),
            Self::Repeated { lands_ms } => Some(lands_ms),
        };
        Claim::Mine { unknown_until_ms }
    }
}

fn decide(stands: Option<&Item>, edition: Edition, by: &Claimant<'_>) -> Answer<Decision> {
    let Some(stands) = stands else { return Ok(Decision::Writes(Prior::None)) };
    if is_repeat(stands, edition, by.owner)? {
        return mine(stands, edition).map(Decision::Answered);
    }
    let (this, claimed) = (as_number(edition), stands.number::<i128>("claimed")?);
    let is_applied = stands.number_if_any("applied")?.is_some_and(|applied: i128| applied >= this);
    let may_land = claimed != this && lands_until(stands)? >= by.now_ms;
    let lock_ms = lock_of(stands)?;
    let is_free = match owner_of(stands)? {
        None => true,
        Some(owner) if owner == by.owner => claimed < this,
        Some(_) => lock_ms < by.now_ms,
    };
    if claimed <= this && !is_applied && !may_land && is_free {
        let open = Prior::Open { claimed, lands_ms: lock_ms.max(lands_until(stands)?) };
        return Ok(Decision::Writes(owner_of(stands)?.map_or(Prior::None, |_| open)));
    }
    match over(stands, by)? {
        Some(over) => take_over(stands, edition, by, over),
        None => refused(stands, edition, lock_ms, by.now_ms).map(Decision::Answered),
    }
}

/// Takes over what a claimant has that is no more: when nothing of it can land any more, or for a repeat of
/// the same edition, which then keeps every other one out for as long.
fn take_over(stands: &Item, edition: Edition, by: &Claimant<'_>, over: Over) -> Answer<Decision> {
    let lands_ms = lock_of(stands)?.min(over.lands_until_ms);
    let claimed = stands.number::<i128>("claimed")?;
    let repeats = claimed == as_number(edition) && by.may_repeat;
    let refusal = refused(stands, edition, lands_ms, by.now_ms)?;
    let waits = matches!(refusal, Claim::Locked { .. }) && !repeats;
    if waits || claimed > as_number(edition) || refusal == Claim::Applied {
        return Ok(Decision::Answered(refusal));
    }
    Ok(Decision::Writes(match repeats {
        true => Prior::Repeated { lands_ms: lands_ms.max(lands_until(stands)?) },
        false => Prior::Open { claimed, lands_ms: lands_ms.max(lands_until(stands)?) },
    }))
}

/// The statement that claims. What was decided from the item is the condition of the write: who claimed
/// what, what was applied, and until when something may land.
fn claims_by(
    table: &str,
    key: Key,
    edition: Edition,
    by: &Claimant<'_>,
    stands: Option<&Item>,
    prior: Prior,
) -> Statement {
    let mut set = vec![
        ("claimed", number(as_number(edition))),
        ("lock_owner", text(by.owner)),
        ("lock_until_ms", number(by.until_ms)),
        ("locked_ms", number(by.now_ms)),
    ];
    let Some(stands) = stands else { return Statement::insert(table, key, set) };
    // Who had it before, and what: the lock of a claim that ran out does not say what came of it.
    let as_it_stands = |name| stands.get(name).cloned();
    let (claimed, lands_ms) = match prior {
        Prior::None => (number(as_number(edition)), 0),
        Prior::Open { claimed, lands_ms } => (number(claimed), lands_ms),
        Prior::Repeated { lands_ms } => (number(as_number(edition)), lands_ms),
    };
    set.extend([
        ("prior_owner", as_it_stands("lock_owner").unwrap_or_else(|| text(""))),
        ("prior_claimed", claimed),
        ("prior_until_ms", number(lands_ms)),
    ]);
    if let Prior::Repeated { lands_ms } = prior {
        set.push(("lands_until_ms", number(lands_ms)));
    }
    let conditions = ["claimed", "lock_owner", "applied", "lands_until_ms"]
        .map(|name| (name, as_it_stands(name)));
    Statement::update(table, key, set, &[], conditions.into())
}

/// The statement that ends a claim; `None` where its lock has to run out.
fn ends(table: &str, stream: &StreamId, ending: &Ending) -> Option<Statement> {
    let Ending { entity, edition, owner, end } = ending;
    let edition: AttributeValue = number(as_number(*edition));
    let applied = |name| (name, edition.clone());
    let (set, remove) = match *end {
        ClaimEnd::Free => (Vec::new(), OF_A_CLAIM.to_vec()),
        // A claim of an older release did not say: its lock runs out.
        ClaimEnd::AsBefore { until_ms: EpochMs::MAX } => return None,
        // The lock that ran out before it stays, as the sign of what is unknown.
        ClaimEnd::AsBefore { until_ms } => (vec![("lock_until_ms", number(until_ms))], Vec::new()),
        // So does this one: what is unknown lands until then, or not at all.
        ClaimEnd::Answered { lands_until_ms } => {
            let set =
                vec![("lock_until_ms", number(0)), ("lands_until_ms", number(lands_until_ms))];
            (set, Vec::new())
        }
        ClaimEnd::Applied => (vec![applied("applied")], [&OF_A_CLAIM[..], &["tombstone"]].concat()),
        ClaimEnd::Deleted => (vec![applied("applied"), applied("tombstone")], OF_A_CLAIM.to_vec()),
    };
    let conditions = vec![("lock_owner", Some(text(&**owner))), ("claimed", Some(edition))];
    Some(Statement::update(table, Key::ledger(stream, entity), set, &remove, conditions))
}

/// A claim that was made.
fn mine(item: &Item, edition: Edition) -> Answer<Claim> {
    let again = item.number_if_any("prior_claimed")? == Some(as_number(edition));
    if !again || item.text("prior_owner")?.is_empty() {
        return Ok(Claim::Mine { unknown_until_ms: None });
    }
    // A claim of an older release does not say.
    let until_ms = item.number_if_any("prior_until_ms")?.unwrap_or(EpochMs::MAX);
    Ok(Claim::Mine { unknown_until_ms: Some(until_ms) })
}

/// Who has the lock, if one does.
fn owner_of(stands: &Item) -> Answer<Option<&str>> {
    stands.get("lock_owner").map(|_| stands.text("lock_owner")).transpose()
}

/// Whether who has the lock is known to be no more.
fn over(stands: &Item, by: &Claimant<'_>) -> Answer<Option<Over>> {
    let Some(over) = by.over.filter(|_| stands.get("lock_owner").is_some()) else {
        return Ok(None);
    };
    let locked_ms: Option<EpochMs> = stands.number_if_any("locked_ms")?;
    let is_over = stands.text("lock_owner")? != by.owner
        && locked_ms.is_some_and(|locked_ms| locked_ms < over.before_ms);
    Ok(is_over.then_some(over))
}

/// When the lock that stands ends, if any does.
fn lock_of(stands: &Item) -> Answer<EpochMs> {
    Ok(stands.number_if_any("lock_until_ms")?.unwrap_or(EpochMs::MIN))
}

/// Until when a write may land that a repeat stands in for.
fn lands_until(stands: &Item) -> Answer<EpochMs> {
    Ok(stands.number_if_any("lands_until_ms")?.unwrap_or(EpochMs::MIN))
}

/// Rewinds of one stream, at the most.
const GENERATIONS: i128 = 1_000_000_000;

/// An edition as one number, so that a condition can compare it: the version's digits, then nine of the
/// generation. DynamoDB keeps 38 digits; these are 28.
fn as_number(edition: Edition) -> i128 {
    i128::from(edition.version.0) * GENERATIONS + i128::from(edition.generation)
}

/// Whether it is our own earlier try, whose answer was lost: it claimed just this, and nothing ended it.
fn is_repeat(stands: &Item, edition: Edition, owner: &str) -> Answer<bool> {
    let ours = stands.get("lock_owner").is_some() && stands.text("lock_owner")? == owner;
    Ok(ours && stands.number::<i128>("claimed")? == as_number(edition))
}

/// Why a claim was refused. In this order: what is applied needs nothing more; and a lock is waited
/// for even by an older version, for the write in flight may yet fail.
fn refused(stands: &Item, edition: Edition, lock_ms: EpochMs, now_ms: EpochMs) -> Answer<Claim> {
    let is_another = stands.number::<i128>("claimed")? != as_number(edition);
    let lands_ms = if is_another { lands_until(stands)? } else { EpochMs::MIN };
    let until_ms = lock_ms.max(lands_ms);
    Ok(
        if stands
            .number_if_any("applied")?
            .is_some_and(|applied: i128| applied >= as_number(edition))
        {
            Claim::Applied
        } else if until_ms >= now_ms {
            Claim::Locked { until_ms }
        } else {
            Claim::Newer
        },
    )
}
