//! Which numbers are dates: those whose format says so.

use super::dates::Dated;
use super::part::Archive;
use super::xml::{Token, Xml};
use crate::{Damage, Spent};

/// Most formats of cells: Excel has 65,490.
const FORMATS_MAX: usize = 1 << 16;

/// What the styles of cells say of numbers.
#[derive(Debug, Default)]
pub(super) struct Styles {
    /// By the number that cells give.
    cells: Vec<Option<Dated>>,
}

impl Styles {
    pub(super) fn get(&self, style: usize) -> Option<Dated> {
        self.cells.get(style).copied().flatten()
    }

    /// Reads them from a part, and adds what that took to `spent`.
    ///
    /// # Errors
    /// The part is damaged.
    pub(super) fn read(archive: &Archive, name: &str, spent: &mut Spent) -> Result<Self, Damage> {
        let mut xml = Xml::new(archive.part(name, *spent)?, name, archive.limits.depth_max);
        let mut own: Vec<(u32, Option<Dated>)> = Vec::new();
        let mut numbers = Vec::new();
        let mut in_cells = false;
        loop {
            let depth = xml.depth();
            match xml.next()? {
                Token::Start(tag) => {
                    let number =
                        tag.attribute("numFmtId").and_then(|id| id.trim().parse::<u32>().ok());
                    match tag.name() {
                        "cellXfs" => in_cells = true,
                        "xf" if in_cells => numbers.push(number.unwrap_or(0)),
                        "numFmt" if depth == 2 => {
                            if let (Some(number), Some(code)) =
                                (number, tag.attribute("formatCode"))
                            {
                                own.push((number, Dated::of_code(&code)));
                            }
                        }
                        _ => {}
                    }
                }
                Token::End => in_cells &= depth > 2,
                Token::Text(_) => {}
                Token::Over => break,
            }
            if own.len() > FORMATS_MAX || numbers.len() > FORMATS_MAX {
                return Err(xml.damage("there are more formats than Excel has"));
            }
        }
        *spent = xml.spent();
        own.sort_by_key(|(number, _)| *number);
        let cells = numbers
            .iter()
            .map(|number| match own.binary_search_by_key(number, |(own, _)| *own) {
                Ok(index) => own[index].1,
                Err(_) => Dated::of_number(*number),
            })
            .collect();
        Ok(Self { cells })
    }
}
