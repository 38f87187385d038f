//! Which parts a workbook has, and where they are.

use super::part::Archive;
use super::xml::{Token, Xml};
use crate::format::told;
use crate::{Damage, Spent};

/// Most sheets, and most relations of a part.
const ENTRIES_MAX: usize = 10_000;

/// The parts that a sheet is read from, by their names in the zip file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) sheet: String,
    pub(super) strings: Option<String>,
    pub(super) styles: Option<String>,
    /// Whether days are counted from 1904 on.
    pub(super) from_1904: bool,
}

/// A relation of a part: its id, the last word of its type, and the part it leads to.
struct Relation {
    id: String,
    kind: String,
    target: String,
}

/// Finds the parts of the sheet of this name, or of the first that is not hidden.
///
/// # Errors
/// It is no workbook, or has no such sheet.
pub(super) fn find(
    archive: &Archive,
    wanted: Option<&str>,
    spent: &mut Spent,
) -> Result<Parts, Damage> {
    let workbook = relations(archive, "", spent)?
        .into_iter()
        .find(|it| it.kind == "officeDocument")
        .ok_or_else(|| Damage("the file has no workbook in it: it is no XLSX file".to_owned()))?
        .target;
    if workbook.ends_with(".bin") {
        return Err(Damage("the workbook is an XLSB file; XLSX is read".to_owned()));
    }
    let related = relations(archive, &workbook, spent)?;
    let (sheets, from_1904) = sheets(archive, &workbook, spent)?;
    let sheet = match wanted {
        Some(name) => sheets.iter().find(|sheet| sheet.name == name),
        None => sheets.iter().find(|sheet| !sheet.hidden),
    };
    let Some(sheet) = sheet else {
        let names: Vec<String> = sheets.iter().take(5).map(|sheet| told(&sheet.name)).collect();
        let what = wanted.map_or("that is not hidden".to_owned(), |name| format!("{name:?}"));
        return Err(Damage(format!(
            "the workbook has no sheet {what}; it has {}",
            names.join(", ")
        )));
    };
    let target = |found: &dyn Fn(&Relation) -> bool| {
        related.iter().find(|it| found(it)).map(|it| it.target.clone())
    };
    Ok(Parts {
        sheet: target(&|it| it.id == sheet.relation && it.kind == "worksheet").ok_or_else(
            || {
                Damage(format!(
                    "sheet {} of the workbook has no cells: it is a chart, or damaged",
                    told(&sheet.name)
                ))
            },
        )?,
        strings: target(&|it| it.kind == "sharedStrings")
            .filter(|name| archive.find(name).is_some()),
        styles: target(&|it| it.kind == "styles").filter(|name| archive.find(name).is_some()),
        from_1904,
    })
}

/// The relations of a part; of the whole file without one.
fn relations(archive: &Archive, of: &str, spent: &mut Spent) -> Result<Vec<Relation>, Damage> {
    let (folder, file) = of.rsplit_once('/').map_or(("", of), |(folder, file)| (folder, file));
    let name =
        [folder, "_rels", &format!("{file}.rels")].join("/").trim_start_matches('/').to_owned();
    let mut xml = Xml::new(archive.part(&name, *spent)?, &name, archive.limits.depth_max);
    let mut relations = Vec::new();
    loop {
        match xml.next()? {
            Token::Start(tag) if tag.name() == "Relationship" => {
                let (id, kind, target) =
                    (tag.attribute("Id"), tag.attribute("Type"), tag.attribute("Target"));
                let is_inside = tag.attribute("TargetMode").is_none_or(|mode| mode != "External");
                if let (Some(id), Some(kind), Some(target), true) = (id, kind, target, is_inside) {
                    relations.push(Relation {
                        id: id.into_owned(),
                        kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
                        target: resolve(folder, &target),
                    });
                }
            }
            Token::Start(_) | Token::End | Token::Text(_) => {}
            Token::Over => break,
        }
        if relations.len() > ENTRIES_MAX {
            return Err(xml.damage("it has too many relations"));
        }
    }
    *spent = xml.spent();
    Ok(relations)
}

/// A name that is given from a folder on, or from the top.
fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut names: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => folder.split('/').collect(),
    };
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.retain(|name| !name.is_empty());
    names.join("/")
}

struct Sheet {
    name: String,
    relation: String,
    hidden: bool,
}

fn sheets(
    archive: &Archive,
    workbook: &str,
    spent: &mut Spent,
) -> Result<(Vec<Sheet>, bool), Damage> {
    let mut xml = Xml::new(archive.part(workbook, *spent)?, workbook, archive.limits.depth_max);
    let (mut sheets, mut from_1904) = (Vec::new(), None);
    loop {
        let depth = xml.depth();
        match xml.next()? {
            // Extensions have an element of the same name, which says nothing of the epoch.
            Token::Start(tag)
                if tag.name() == "workbookPr" && depth == 1 && from_1904.is_none() =>
            {
                from_1904 =
                    Some(tag.attribute("date1904").is_some_and(|it| it == "1" || it == "true"));
            }
            Token::Start(tag) if tag.name() == "sheet" && depth == 2 => {
                if let (Some(name), Some(relation)) = (tag.attribute("name"), tag.prefixed("id")) {
                    let hidden = tag.attribute("state").is_some_and(|it| it != "visible");
                    sheets.push(Sheet { name: name.into_owned(), relation, hidden });
                }
            }
            Token::Start(_) | Token::End | Token::Text(_) => {}
            Token::Over => break,
        }
        if sheets.len() > ENTRIES_MAX {
            return Err(xml.damage("it has too many sheets"));
        }
    }
    *spent = xml.spent();
    Ok((sheets, from_1904.unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_from_a_folder_or_from_the_top() {
        for (folder, target, expected) in [
            ("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "/xl/styles.xml", "xl/styles.xml"),
            ("xl", "../a.xml", "a.xml"),
            ("", "xl/workbook.xml", "xl/workbook.xml"),
            ("xl", "..\\..\\..\\etc/./passwd", "etc/passwd"),
        ] {
            assert_eq!(resolve(folder, target), expected);
        }
    }
}
