//! The state table. Every read is strongly consistent, every write conditional.

use std::future::Future;

use super::{Digests, KeyValueStore, Unavailable};
use crate::model::{
    Advance, Cursor, DeliverState, Edition, Emission, Ended, EpochMs, Fence, FetchState, Page,
    PageNumber, Parked, Position, RecordId, RecordKey, Settled, Settling, Stored, StoredKey,
    StreamId,
};

type Answer<T> = Result<T, Unavailable>;

/// All that the application keeps.
pub trait Store: CursorStore + Ledger + ParkedStore + Suspects + Digests + KeyValueStore {}
impl<T: CursorStore + Ledger + ParkedStore + Suspects + Digests + KeyValueStore> Store for T {}

/// The cursor and its pages.
pub trait CursorStore: Send + Sync {
    /// Takes the lease, if it is free at `now_ms` or `owner` has it already, under a fence one
    /// higher than any before. Creates the cursor of a new stream. Called once a fetcher's
    /// invocation; a repeat by the same owner answers with the lease that it has.
    fn acquire(
        &self,
        stream: &StreamId,
        owner: &str,
        now_ms: EpochMs,
        until_ms: EpochMs,
    ) -> impl Future<Output = Answer<Lease>> + Send;

    /// Ends the lease early, if `owner` has it, and keeps how reading got on. A repeat does nothing.
    fn release(
        &self,
        stream: &StreamId,
        owner: &str,
        fetching: &FetchState,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Keeps how delivery gets on, of a stream that is there, if nothing was kept since the revision before
    /// this one: an invocation that was late says nothing any more. It is told to operators and decides
    /// nothing. Called by processors where it changed. Answers whether it is kept; a repeat answers the same.
    fn note_delivering(
        &self,
        stream: &StreamId,
        delivering: &DeliverState,
    ) -> impl Future<Output = Answer<bool>> + Send;

    /// Keeps that every invocation before a moment is over, of a stream that is there. Called by a host that
    /// is alone on its table, as it begins. A repeat says it again.
    fn end_invocations(
        &self,
        stream: &StreamId,
        ended: Ended,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// The cursor, those of the pages that exist, and what is kept under `budget`, in one request; each
    /// as it was at some moment of the call, and not all at the same. Called by the processor once an
    /// invocation.
    fn load(
        &self,
        stream: &StreamId,
        numbers: &[PageNumber],
        budget: Option<&StoredKey>,
    ) -> impl Future<Output = Answer<Loaded>> + Send;

    /// The pages after `after`, ascending, at most `limit`.
    fn pages_after(
        &self,
        stream: &StreamId,
        after: PageNumber,
        limit: usize,
    ) -> impl Future<Output = Answer<Vec<Page>>> + Send;

    /// In one transaction: the cursor's `next` moves over all these pages and its `head` to the last
    /// one's end, if the fence is still ours and `next` the first one's number; and the pages are
    /// put, those without records as DONE. A repeat finds the first page with our emission and answers [`Seal::Sealed`].
    fn seal(
        &self,
        stream: &StreamId,
        fence: Fence,
        pages: &[NewPage],
        now_ms: EpochMs,
    ) -> impl Future<Output = Answer<Seal>> + Send;

    /// Leaves the page as `settling` says, if `emission` is its own: adds what was settled, sets it
    /// DONE with `done` (the caller holds the union of what it read and what it settled), counts a try,
    /// keeps the receives. A DONE page forgets its set. A repeat counts a try once more, and changes
    /// nothing else.
    fn settle(
        &self,
        stream: &StreamId,
        number: PageNumber,
        emission: &Emission,
        settling: &Settling,
    ) -> impl Future<Output = Answer<Settle>> + Send;

    /// Settles pages of which every record is settled, each as [`CursorStore::settle`] does, together. Answers
    /// for each, in their order.
    fn settle_whole(
        &self,
        stream: &StreamId,
        pages: &[WholePage],
    ) -> impl Future<Output = Vec<Answer<Settle>>> + Send;

    /// Moves `committed` and `watermark`, if both are still where `advance` starts. A repeat finds
    /// them moved, and answers with where they are.
    fn advance(
        &self,
        stream: &StreamId,
        advance: &Advance,
    ) -> impl Future<Output = Answer<Moved>> + Send;

    /// Voids every open page: `isolate_to` as [`Cursor::isolated_until`] says,
    /// `head` = `watermark`, `committed` = `next` - 1, if the fence is still
    /// ours and `committed` and `next` are as the caller saw them. Answers with the cursor as it is
    /// then; a repeat finds that nothing is open and nothing was sealed since, and answers the same.
    fn void(
        &self,
        stream: &StreamId,
        fence: Fence,
        seen: &Cursor,
    ) -> impl Future<Output = Answer<Void>> + Send;

    /// The cursor, without its pages; `None` for a stream that was never fetched. For operators.
    fn cursor(&self, stream: &StreamId) -> impl Future<Output = Answer<Option<Cursor>>> + Send;

    /// Stops the fetcher at `now_ms`, which creates the cursor of a new stream, or starts it. A repeat does
    /// nothing: a pause began when it was first asked for.
    fn set_paused(
        &self,
        stream: &StreamId,
        paused: bool,
        now_ms: EpochMs,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Moves the line back (or forth) to `to`, voids every open page, ends the lease, raises the
    /// fence and the generation, ends all isolation, forgets how reading got on, if the fence is as the caller saw it.
    /// A fetcher that runs meanwhile is the lease's owner no more, and keeps nothing. Answers whether it did; a
    /// repeat finds it done, and answers the same.
    fn rewind(
        &self,
        stream: &StreamId,
        seen: Fence,
        to: &Position,
    ) -> impl Future<Output = Answer<bool>> + Send;
}

/// What a processor begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The cursor.
    pub cursor: Cursor,
    /// Those of the pages that exist, ascending.
    pub pages: Vec<Page>,
    /// The destination's budget.
    pub budget: Option<Stored>,
}

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// It is ours, under the cursor's fence.
    Acquired(Box<Cursor>),
    /// Another invocation has it until then.
    Held {
        /// When that one took it; 0 where that is not known.
        since_ms: EpochMs,
        /// When it ends.
        until_ms: EpochMs,
    },
    /// An operator paused the stream.
    Paused {
        /// When; 0 where that is not known.
        since_ms: EpochMs,
    },
}

/// A page about to be sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// Its number.
    pub number: PageNumber,
    /// The emission that was sent.
    pub emission: Emission,
    /// The end of the page before it.
    pub from: Position,
    /// Its last record's place.
    pub to: Position,
    /// Records in it. With none the page is DONE from the start, and no message carries it: it only moves
    /// the position.
    pub count: u32,
}

