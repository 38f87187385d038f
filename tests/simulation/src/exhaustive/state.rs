//! Everything there is at one moment: the state table, the queue, the destination, the actors.

/// A place in the source's order. A record's version is its place: an update moves it to the end.
pub type Position = u8;
/// A page's number, from 1.
pub type PageNumber = u8;
/// A fetcher's fence. It also names the emission: a fetcher sends each page once.
pub type Fence = u8;

/// Entities in the source.
pub const ENTITIES: usize = 2;

/// One moment. Numbers are small, and actors of a kind are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The cursor item.
    pub cursor: Cursor,
    /// The page items, by number.
    pub pages: Vec<Page>,
    /// Messages that are not acknowledged, ascending. Any of them may be received at any time.
    pub queue: Vec<Message>,
    /// The ledger and the destination, by entity.
    pub entities: [Entity; ENTITIES],
    /// The fetchers' invocations.
    pub fetchers: [Fetcher; 2],
    /// The processors' invocations.
    pub processors: [Processor; 2],
    /// A copy of a request whose first answer was lost: it arrives at any later moment.
    pub stray: Option<Request>,
    /// The source's first entity has been updated.
    pub updated: bool,
    /// Faults that may still happen.
    pub faults_left: u8,
    /// What went wrong first; nothing happens after it.
    pub breach: Option<Breach>,
}

/// How far the commit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Commit {
    /// The last committed page.
    pub number: PageNumber,
    /// Settled up to there.
    pub watermark: Position,
}

/// The cursor item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Of the fetcher that took the lease last.
    pub fence: Fence,
    /// Fetched up to there.
    pub head: Position,
    /// The next page's number.
    pub next: PageNumber,
    /// Committed up to there.
    pub commit: Commit,
}

/// A page item. A page has one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    /// The one live emission, by its fetcher's fence.
    pub emission: Fence,
    /// The end of the page before.
    pub from: Position,
    /// Its record's place.
    pub to: Position,
    /// Its record is settled.
    pub done: bool,
}

/// A row of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Whose it is.
    pub entity: u8,
    /// Its version, and its place.
    pub version: Position,
}

/// A page message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// The page's number.
    pub number: PageNumber,
    /// The fetcher's fence, and so the emission.
    pub fence: Fence,
    /// The end of the page before.
    pub from: Position,
    /// What it carries.
    pub record: Record,
}

/// Who may end a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lock {
    /// Nobody: the entity is free.
    #[default]
    Free,
    /// This processor.
    Held(u8),
    /// This processor, unless another takes it first: its time may be over.
    Expired(u8),
    /// Nobody any more: it has to expire.
    Orphaned,
}

impl Lock {
    /// The lock when its time is over.
    pub fn expired(self) -> Self {
        match self {
            Self::Held(by) | Self::Expired(by) => Self::Expired(by),
            Self::Free | Self::Orphaned => Self::Free,
        }
    }
}

/// A write that the network took and that has not landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Write {
    /// What it writes.
    pub version: Position,
    /// The processor that awaits the answer, if it still does.
    pub by: Option<u8>,
}

/// An entity's ledger item, and the entity at the destination. Version 0 is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Entity {
    /// The newest version claimed.
    pub claimed: Position,
    /// The newest version known to have landed.
    pub applied: Position,
    /// Who may write it.
    pub lock: Lock,
    /// Writes on their way.
    pub flying: Vec<Write>,
    /// The version at the destination.
    pub destination: Position,
}

/// A fetcher: its next call, with what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fetcher {
    /// Not invoked.
    Idle,
    /// Reads the cursor and the pages after the commit.
    Looking(Fence),
    /// Moves the commit over DONE pages.
    Advancing(Fence, Advance),
    /// Voids the open pages.
    Voiding(Void),
    /// Reads the source after this place, for the page of this number.
    Reading(Fence, PageNumber, Position),
    /// Sends the message.
    Sending(Message),
    /// Seals the page.
    Sealing(Message),
}

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Processor {
    /// Not invoked.
    Idle,
    /// At work on this message.
    At(Message, Step),
}

/// A processor's next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Reads the cursor, after it found no page: only where the cursor is not read first.
    Judge,
    /// Claims the entity.
    Claim,
    /// Sends the write.
    Write,
    /// Awaits the destination's answer, which comes when the write lands.
    Await,
    /// Ends the claim.
    Finish,
    /// Settles the record.
    Settle,
    /// Reads the cursor and the pages after the commit.
    Look,
    /// Moves the commit over DONE pages.
    Advance(Advance),
    /// Acknowledges the message.
    Acknowledge,
}

/// A move of the commit, from where it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Advance {
    /// Where it was seen.
    pub from: Commit,
    /// Where it goes.
    pub to: Commit,
}

/// A request to void every open page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Void {
    /// The fetcher's fence.
    pub fence: Fence,
    /// The last committed page, as seen.
    pub committed: PageNumber,
    /// The next page's number, as seen.
    pub next: PageNumber,
}

/// A conditional write to the state table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// A fetcher's.
    Seal(Message),
    /// A fetcher's.
    Void(Void),
    /// Anybody's.
    Advance(Advance),
    /// A processor's.
    Claim(Record),
}

/// An invariant that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breach {
    /// I1: something that never goes back went back.
    WentBack,
    /// I2: the watermark is ahead of a record that has not landed.
    Ahead,
    /// I3: an older version landed over a newer one.
    Stale,
    /// I4: at rest a record has not landed.
    Lost,
    /// I5: without faults the watermark does not reach the end.
    Stuck,
    /// I6: pages do not partition the line, or a page has two emissions.
    Torn,
    /// I8: two writes of one entity are outstanding.
    TwoWrites,
    /// I9: a message was acknowledged that was still needed.
    Dropped,
}

impl State {
    /// Before anything has happened.
    pub fn new(faults_max: u8) -> Self {
        let cursor = Cursor { fence: 0, head: 0, next: 1, commit: Commit::default() };
        Self {
            cursor,
            pages: Vec::new(),
            queue: Vec::new(),
            entities: Default::default(),
            fetchers: [Fetcher::Idle; 2],
            processors: [Processor::Idle; 2],
            stray: None,
            updated: false,
            faults_left: faults_max,
            breach: None,
        }
    }

    /// The source's rows, ascending.
    pub fn rows(&self) -> [Record; ENTITIES] {
        let [first, second] = [0, 1].map(|entity| Record { entity, version: entity + 1 });
        if self.updated { [second, Record { version: 3, ..first }] } else { [first, second] }
    }

    /// The page item, if the page is sealed.
    pub fn page(&self, number: PageNumber) -> Option<&Page> {
        self.pages.get(usize::from(number) - 1)
    }

    /// The entity of this record.
    pub fn entity(&mut self, record: Record) -> &mut Entity {
        &mut self.entities[usize::from(record.entity)]
    }

    /// Nobody is at work and nothing is on its way.
    pub fn is_quiet(&self) -> bool {
        self.fetchers == [Fetcher::Idle; 2]
            && self.processors == [Processor::Idle; 2]
            && self.stray.is_none()
            && self.entities.iter().all(|entity| entity.flying.is_empty())
    }

    /// Remembers what went wrong first.
    pub fn breach(&mut self, breach: Breach) {
        self.breach.get_or_insert(breach);
    }
}
