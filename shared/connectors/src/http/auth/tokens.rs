//! A token that all requests of a section share, and all invocations: got by one of them at a time.
//!
//! An invocation that wants a new token first writes a lease on the shelf, then asks, then writes what it
//! got, and only then uses it: a refresh token that rotates is durably kept before anything is done
//! with the token that came with it. Meanwhile the others go on with the old token as long as it lives,
//! and look again after that. A lease ends by itself, so that none waits for one that died.
//!
//! What may go wrong, and what comes of it:
//! - dead before the request, or no connection: the next one asks with the same refresh token;
//! - dead after the request, or its answer lost: likewise; where the server takes a refresh token once
//!   only, it is lost with the answer, and the error says that the connection must be authorised anew;
//! - the write of what was got fails: nothing is used; this process writes it as soon as it can;
//! - the answer to a write is lost: the repeat finds its own;
//! - so slow that another took over: what came is written over the other's lease, not over its token.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderName;
use tidegate_core::{
    model::{EpochMs, Stored, StoredKey},
    ports::{KeyValueStore, Random, Swap, Unavailable},
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    error::AuthError,
    grant::{self, Asking, Grant},
    state::{RefreshLease, State, Step, Token, Trouble},
    token_client::{TokenClient, TokenError, TokenResponse},
};
use crate::{
    Options,
    http::{Redactor, proof::HeaderProof},
};

/// The longest that a request for a token may take.
const ASK: Duration = Duration::from_secs(10);
/// With less time than that none is begun.
const ASK_LEAST: Duration = Duration::from_millis(300);
/// The same, where a lost answer costs the refresh token, and nothing can be sent without a new one.
const SPEND_LEAST: Duration = Duration::from_secs(4);
/// The same, where the old one is good still: then it has all the time that it may take.
const SPEND_AHEAD: Duration = Duration::from_secs(14);
/// A lease lasts so much longer than its request, in ms: for the writes, and for clocks that differ.
const LEASE_MARGIN_MS: EpochMs = 5_000;
/// The first and the longest pause before the shelf is looked at again.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(400));
/// The first and the longest pause after a failure that may pass, in ms.
const PASSING_MS: (u64, u64) = (1_000, 60_000);
/// After a refusal, in ms.
const REFUSED_MS: u64 = 10_000;
/// After a refresh token was refused, in ms: it will hardly be taken again.
const LOST_MS: u64 = 600_000;
/// How soon to come back where nothing failed, in ms.
const BUSY_MS: u64 = 1_000;

/// The tokens of one section of a connection.
pub(super) struct Tokens {
    grant: Box<dyn Grant>,
    /// `source.http.auth`, for the errors.
    place: String,
    key: StoredKey,
    header: HeaderName,
    prefix: String,
    client: TokenClient,
    shelf: Arc<dyn KeyValueStore>,
    random: Arc<dyn Random>,
    held: Mutex<Option<Held>>,
    /// Held by the one task of this process that looks at the shelf, with what it could not write yet.
    refresh_lock: tokio::sync::Mutex<Option<Unsaved>>,
}

/// The token in memory.
struct Held {
    proof: Arc<HeaderProof>,
    generation: u64,
    token: Token,
}

/// A new token that is not on the shelf yet: it stays here if its write is dropped.
struct Unsaved {
    seen: Option<Stored>,
    state: State,
}

impl Tokens {
    pub(super) fn new(
        grant: Box<dyn Grant>,
        place: &str,
        options: &Options,
        redactor: Redactor,
    ) -> Self {
        let (header, prefix) = grant.carrier();
        Self {
            place: place.to_owned(),
            key: grant::key(&*grant),
            prefix: prefix.to_owned(),
            header,
            grant,
            client: TokenClient::new(options.http.clone(), options.now.clone(), redactor),
            shelf: options.shelf.clone(),
            random: options.random.clone(),
            held: Mutex::default(),
            refresh_lock: tokio::sync::Mutex::default(),
        }
    }