/// What came of sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// The pages are ours and live.
    Sealed,
    /// Another fetcher came first: what we sent carries nothing.
    Lost,
}

/// A page of which every record is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholePage {
    /// Its number.
    pub number: PageNumber,
    /// The emission that was received.
    pub emission: Emission,
    /// How it is left: with `done`.
    pub settling: Settling,
}

/// What came of settling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settle {
    /// Some records are left; these are settled.
    Open(Settled),
    /// Every record is settled.
    Done,
    /// The page is another emission's, or gone.
    Superseded,
}

/// What came of moving the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It is where we put it.
    Yes,
    /// Another invocation moved it, or voided the pages, or we did and did not hear of it: the cursor as
    /// it is now.
    No(Box<Cursor>),
}

/// What came of voiding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Void {
    /// Every open page is void.
    Voided(Box<Cursor>),
    /// The fence or the pages moved on meanwhile.
    Lost,
}

/// Which version of each entity the destination has; asked only where the flow orders by entity.
///
/// Claims and their ends travel together, and each has an outcome of its own.
pub trait Ledger: Send + Sync {
    /// Claims the right to write each of these editions, of different entities. Answers for each, in their
    /// order. The owner is unique to this try; a repeat by it finds its own claim, while another edition by
    /// it is held to the same rules as any other claimant's, but that its own lock lets a newer one pass.
    /// The lock outlives the invocation by as long as a request can still land.
    ///
    /// The lock of an invocation that is over ends when nothing of it can land any more. Where the same
    /// edition may be repeated it is claimed before that, and every other edition still waits.
    fn claim(
        &self,
        stream: &StreamId,
        editions: &[(RecordId, Edition)],
        by: &Claimant<'_>,
    ) -> impl Future<Output = Vec<Answer<Claim>>> + Send;

