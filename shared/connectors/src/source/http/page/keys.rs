//! Where a record's key stands, and what is wrong with one that cannot be read.

use jiff::tz::TimeZone;
use tidegate_core::model::{Mark, Moment, RecordId};

use crate::{
    json::{Picker, Picks, bounds},
    source::{
        http::cursor::{Cursor, NoMoment, TimeFormat},
        ids::{ID_BYTES_MAX, composite_id, record_id},
    },
    value::path,
};

/// Where a record's key stands.
pub(super) struct KeyPaths {
    pub(super) picker: Picker,
    /// Several make one id together.
    ids: Vec<Place>,
    /// The cursor's timestamps: the first that can be read counts.
    fields: Vec<Place>,
    /// The timestamp that only bounds the walk.
    time: Option<Place>,
    format: TimeFormat,
    zone: TimeZone,
}

/// A path, and its slot in the picker.
struct Place {
    path: Vec<String>,
    slot: usize,
}

/// A record's key.
pub(super) struct Key {
    pub(super) mark: Mark,
    /// When it changed, in ns, where the source says so.
    pub(super) changed_ns: Option<i64>,
    /// Its timestamp is not of the first field.
    pub(super) is_fallback: bool,
}

/// A record whose key cannot be read.
pub(super) struct Unkeyed {
    /// Its id, where that can.
    pub(super) id: Option<RecordId>,
    /// What is missing, after "it".
    pub(super) reason: String,
    /// It is a record that lacks the value, and not a flow that looks in the wrong place.
    pub(super) is_the_records: bool,
}

impl KeyPaths {
    pub(super) fn new(ids: &[Vec<String>], cursor: &Cursor) -> Self {
        let mut picker = Picker::new();
        let mut place = |path: &[String]| Place { path: path.to_vec(), slot: picker.add(path) };
        let ids = ids.iter().map(|path| place(path)).collect();
        let fields = cursor.fields().map(&mut place).collect();
        let time = cursor.time().map(&mut place);
        Self { ids, fields, time, format: cursor.format(), zone: cursor.zone(), picker }
    }

    /// A record's key, of what was picked out of it.
    pub(super) fn read(&self, picks: &Picks<'_>) -> Result<Key, Unkeyed> {
        self.of(|place| {
            let null = || picks.is_null(place.slot).then_some(&b"null"[..]);
            picks.json(place.slot).or_else(null)
        })
    }

    /// The key of a record that is no strict JSON.
    pub(super) fn read_leniently(&self, text: &[u8]) -> Result<Key, Unkeyed> {
        self.of(|place| bounds::value(text, &place.path))
    }

    fn of<'t>(&self, value: impl Fn(&Place) -> Option<&'t [u8]>) -> Result<Key, Unkeyed> {
        let id = self.id(&value)?;
        let (at, is_fallback) = match self.at(&value) {
            Ok(at) => at,
            Err((reason, is_the_records)) => {
                return Err(Unkeyed { id: Some(id), reason, is_the_records });
            }
        };
        let time = self.time.as_ref().and_then(&value);
        let time = time.and_then(|json| self.format.read(json, &self.zone).ok());
        let changed_ns = at.as_ref().or(time.as_ref()).map(|moment| moment.ns);
        Ok(Key { mark: Mark { at, id }, changed_ns, is_fallback })
    }

    fn id<'t>(&self, value: &impl Fn(&Place) -> Option<&'t [u8]>) -> Result<RecordId, Unkeyed> {
        let part = |place: &Place| {
            let found = value(place);
            found.and_then(record_id).ok_or_else(|| Unkeyed {
                id: None,
                reason: format!("has no id at `{}`", path::written(&place.path)),
                is_the_records: found.is_some(),
            })
        };
        let id = match self.ids.as_slice() {
            [only] => part(only)?,
            several => composite_id(several.iter().map(part).collect::<Result<Vec<_>, _>>()?),
        };
        match &id {
            RecordId::Text(text) if text.len() > ID_BYTES_MAX => {
                let reason = format!("has an id of {} bytes", text.len());
                Err(Unkeyed { id: None, reason, is_the_records: true })
            }
            _ => Ok(id),
        }
    }

    /// The timestamp that the record is sorted by, and whether it is not of the first field.
    fn at<'t>(
        &self,
        value: &impl Fn(&Place) -> Option<&'t [u8]>,
    ) -> Result<(Option<Moment>, bool), (String, bool)> {
        let mut wrong = None;
        for (index, place) in self.fields.iter().enumerate() {
            let found = value(place);
            let shown = || path::written(&place.path);
            let reason = match found {
                None => (format!("has no timestamp at `{}`", shown()), false),
                Some(b"null") => (format!("has null for a timestamp at `{}`", shown()), true),
                Some(json) => match self.format.read(json, &self.zone) {
                    Ok(moment) => return Ok((Some(moment), index > 0)),
                    Err(NoMoment { text, is_timestamp }) => {
                        let (name, at) = (self.format.name(), shown());
                        (format!("has no {name} timestamp at `{at}`: it is {text}"), is_timestamp)
                    }
                },
            };
            wrong.get_or_insert(reason);
        }
        wrong.map_or(Ok((None, false)), Err)
    }
}