    /// A token newer than `refused`: from memory, from the shelf, or a new one.
    pub(super) async fn current(
        &self,
        until: Instant,
        refused: Option<u64>,
    ) -> Result<Arc<HeaderProof>, AuthError> {
        let (old, fresh) = self.in_memory(refused);
        if let (Some(proof), true) = (&old, fresh) {
            return Ok(proof.clone());
        }
        let mut unsaved = match &old {
            // Another task of this process sees to it.
            Some(proof) => match self.refresh_lock.try_lock() {
                Ok(unsaved) => unsaved,
                Err(_) => return Ok(proof.clone()),
            },
            None => timeout_at(until, self.refresh_lock.lock()).await.map_err(|_| busy())?,
        };
        match self.look(&mut unsaved, until, refused).await {
            Err(error) => {
                // It may have run out meanwhile.
                let (Some(proof), _) = self.in_memory(refused) else { return Err(error) };
                tracing::debug!(place = self.place, ?error, "the old token is used on");
                Ok(proof)
            }
            proof => proof,
        }
    }

    /// The token in memory if it lives, and whether it need not be renewed yet.
    fn in_memory(&self, refused: Option<u64>) -> (Option<Arc<HeaderProof>>, bool) {
        let now_ms = self.now_ms();
        let held = lock(&self.held);
        let known = |held: &&Held| refused.is_none_or(|refused| held.generation > refused);
        match held.as_ref().filter(known).filter(|held| held.token.lives(now_ms)) {
            Some(held) => (Some(held.proof.clone()), now_ms < held.token.renew_ms()),
            None => (None, false),
        }
    }

    /// Looks at the shelf until there is a token or a reason why not.
    async fn look(
        &self,
        unsaved: &mut Option<Unsaved>,
        until: Instant,
        refused: Option<u64>,
    ) -> Result<Arc<HeaderProof>, AuthError> {
        // The task that held the lock before may have brought one.
        if let (Some(proof), true) = self.in_memory(refused) {
            return Ok(proof);
        }
        let mut pause = LOOK_AGAIN.0;
        loop {
            self.save(unsaved, until).await?;
            let kept = self.shelf.get(std::slice::from_ref(&self.key));
            let kept = timeout_at(until, kept).await.map_err(|_| busy())?;
            let seen = kept.map_err(|error| self.unavailable(&error))?.pop().flatten();
            let state = match &seen {
                None => State::default(),
                // Not taken for absent: the first refresh token would be used a second time.
                Some(kept) => State::decode(kept).ok_or_else(|| self.damaged())?,
            };
            let held = self.hold(&state);
            let now_ms = self.now_ms();
            match (state.step(now_ms, refused), held) {
                (Step::Use, Some(proof)) => return Ok(proof),
                (Step::Wait { until_ms }, _) => {
                    if Instant::now() + pause >= until {
                        let after_ms = u64::try_from(until_ms - now_ms).unwrap_or(0);
                        let reason = "another invocation is getting the token".to_owned();
                        return Err(AuthError::Busy { reason, after_ms: after_ms.min(BUSY_MS) });
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LOOK_AGAIN.1);
                }
                (Step::Fail, _) => {
                    let trouble = state.trouble.as_ref();
                    return Err(trouble.map_or_else(busy, |trouble| error(trouble, now_ms)));
                }
                (Step::Refresh | Step::Use, _) => {
                    if let Some(proof) = self.refresh(seen, state, unsaved, until, refused).await? {
                        return Ok(proof);
                    }
                }
            }
        }
    }