    /// Ends claims. Does nothing where the owner no longer has it; a repeat does nothing. An error says that
    /// some of them may not have ended.
    fn finish(
        &self,
        stream: &StreamId,
        endings: &[Ending],
    ) -> impl Future<Output = Answer<()>> + Send;
}

/// A claim that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What was claimed.
    pub entity: RecordId,
    /// The version of it.
    pub edition: Edition,
    /// Who claimed it.
    pub owner: Box<str>,
    /// How it ends.
    pub end: ClaimEnd,
}

/// Who claims an entity, and under what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant<'a> {
    /// Unique to this try.
    pub owner: &'a str,
    /// Now.
    pub now_ms: EpochMs,
    /// When nothing that it sends can land any more.
    pub until_ms: EpochMs,
    /// What is known of claimants before it.
    pub over: Option<Over>,
    /// The destination knows a repeat of the same edition, so that it may be sent again while an earlier
    /// one may still land.
    pub may_repeat: bool,
}

/// Claimants that are no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// They claimed before this moment.
    pub before_ms: EpochMs,
    /// Nothing that they sent lands after this one.
    pub lands_until_ms: EpochMs,
}

/// How a claim ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimEnd {
    /// Nothing has landed: only the lock goes.
    Free,
    /// Nothing of this claim has landed. Whether something of an earlier one did is as unknown as before.
    AsBefore {
        /// When what that one sent can land no more: as [`Claim::Mine`] said.
        until_ms: EpochMs,
    },
    /// The request was answered, and the answer does not say whether the edition has landed or still will.
    /// The same edition may be claimed at once; every other one waits.
    Answered {
        /// When what was sent can land no more.
        lands_until_ms: EpochMs,
    },
    /// The edition has landed.
    Applied,
    /// The edition has landed and was the entity's deletion. What the ledger knows stays, as a
    /// tombstone: without it an older version that comes late would bring the entity back.
    Deleted,
}

/// What came of claiming an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Write it.
    Mine {
        /// This edition was claimed before, and that claim never ended: it may have landed. After this
        /// moment it can land no more.
        unknown_until_ms: Option<EpochMs>,
    },
    /// This edition or a newer one has been applied.
    Applied,
    /// A newer version was claimed; its own message sees it through.
    Newer,
    /// Another write may still be in flight until then.
    Locked {
        /// When that write can no longer land.
        until_ms: EpochMs,
    },
}

/// Parked records.
pub trait ParkedStore: Send + Sync {
    /// Keeps them. Called before their page counts them as settled; a repeat replaces them.
    fn park(&self, records: &[Parked]) -> impl Future<Output = Answer<()>> + Send;

    /// Some of a stream's parked records in order of key, after `after`, at most `limit`.
    fn parked(
        &self,
        stream: &StreamId,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> impl Future<Output = Answer<Vec<Parked>>> + Send;

    /// Those of these keys that are parked.
    fn parked_by_key(
        &self,
        stream: &StreamId,
        keys: &[RecordKey],
    ) -> impl Future<Output = Answer<Vec<Parked>>> + Send;

    /// Removes them: their replay is settled. A repeat does nothing.
    fn unpark(
        &self,
        stream: &StreamId,
        keys: &[RecordKey],
    ) -> impl Future<Output = Answer<()>> + Send;
}

/// Records by which a processor may have crashed, by the generation that they were read in: a
/// rewind begins anew. Asked only for pages that were received often or were voided once, and for replays.
pub trait Suspects: Send + Sync {
    /// How often each of these was in hand when its processor crashed. Those that never
    /// were are left out.
    fn suspects(
        &self,
        stream: &StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> impl Future<Output = Answer<Vec<(RecordKey, u32)>>> + Send;

    /// Notes, before these are handled, how many crashes each has seen should this be one more. A
    /// repeat replaces it.
    fn suspect(
        &self,
        stream: &StreamId,
        generation: u64,
        records: &[(RecordKey, u32)],
    ) -> impl Future<Output = Answer<()>> + Send;

    /// They were handled, whatever came of it, and their processor survived. A repeat does nothing.
    fn clear_suspects(
        &self,
        stream: &StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> impl Future<Output = Answer<()>> + Send;
}
