//! The names of columns.

use std::collections::HashMap;

use crate::quote::quote;
use crate::{BadFormat, Damage, Notices};

/// Most columns: as many as a sheet of Excel has.
pub(crate) const COLUMNS_MAX: usize = 16_384;
/// Most bytes of a column's name.
const NAME_BYTES_MAX: usize = 1024;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name as a key of JSON, with the colon.
    pub(crate) key: Box<[u8]>,
    /// Whether it had a name. An empty value of one that had none is left out.
    pub(crate) named: bool,
}

/// Names columns by what a header says: without the white space around; of several with the same name all but the first get a number
/// behind it, and one without a name its number alone.
///
/// # Errors
/// There are too many, or a name is too long: this is no header.
pub(crate) fn name(
    header: impl Iterator<Item = String>,
    notices: &mut Notices,
) -> Result<Vec<Named>, Damage> {
    // Which names are taken, each with the number that the next column of this name tries.
    let mut taken: HashMap<String, usize> = HashMap::new();
    let mut columns: Vec<Named> = Vec::new();
    let mut renamed = Vec::new();
    for (index, text) in header.enumerate() {
        if index == COLUMNS_MAX {
            return Err(Damage(format!(
                "the header has more than {COLUMNS_MAX} columns: it is none"
            )));
        }
        let text = text.trim();
        if text.len() > NAME_BYTES_MAX {
            let beginning = &text[..text.floor_char_boundary(40)];
            return Err(Damage(format!(
                "the name of column {} has more than {NAME_BYTES_MAX} bytes: {beginning:?}… is no header",
                index + 1
            )));
        }
        let named = !text.is_empty();
        let wished = if named { text.to_owned() } else { format!("column_{}", index + 1) };
        let mut name = wished.clone();
        let mut number = taken.get(&wished).copied().unwrap_or(1);
        while taken.contains_key(&name) {
            number += 1;
            name = format!("{wished}_{number}");
        }
        taken.insert(wished, number);
        if number > 1 {
            taken.insert(name.clone(), 1);
            renamed.push(index);
        }
        columns.push(Named { name, named });
    }
    if let Some(first) = renamed.first() {
        notices.tell(format!(
            "{} of the columns have names that others have before them: column {} is {:?}",
            renamed.len(),
            first + 1,
            columns[*first].name
        ));
    }
    Ok(columns)
}

/// A column's name as it will be a key, and whether the header had one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) named: bool,
}

impl Column {
    pub(crate) fn new(of: &Named) -> Self {
        let mut key = Vec::with_capacity(of.name.len() + 3);
        quote(&of.name, &mut key);
        key.push(b':');
        Self { key: key.into(), named: of.named }
    }
}

/// What a reader is told to go on behind a row: the delimiter and the columns, as a list of JSON. `None` if it has more than
/// `most` bytes.
pub(super) fn context(delimiter: u8, columns: &[Column], most: usize) -> Option<String> {
    let mut out = b"[".to_vec();
    quote(&char::from(delimiter).to_string(), &mut out);
    for column in columns {
        let key = column.key.strip_suffix(b":")?;
        // A column that had no name is told by a list of its own.
        let (before, after): (&[u8], &[u8]) =
            if column.named { (b",", b"") } else { (b",[", b"]") };
        for part in [before, key, after] {
            out.extend_from_slice(part);
        }
        if out.len() >= most {
            return None;
        }
    }
    out.push(b']');
    String::from_utf8(out).ok()
}

/// The delimiter and columns of a context.
///
/// # Errors
/// It is none.
pub(super) fn from_context(context: &str) -> Result<(u8, Vec<Column>), BadFormat> {
    let bad = || BadFormat(format!("{context:?} is not the context of a table"));
    let values: Vec<serde_json::Value> = serde_json::from_str(context).map_err(|_| bad())?;
    let mut values = values.iter();
    let delimiter = match values.next().and_then(|value| value.as_str()).map(str::as_bytes) {
        Some([delimiter]) => *delimiter,
        _ => return Err(bad()),
    };
    let columns = values
        .map(|value| {
            let inner = value.as_array().and_then(|list| list.first());
            let name = inner.unwrap_or(value).as_str()?.to_owned();
            Some(Column::new(&Named { name, named: inner.is_none() }))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(bad)?;
    Ok((delimiter, columns))
}