    /// Takes the lease and gets a new token. `None` where another invocation was faster.
    async fn refresh(
        &self,
        seen: Option<Stored>,
        state: State,
        unsaved: &mut Option<Unsaved>,
        until: Instant,
        refused: Option<u64>,
    ) -> Result<Option<Arc<HeaderProof>>, AuthError> {
        let left = until.saturating_duration_since(Instant::now());
        let least = match self.in_memory(refused) {
            _ if !self.grant.is_spent() => ASK_LEAST,
            (None, _) => SPEND_LEAST,
            (Some(_), _) => SPEND_AHEAD,
        };
        if left < least {
            return Err(busy());
        }
        // A quarter is left for the write.
        let asking = ASK.min(left * 3 / 4);
        let by = Instant::now() + asking;
        let asking_ms = EpochMs::try_from(asking.as_millis()).unwrap_or(EpochMs::MAX);
        let now_ms = self.now_ms();
        let mut claim = State {
            lease: Some(RefreshLease { until_ms: now_ms + asking_ms + LEASE_MARGIN_MS }),
            // The holder of the lease before did not end it.
            unsure: state.unsure || state.lease.is_some(),
            written: self.unique(),
            ..state
        };
        let claimed = claim.encode(now_ms);
        let swapped = self.shelf.compare_and_swap(&self.key, seen.as_ref(), &claimed);
        match timeout_at(by, swapped).await.map_err(|_| busy())? {
            Ok(Swap::Done) => {}
            Ok(Swap::Stands(_)) => return Ok(None),
            Err(error) => return Err(self.unavailable(&error)),
        }
        let newest = claim.refresh_token.as_deref();
        let redactor = self.client.redactor();
        let request = self.grant.ask(&Asking { newest, now_ms, id: &claim.written, redactor });
        let failed = match self.client.send(&request, by, |answer| self.grant.read(answer)).await {
            Ok(response) => {
                // Whatever is wrong with the rest, the old one is spent.
                let newest = response.refresh_token.clone().map(Into::into);
                match self.next(&claim, response, refused) {
                    Ok(state) => {
                        let generation = state.generation;
                        *unsaved = Some(Unsaved { seen: Some(claimed), state });
                        self.save(unsaved, until).await?;
                        tracing::debug!(place = self.place, generation, "a new token");
                        let held = lock(&self.held);
                        let mine = held.as_ref().filter(|held| held.generation == generation);
                        // Whatever its life: it was got for this very request.
                        return Ok(mine.map(|held| held.proof.clone()));
                    }
                    Err(failed) => {
                        claim.refresh_token = newest.or(claim.refresh_token);
                        failed
                    }
                }
            }
            Err(failed) => failed,
        };
        self.note(claim, &claimed, failed).await
    }

    /// The state with a new token.
    fn next(
        &self,
        claim: &State,
        response: TokenResponse,
        refused: Option<u64>,
    ) -> Result<State, TokenError> {
        let TokenResponse { token, lives_ms, refresh_token } = response;
        // Before anything is said.
        self.learn(&token);
        refresh_token.iter().for_each(|token| self.learn(token));
        if self.proof(&token, 0).is_none() {
            let reason = "the token holds a character that no header may carry".to_owned();
            return Err(TokenError::Refused { reason, invalid_grant: false });
        }
        let got_ms = self.now_ms();
        let generation = claim.generation.max(refused.unwrap_or(0)) + 1;
        Ok(State {
            generation,
            token: Some(Token {
                value: token.into(),
                got_ms,
                expires_ms: lives_ms.map(|lives_ms| got_ms.saturating_add_unsigned(lives_ms)),
            }),
            refresh_token: refresh_token.map(Into::into).or_else(|| claim.refresh_token.clone()),
            lease: None,
            trouble: None,
            unsure: false,
            written: self.unique(),
        })
    }

    /// Writes a new token down, until it stands or a newer one does.
    async fn save(&self, unsaved: &mut Option<Unsaved>, until: Instant) -> Result<(), AuthError> {
        let mut pause = LOOK_AGAIN.0;
        while let Some(Unsaved { seen, state }) = unsaved {
            let new = state.encode(self.now_ms());
            let swapped = self.shelf.compare_and_swap(&self.key, seen.as_ref(), &new);
            let error = match timeout_at(until, swapped).await {
                Ok(Ok(Swap::Done)) => {
                    self.hold(state);
                    *unsaved = None;
                    return Ok(());
                }
                Ok(Ok(Swap::Stands(stands))) => {
                    let other = stands.as_ref().and_then(State::decode);
                    if other.is_some_and(|other| other.generation >= state.generation) {
                        *unsaved = None;
                        return Ok(());
                    }
                    // Only another's lease: this request took longer than its own lasted.
                    *seen = stands;
                    continue;
                }
                Ok(Err(error)) => self.unavailable(&error),
                Err(_) => busy(),
            };
            if Instant::now() + pause >= until {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LOOK_AGAIN.1);
        }
        Ok(())
    }

