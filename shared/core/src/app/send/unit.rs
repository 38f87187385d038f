//! What is done with one request, and the records on their way to it.

use bytes::Bytes;

use crate::{
    model::{Edition, EpochMs, Outcome, RecordId, RequestKind, Version},
    ports::{Found, Outgoing, Route},
};

/// Where a record stands: in which of the invocation's pages, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::app) struct Place {
    pub page: usize,
    pub index: u32,
}

/// A record before it has a body: it may have to be looked up before it can be mapped.
pub(in crate::app) struct Prepared {
    pub id: RecordId,
    pub version: Version,
    pub deleted: bool,
    /// Its idempotency key.
    pub key: Box<str>,
}

impl Prepared {
    /// The record as it is sent.
    pub fn with_body(self, body: Bytes, source: Bytes) -> Outgoing {
        let Self { id, version, deleted, key } = self;
        Outgoing { id, version, deleted, key, body, source }
    }
}

/// What the ledger needs to know of a record, before it has a body and after.
pub(super) trait Versioned {
    fn id(&self) -> &RecordId;
    fn version(&self) -> Version;

    fn edition(&self, generation: u64) -> Edition {
        Edition { version: self.version(), generation }
    }
}

impl Versioned for Prepared {
    fn id(&self) -> &RecordId {
        &self.id
    }

    fn version(&self) -> Version {
        self.version
    }
}

impl Versioned for Outgoing {
    fn id(&self) -> &RecordId {
        &self.id
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A record on its way: [`Prepared`] first, [`Outgoing`] once it has a body.
pub(in crate::app) struct Item<R> {
    pub place: Place,
    pub record: R,
    /// It was claimed before, and that claim never ended: it may have been applied. After this moment it can
    /// be applied no more.
    pub unknown_until_ms: Option<EpochMs>,
}

impl<R> Item<R> {
    /// Whether it may have been applied under an earlier claim.
    pub fn maybe_applied(&self) -> bool {
        self.unknown_until_ms.is_some()
    }
}

/// A request that is not in flight any more, whatever came of it.
#[derive(Clone, Copy)]
pub(super) struct Answered {
    /// When what was sent with it can land no more.
    pub lands_until_ms: EpochMs,
}

/// Records that go out in one request.
#[derive(Default)]
pub(in crate::app) struct Chunk {
    pub items: Vec<Item<Outgoing>>,
    /// Settled without a request: filtered, unchanged, or refused by the transform.
    pub decided: Vec<(Place, Outcome)>,
    /// The owner of their claims, where they are claimed already.
    pub claim: Option<Box<str>>,
}

/// Records that are looked up in one request.
#[derive(Default)]
pub(in crate::app) struct Group {
    /// Not transformed yet.
    pub items: Vec<Item<Prepared>>,
    /// Settled without a request, as in a [`Chunk`].
    pub decided: Vec<(Place, Outcome)>,
    /// The owner of their claims, where they are claimed already.
    pub claim: Option<Box<str>>,
    /// What each is looked up by, with what is known of it.
    pub keys: Vec<Option<(Box<str>, Option<Found>)>>,
}

impl Group {
    /// Its two halves.
    pub fn halves(self) -> [Self; 2] {
        let Self { mut items, decided, claim, mut keys } = self;
        let half = items.len() / 2;
        let second = Self {
            items: items.split_off(half),
            decided: Vec::new(),
            claim: claim.clone(),
            keys: keys.split_off(half),
        };
        [Self { items, decided, claim, keys }, second]
    }
}

/// What is done with one request.
pub(in crate::app) enum Unit {
    /// Records are sent.
    Send(Chunk),
    /// Records are looked up.
    LookUp(Group),
    /// The destination is asked whether it has a record that was claimed by this owner and may have been
    /// applied under an earlier claim.
    Ask(Item<Outgoing>, Box<str>),
}

impl Unit {
    /// What its request is for.
    pub fn kind(&self) -> RequestKind {
        match self {
            Self::LookUp(_) => RequestKind::LookUp,
            Self::Send(_) | Self::Ask(..) => RequestKind::Deliver,
        }
    }

    /// Whether nothing is left to be done for it.
    pub fn is_decided(&self) -> bool {
        matches!(self, Self::Send(chunk) if chunk.items.is_empty())
    }

    /// The pages that it has records of, each once.
    pub fn pages(&self) -> Vec<usize> {
        let decided = |decided: &[(Place, Outcome)]| -> Vec<usize> {
            decided.iter().map(|(place, _)| place.page).collect()
        };
        let mut pages = match self {
            Self::Send(chunk) => {
                let mut pages = decided(&chunk.decided);
                pages.extend(chunk.items.iter().map(|item| item.place.page));
                pages
            }
            Self::LookUp(group) => {
                let mut pages = decided(&group.decided);
                pages.extend(group.items.iter().map(|item| item.place.page));
                pages
            }
            Self::Ask(item, _) => vec![item.place.page],
        };
        pages.sort_unstable();
        pages.dedup();
        pages
    }
}

/// Records that are left, in the order in which they are to be sent.
pub(in crate::app) trait Places {
    /// The next one.
    fn peek(&mut self) -> Option<Place>;
    /// Takes the next one.
    fn take(&mut self) -> Option<Place>;
    /// These come first again, in this order.
    fn put_back(&mut self, places: Vec<Place>);
    /// Where the bytes of a page's last request of a route had their end, and those of the next begin.
    fn cut(&mut self, page: usize, route: Route) -> &mut u32;
}
