//! Workbooks, put together part by part.

use crate::zipper::{Item, zip};

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
pub const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// The parts of a workbook.
#[derive(Debug, Clone)]
pub struct Workbook {
    pub rows: String,
    pub strings: String,
    pub styles: String,
    pub before_sheets: String,
    pub sheets: String,
}

impl Workbook {
    pub fn of(rows: &str) -> Self {
        Self {
            rows: rows.to_owned(),
            strings: "<si><t>shared</t></si>".to_owned(),
            styles: String::new(),
            before_sheets: String::new(),
            sheets: r#"<sheet name="Offers" sheetId="1" r:id="rId1"/>"#.to_owned(),
        }
    }

    /// A workbook whose first rows are a header with the names `a`, `b` and so on, and these cells.
    pub fn cells(cells: &str) -> Self {
        Self::of(&format!("{}<row r=\"2\">{cells}</row>", header(3)))
    }

    pub fn strings(self, strings: &str) -> Self {
        Self { strings: strings.to_owned(), ..self }
    }

    pub fn styles(self, styles: &str) -> Self {
        Self { styles: styles.to_owned(), ..self }
    }

    pub fn parts(&self) -> Vec<Item> {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n";
        let relation = |id: &str, kind: &str, target: &str| {
            format!(r#"<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{target}"/>"#)
        };
        let relations = |inner: String| format!("{head}<Relationships>{inner}</Relationships>");
        vec![
            Item::new(
                "_rels/.rels",
                relations(relation("rId1", "officeDocument", "xl/workbook.xml")),
            ),
            Item::new(
                "xl/workbook.xml",
                format!(
                    r#"{head}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{}<sheets>{}</sheets></workbook>"#,
                    self.before_sheets, self.sheets
                ),
            ),
            Item::new(
                "xl/_rels/workbook.xml.rels",
                relations(
                    relation("rId1", "worksheet", "worksheets/sheet1.xml")
                        + &relation("rId2", "worksheet", "/xl/worksheets/sheet2.xml")
                        + &relation("rId3", "sharedStrings", "sharedStrings.xml")
                        + &relation("rId4", "styles", "styles.xml")
                        + &relation("rId5", "chartsheet", "chartsheets/sheet1.xml"),
                ),
            ),
            Item::new(
                "xl/sharedStrings.xml",
                format!(
                    r#"{head}<sst xmlns="{MAIN}" count="9" uniqueCount="4294967295">{}</sst>"#,
                    self.strings
                ),
            ),
            Item::new(
                "xl/styles.xml",
                format!(r#"{head}<styleSheet xmlns="{MAIN}">{}</styleSheet>"#, self.styles),
            ),
            Item::new("xl/worksheets/sheet1.xml", sheet(&self.rows)),
            Item::new(
                "xl/worksheets/sheet2.xml",
                sheet(r#"<row><c t="str"><v>x</v></c></row><row><c><v>2</v></c></row>"#),
            ),
        ]
    }

    pub fn file(&self) -> Vec<u8> {
        zip(&self.parts(), b"", false)
    }
}

fn sheet(rows: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData><mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells></worksheet>"#
    )
}

/// A row with the names `a`, `b` and so on.
pub fn header(columns: usize) -> String {
    let cells: String =
        ('a'..).take(columns).map(|name| format!("<c t=\"str\"><v>{name}</v></c>")).collect();
    format!("<row r=\"1\">{cells}</row>")
}