    /// Ends a lease that gave no token. `None` where another took over: perhaps it got one.
    async fn note(
        &self,
        claim: State,
        claimed: &Stored,
        failed: TokenError,
    ) -> Result<Option<Arc<HeaderProof>>, AuthError> {
        let now_ms = self.now_ms();
        let failures = claim.trouble.as_ref().map_or(0, |trouble| trouble.failures) + 1;
        let (reason, pause_ms, halt, unsure) = match failed {
            TokenError::Passing { reason, after_ms, maybe_used } => {
                let doubled = PASSING_MS.0.saturating_mul(1 << (failures - 1).min(10));
                let pause_ms = after_ms.unwrap_or(0).max(doubled.min(PASSING_MS.1));
                (format!("{}: no token: {reason}", self.place), pause_ms, false, maybe_used)
            }
            TokenError::Refused { reason, invalid_grant } => {
                let lost = invalid_grant && self.grant.is_spent();
                let advice = match (lost, claim.unsure) {
                    (true, true) => {
                        "the connection must be authorised anew: an earlier answer was lost, and with \
                         it the new refresh token; put a new one into the connection's secret"
                    }
                    (true, false) => {
                        "the connection must be authorised anew: its refresh token is not taken any \
                         more; put a new one into the connection's secret"
                    }
                    _ => "see its credentials, and what the API says they may do",
                };
                let pause_ms = if lost { LOST_MS } else { REFUSED_MS };
                let reason = format!("{}: no token is given: {advice} ({reason})", self.place);
                (reason, pause_ms, true, false)
            }
        };
        if halt {
            tracing::error!(reason, pause_ms, "no token: the operator has to act");
        } else {
            tracing::warn!(reason, pause_ms, "no token");
        }
        let trouble = Trouble {
            reason: reason.into(),
            until_ms: now_ms.saturating_add_unsigned(pause_ms),
            failures,
            halt,
        };
        let told = error(&trouble, now_ms);
        let state = State {
            lease: None,
            trouble: Some(trouble),
            unsure: claim.unsure || unsure,
            written: self.unique(),
            ..claim
        };
        let new = state.encode(now_ms);
        let noted = self.shelf.compare_and_swap(&self.key, Some(claimed), &new);
        // Should this fail, the lease runs out by itself.
        match tokio::time::timeout(ASK_LEAST, noted).await {
            Ok(Ok(Swap::Stands(_))) => Ok(None),
            _ => Err(told),
        }
    }

    /// Takes a state's token into memory.
    fn hold(&self, state: &State) -> Option<Arc<HeaderProof>> {
        let token = state.token.as_ref()?;
        let mut held = lock(&self.held);
        if let Some(held) = &*held
            && held.generation == state.generation
            && held.token.value == token.value
        {
            return Some(held.proof.clone());
        }
        self.learn(&token.value);
        state.refresh_token.iter().for_each(|token| self.learn(token));
        let proof = Arc::new(self.proof(&token.value, state.generation)?);
        let (generation, token) = (state.generation, token.clone());
        *held = Some(Held { proof: proof.clone(), generation, token });
        Some(proof)
    }

    fn proof(&self, token: &str, generation: u64) -> Option<HeaderProof> {
        let value = format!("{}{token}", self.prefix);
        HeaderProof::new(self.header.clone(), &value).map(|proof| proof.of_generation(generation))
    }

    fn learn(&self, secret: &str) {
        self.client.redactor().learn(secret);
    }

    fn now_ms(&self) -> EpochMs {
        self.client.now_ms()
    }

    /// A name unlike any other.
    fn unique(&self) -> Box<str> {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64()).into()
    }

    fn unavailable(&self, error: &Unavailable) -> AuthError {
        let reason = format!("{}: the table that keeps the token: {error}", self.place);
        AuthError::Later { reason, after_ms: PASSING_MS.0 }
    }

    fn damaged(&self) -> AuthError {
        let key = self.key.as_str();
        let reason = format!(
            "{}: what the table keeps as `{key}` cannot be read: remove it, and authorise the \
             connection anew if its refresh token rotates",
            self.place
        );
        AuthError::Halt { reason, after_ms: LOST_MS }
    }
}

fn error(trouble: &Trouble, now_ms: EpochMs) -> AuthError {
    let after_ms = u64::try_from(trouble.until_ms - now_ms).unwrap_or(0);
    let reason = trouble.reason.to_string();
    if trouble.halt {
        AuthError::Halt { reason, after_ms }
    } else {
        AuthError::Later { reason, after_ms }
    }
}

fn busy() -> AuthError {
    let reason = "the time was too short to get a token".to_owned();
    AuthError::Busy { reason, after_ms: BUSY_MS }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
