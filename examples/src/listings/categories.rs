//! The ERP's reference data: categories, which hardly ever change.

use serde_json::{Value, json};

/// Categories have the numbers from 1 to this.
pub(crate) const CATEGORIES: u64 = 40;
/// Most ids in a request.
pub(crate) const IDS_MAX: usize = 100;

const KINDS: [&str; 8] =
    ["Apartment", "House", "Loft", "Villa", "Studio", "Office", "Workshop", "Land"];
const USES: [&str; 5] = ["for sale", "for rent", "for holidays", "with a garden", "by the lake"];

/// The name of a category; none where there is no such category.
pub(crate) fn name(id: u64) -> Option<String> {
    let index = usize::try_from(id.checked_sub(1)?).ok().filter(|_| id <= CATEGORIES)?;
    Some(format!("{} {}", KINDS[index % KINDS.len()], USES[index / KINDS.len()]))
}

/// The ids that `?ids=3,12` asks for, or why that is no request.
pub(crate) fn ids(query: Option<&str>) -> Result<Vec<u64>, &'static str> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let (Some((name, value)), None) = (pairs.next(), pairs.next()) else {
        return Err("it takes one parameter, ids");
    };
    let ids: Option<Vec<u64>> = value.split(',').map(|id| id.parse().ok()).collect();
    match (&*name, ids) {
        ("ids", Some(ids)) if ids.len() <= IDS_MAX => Ok(ids),
        ("ids", Some(_)) => Err("at most 100 ids at once"),
        ("ids", None) => Err("ids are numbers with commas between"),
        _ => Err("it takes one parameter, ids"),
    }
}

/// The answer: those of them that exist.
pub(crate) fn answer(ids: &[u64]) -> Value {
    let shown = |id: &u64| name(*id).map(|name| json!({ "id": id, "name": name }));
    json!({ "categories": ids.iter().filter_map(shown).collect::<Vec<_>>() })
}
