//! Sheets of Excel workbooks.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use tidegate_feed::{Damage, Limits, Notices, ReadAt, SheetFormat, SheetReader, SheetRow};

use crate::workbook::{OFFICE, Workbook, header};
use crate::zipper::{Item, zip};

/// What came of a workbook.
pub struct Outcome {
    pub rows: Vec<SheetRow>,
    pub is_whole: bool,
    pub damage: Option<Damage>,
    pub notices: Notices,
}

impl Outcome {
    fn sound(&self) -> Vec<&str> {
        let sound = self.rows.iter().filter(|row| row.fault.is_none());
        sound.map(|row| std::str::from_utf8(&row.data).unwrap()).collect()
    }

    fn faults(&self) -> Vec<&str> {
        self.rows.iter().filter_map(|row| row.fault.as_deref()).collect()
    }
}

pub fn read_file(file: Vec<u8>, format: &SheetFormat, after: u32, limits: Limits) -> Outcome {
    let mut outcome =
        Outcome { rows: Vec::new(), is_whole: false, damage: None, notices: Notices::default() };
    let mut reader = match SheetReader::open(Arc::new(Bytes::from(file)), format, after, limits) {
        Ok(reader) => reader,
        Err(damage) => {
            outcome.damage = Some(damage);
            return outcome;
        }
    };
    loop {
        match reader.next_row() {
            Ok(Some(row)) => outcome.rows.push(row),
            Ok(None) => break,
            Err(damage) => {
                outcome.damage = Some(damage);
                break;
            }
        }
    }
    outcome.is_whole = reader.is_whole();
    outcome.notices = reader.notices();
    for row in outcome.rows.iter().filter(|row| row.fault.is_none()) {
        serde_json::from_slice::<serde_json::Value>(&row.data).unwrap();
    }
    outcome
}

fn read(workbook: &Workbook) -> Outcome {
    read_file(workbook.file(), &SheetFormat::default(), 0, Limits::default())
}

#[track_caller]
fn same(workbook: &Workbook, records: &[&str]) {
    let outcome = read(workbook);
    assert_eq!((&outcome.damage, outcome.faults()), (&None, vec![]));
    assert_eq!(outcome.sound(), records);
    assert!(outcome.is_whole);
    assert_eq!(outcome.notices, Notices::default());
}

#[test]
fn rows_are_objects_by_the_header() {
    same(
        &Workbook::of(
            r#"<row r="1"><c r="A1" t="str"><v> id </v></c><c r="B1" t="s"><v>0</v></c><c r="D1" t="str"><v>d</v></c></row>
               <row r="3"><c r="A3"><v>1</v></c><c r="B3" t="s"><v>0</v></c><c r="C3" s="1"/><c r="D3"/></row>
               <row r="4"/>
               <row r="7" spans="1:2"><c r="B7" t="b"><v>1</v></c><c r="C7" t="str"><v>c</v></c></row>"#,
        ),
        &[r#"{"id":1,"shared":"shared"}"#, r#"{"shared":true,"column_3":"c"}"#],
    );
    let outcome = read(&Workbook::of(&format!("{}<row r=\"5\"><c><v>1</v></c></row>", header(1))));
    assert_eq!(outcome.rows[0].number, 5);
}

#[test]
fn every_type_of_cell_is_what_it_is() {
    for (cell, expected) in [
        ("<c><v>1.5</v></c>", r#"{"a":1.5}"#),
        ("<c t=\"n\"><v>1234567890123456</v></c>", r#"{"a":1234567890123456}"#),
        ("<c><v>1.234567890123456E+15</v></c>", r#"{"a":1234567890123456}"#),
        ("<c t=\"b\"><v>0</v></c>", r#"{"a":false}"#),
        ("<c t=\"e\"><v>#N/A</v></c>", "{\"a\":\"#N/A\"}"),
        ("<c t=\"str\"><f>A1&amp;B1</f><v>te&lt;xt</v></c>", r#"{"a":"te<xt"}"#),
        ("<c t=\"str\"><v></v></c><c><v>1</v></c>", r#"{"a":"","b":1}"#),
        ("<c t=\"d\"><v>2026-11-28T10:00:00</v></c>", r#"{"a":"2026-11-28T10:00:00"}"#),
        ("<c><v>abc</v></c>", r#"{"a":"abc"}"#),
        ("<c t=\"s\"><v>0</v></c>", r#"{"a":"shared"}"#),
        ("<c t=\"inlineStr\"><is><t>in</t></is></c>", r#"{"a":"in"}"#),
        (
            "<c t=\"inlineStr\"><is><t><![CDATA[a<b]]> &amp; &#xE4;</t></is></c>",
            r#"{"a":"a<b & ä"}"#,
        ),
        (
            "<c t=\"inlineStr\"><is><r><rPr><b/></rPr><t>ri</t></r><r><t xml:space=\"preserve\">ch </t></r><rPh sb=\"0\" eb=\"1\"><t>no</t></rPh></is></c>",
            r#"{"a":"rich "}"#,
        ),
        ("<c t=\"inlineStr\"><v>9</v><is><t>in</t></is></c>", r#"{"a":"in"}"#),
        ("<c t=\"inlineStr\"><is><t>in</t></is><v>9</v></c>", r#"{"a":"in"}"#),
        ("<c t=\"inlineStr\"><is><t/></is></c><c><v>1</v></c>", r#"{"a":"","b":1}"#),
        ("<c r=\"C2\"><v>1</v></c>", r#"{"c":1}"#),
        ("<c t=\"inlineStr\"><is><t>a_x000D_b_x005F_x0041_</t></is></c>", r#"{"a":"a\rb_x0041_"}"#),
        ("<c><v>1<!-- no -->2</v></c>", r#"{"a":12}"#),
    ] {
        same(&Workbook::cells(cell), &[expected]);
    }
}

#[test]
fn shared_texts_are_plain_and_rich_and_counted_by_themselves() {
    let workbook = Workbook::cells(r#"<c t="s"><v>1</v></c><c t="s"><v>2</v></c><c t="s"><v> 3 </v></c>"#).strings(
        r#"<si><t>plain</t></si><si><r><t>ri</t></r><r><t xml:space="preserve"> ch</t></r><rPh sb="0" eb="1"><t>no</t></rPh><phoneticPr fontId="1"/></si><si><t xml:space="preserve"> a
b &amp; "c" </t></si><si/>"#,
    );
    same(&workbook, &[r#"{"a":"ri ch","b":" a\nb & \"c\" ","c":""}"#]);
    // With prefixes.
    let mut parts = workbook.parts();
    for part in &mut parts[3..6] {
        let text = String::from_utf8(part.data.clone()).unwrap();
        part.data = text
            .replace("<", "<x:")
            .replace("<x:/", "</x:")
            .replace("<x:?", "<?")
            .replace(" xmlns=", " xmlns:x=")
            .into_bytes();
    }
    let outcome = read_file(zip(&parts, b"", false), &SheetFormat::default(), 0, Limits::default());
    assert_eq!(outcome.sound(), [r#"{"a":"ri ch","b":" a\nb & \"c\" ","c":""}"#]);
    // A text that is not there.
    let outcome = read(&Workbook::cells(r#"<c t="s"><v>99</v></c>"#));
    assert!(outcome.faults()[0].contains("\"99\""), "{:?}", outcome.faults());
    assert!(read(&Workbook::cells(r#"<c t="s"><v>-1</v></c>"#)).faults().len() == 1);
}

#[test]
fn numbers_are_dates_where_their_format_says_so() {
    let styles = r#"<numFmts count="2"><numFmt numFmtId="164" formatCode="dd\.mm\.yyyy\ hh:mm"/><numFmt numFmtId="165" formatCode="[h]:mm"/></numFmts>
        <cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
        <cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="20"/></cellXfs>
        <cellStyles><xf numFmtId="14"/></cellStyles>"#;
    let row = |values: &str| format!("{}<row r=\"2\">{values}</row>", header(5));
    let cells = r#"<c s="0"><v>43831</v></c><c s="1"><v>43831</v></c><c s="2"><f>NOW()</f><v>43831.5</v></c><c s="3"><v>1.5</v></c><c s="4"><v>0.75</v></c>"#;
    let workbook = Workbook::of(&row(cells)).styles(styles);
    same(
        &workbook,
        &[r#"{"a":43831,"b":"2020-01-01","c":"2020-01-01T12:00:00","d":1.5,"e":"18:00:00"}"#],
    );
    let extension =
        r#"<extLst><ext><x15:workbookPr xmlns:x15="x" chartTrackingRefBase="1"/></ext></extLst>"#;
    for (before, expected) in [
        (format!("<workbookPr date1904=\"1\"/>{extension}"), "2024-01-02"),
        ("<workbookPr date1904=\"true\"/>".to_owned(), "2024-01-02"),
        (format!("<workbookPr date1904=\"0\"/>{extension}"), "2020-01-01"),
        (extension.to_owned(), "2020-01-01"),
    ] {
        let workbook = Workbook {
            before_sheets: before,
            ..Workbook::cells(r#"<c s="1"><v>43831</v></c>"#).styles(styles)
        };
        same(&workbook, &[&format!(r#"{{"a":"{expected}"}}"#)]);
    }
    // What is no day stays a number; a text is one whatever its format.
    same(
        &Workbook::cells(
            r#"<c s="1"><v>-1</v></c><c s="1" t="str"><v>43831</v></c><c s="99"><v>1</v></c>"#,
        )
        .styles(styles),
        &[r#"{"a":-1,"b":"43831","c":1}"#],
    );
}

#[test]
fn formulas_without_a_value_are_told() {
    let outcome = read(&Workbook::cells("<c><f>A1+1</f></c><c><f>1</f><v></v></c><c><v>1</v></c>"));
    assert_eq!(outcome.sound(), [r#"{"c":1}"#]);
    assert!(outcome.notices.told[0].starts_with("2 formulas"), "{:?}", outcome.notices);
}

#[test]
fn a_sheet_is_chosen_by_name_or_is_the_first_that_is_seen() {
    let workbook = Workbook {
        sheets: r#"<sheet name="Secret" sheetId="3" state="veryHidden" r:id="rId1"/><sheet name="Ü &amp; Co" sheetId="7" r:id="rId2"/><sheet name="Chart" sheetId="8" r:id="rId5"/>"#.to_owned(),
        ..Workbook::cells("<c><v>1</v></c>")
    };
    let read = |name: Option<&str>| {
        let format = SheetFormat { sheet: name.map(str::to_owned), ..SheetFormat::default() };
        read_file(workbook.file(), &format, 0, Limits::default())
    };
    assert_eq!(read(None).sound(), [r#"{"x":2}"#]);
    assert_eq!(read(Some("Ü & Co")).sound(), [r#"{"x":2}"#]);
    assert_eq!(read(Some("Secret")).sound(), [r#"{"a":1}"#]);
    let damage = read(Some("None")).damage.unwrap();
    assert!(damage.0.contains("None") && damage.0.contains("Secret"), "{damage}");
    assert!(read(Some("Chart")).damage.unwrap().0.contains("chart"));
}

#[test]
fn columns_and_rows_to_skip_are_as_the_flow_says() {
    let workbook = Workbook::of(
        r#"<row r="1"><c t="str"><v>Report</v></c></row><row r="4"><c><v>1</v></c><c><v>2</v></c></row><row r="5"><c><v>3</v></c></row>"#,
    );
    let format =
        SheetFormat { columns: vec!["x".to_owned(), "y".to_owned()], skip_rows: 2, sheet: None };
    let outcome = read_file(workbook.file(), &format, 0, Limits::default());
    assert_eq!(outcome.sound(), [r#"{"x":1,"y":2}"#, r#"{"x":3}"#]);
    let format = SheetFormat { skip_rows: 2, ..SheetFormat::default() };
    assert_eq!(read_file(workbook.file(), &format, 0, Limits::default()).sound(), [r#"{"1":3}"#]);
}

#[test]
fn reading_goes_on_behind_any_row() {
    let rows: String =
        (2..20).map(|row| format!("<row r=\"{}\"><c><v>{row}</v></c></row>", row * 2)).collect();
    let file = Workbook::of(&(header(1) + &rows)).file();
    let all = read_file(file.clone(), &SheetFormat::default(), 0, Limits::default());
    assert_eq!(all.rows.len(), 18);
    for (index, row) in all.rows.iter().enumerate() {
        let rest = read_file(file.clone(), &SheetFormat::default(), row.number, Limits::default());
        assert_eq!(rest.rows, all.rows[index + 1..]);
        assert!(rest.is_whole);
    }
}

#[test]
fn rows_at_fault_are_in_no_ones_way() {
    let limits = Limits { record_bytes_max: 100_000, ..Limits::default() };
    let long = "x".repeat(60_000);
    for (cells, what) in [
        ("<c/><c/><c/><c r=\"E2\"><v>5</v></c>".to_owned(), "column 5"),
        ("<c r=\"B2\"><v>1</v></c><c r=\"A2\"><v>1</v></c>".to_owned(), "\"A2\""),
        ("<c r=\"A2\"><v>1</v></c><c r=\"A2\"><v>1</v></c>".to_owned(), "\"A2\""),
        ("<c r=\"12\"><v>1</v></c>".to_owned(), "\"12\""),
        ("<c r=\"XFE2\"><v>1</v></c>".to_owned(), "16384"),
        ("<c r=\"ZZZZ2\"><v>1</v></c>".to_owned(), "ZZZZ2"),
        (
            format!("<c t=\"str\"><v>{long}</v></c><c t=\"str\"><v>{long}</v></c>"),
            "record_bytes_max",
        ),
        (format!("<c t=\"str\"><v>{long}<!-- -->{long}</v></c>"), "record_bytes_max"),
    ] {
        let rows =
            format!("{}<row r=\"2\">{cells}</row><row r=\"3\"><c><v>1</v></c></row>", header(3));
        let outcome = read_file(Workbook::of(&rows).file(), &SheetFormat::default(), 0, limits);
        assert_eq!((outcome.sound(), outcome.faults().len()), (vec![r#"{"a":1}"#], 1), "{what}");
        assert!(
            outcome.faults()[0].contains(what) && outcome.faults()[0].contains("row 2"),
            "{:?}",
            outcome.faults()
        );
        assert!(outcome.is_whole);
    }
    // The same long text many times over is what a small file can ask for.
    let texts = format!("<si><t>{long}</t></si>");
    let cells = "<c t=\"s\"><v>0</v></c>".repeat(3);
    let workbook = Workbook::cells(&cells).strings(&texts);
    let outcome = read_file(workbook.file(), &SheetFormat::default(), 0, limits);
    assert!(outcome.faults()[0].contains("record_bytes_max"));
}

#[test]
fn what_is_no_workbook_is_named() {
    let read = |file: Vec<u8>| read_file(file, &SheetFormat::default(), 0, Limits::default());
    for (file, what) in [
        (b"a,b\n1,2\n".to_vec(), "no zip file"),
        (vec![], "no zip file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more".to_vec(), "XLS file"),
        (zip(&[Item::new("a.xml", "<a/>")], b"", false), "no XLSX file"),
        (zip(&[Item::new("_rels/.rels", "<Relationships/>")], b"", false), "no workbook"),
    ] {
        let damage = read(file).damage.unwrap();
        assert!(damage.0.contains(what), "{damage}");
    }
    let mut parts = Workbook::cells("<c/>").parts();
    parts[0].data = format!(r#"<Relationships><Relationship Id="a" Type="{OFFICE}/officeDocument" Target="xl/workbook.bin"/></Relationships>"#).into_bytes();
    assert!(read(zip(&parts, b"", false)).damage.unwrap().0.contains("XLSB"));
}

#[test]
fn parts_have_any_names_in_any_case_and_some_are_missing() {
    let mut parts = Workbook::cells("<c><v>1</v></c>").parts();
    parts.remove(4);
    parts.remove(3);
    parts[0].data = format!(r#"<Relationships><Relationship Id="a" Type="{OFFICE}/officeDocument" Target="/app/book.xml"/></Relationships>"#).into_bytes();
    parts[1].name = b"app/Book.xml".to_vec();
    parts[2].name = b"app\\_rels\\book.xml.rels".to_vec();
    parts[3].name = b"app/worksheets/Sheet1.xml".to_vec();
    let outcome = read_file(zip(&parts, b"", false), &SheetFormat::default(), 0, Limits::default());
    assert_eq!(
        (outcome.sound(), outcome.is_whole),
        (vec![r#"{"a":1}"#], true),
        "{:?}",
        outcome.damage
    );
}

#[test]
fn damage_within_a_sheet_leaves_the_rows_before_it() {
    let rows = format!("{}<row r=\"2\"><c><v>1</v></c></row>", header(1));
    for (bad, what) in [
        ("<row><c></row>", "damaged"),
        ("<row r=\"2\"><c><v>3</v></c></row>", "does not stand behind"),
        ("</sheetData></worksheet><!DOCTYPE x>", "DOCTYPE"),
        (&*"<x>".repeat(100), "depth_max"),
        ("<row><c", "damaged"),
    ] {
        let outcome = read(&Workbook::of(&format!("{rows}{bad}")));
        assert_eq!((outcome.sound(), outcome.is_whole), (vec![r#"{"a":1}"#], false));
        let damage = outcome.damage.unwrap();
        assert!(damage.0.contains(what) && damage.0.contains("sheet1.xml"), "{damage}");
    }
    // A check sum that is wrong shows at the end alone.
    let mut parts = Workbook::of(&rows).parts();
    parts[5].crc = Some(1);
    let outcome = read_file(zip(&parts, b"", false), &SheetFormat::default(), 0, Limits::default());
    assert_eq!(outcome.sound(), [r#"{"a":1}"#]);
    assert!(outcome.damage.unwrap().0.contains("check sum") && !outcome.is_whole);
    // No tag for megabytes.
    let limits = Limits { record_bytes_max: 100_000, ..Limits::default() };
    let workbook = Workbook::of(&format!("{rows}<row a=\"{}\"/>", "x".repeat(300_000)));
    let outcome = read_file(workbook.file(), &SheetFormat::default(), 0, limits);
    assert!(outcome.damage.unwrap().0.contains("without a tag"));
    // A blank sheet says nothing.
    let outcome = read(&Workbook::of(""));
    assert!(outcome.damage.is_none() && !outcome.is_whole);
}

#[test]
fn a_workbook_cut_at_any_byte_gives_no_rows() {
    let file = Workbook::cells("<c><v>1</v></c>").file();
    for cut in 0..file.len() {
        let outcome =
            read_file(file[..cut].to_vec(), &SheetFormat::default(), 0, Limits::default());
        assert!(
            outcome.rows.is_empty() && outcome.damage.is_some() && !outcome.is_whole,
            "cut at {cut}"
        );
    }
}

#[test]
fn many_texts_go_through_a_temporary_file() {
    let count = 100_000;
    let texts: String = (0..count)
        .map(|index| format!("<si><t>text {index} {}</t></si>", "ü".repeat(200)))
        .collect();
    let rows: String = (0..200)
        .map(|row| format!("<row><c t=\"s\"><v>{}</v></c></row>", (row * 7919) % count))
        .collect();
    let workbook = Workbook::of(&(header(1) + &rows)).strings(&texts);
    let outcome = read(&workbook);
    assert_eq!((outcome.rows.len(), outcome.is_whole), (200, true), "{:?}", outcome.damage);
    for (row, found) in outcome.sound().iter().enumerate() {
        let expected = format!("{{\"a\":\"text {} {}\"}}", (row * 7919) % count, "ü".repeat(200));
        assert_eq!(*found, expected);
    }
}

#[test]
fn a_file_is_read_at_any_place() {
    use std::io::Write as _;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&Workbook::cells("<c><v>1</v></c>").file()).unwrap();
    let mut reader =
        SheetReader::open(Arc::new(file), &SheetFormat::default(), 0, Limits::default()).unwrap();
    assert_eq!(reader.next_row().unwrap().unwrap().data, r#"{"a":1}"#);
    assert_eq!(reader.next_row().unwrap(), None);
    let bytes = Bytes::from_static(b"abc");
    let mut into = [0; 2];
    assert_eq!(
        (bytes.read_at(2, &mut into).unwrap(), bytes.read_at(9, &mut into).unwrap()),
        (1, 0)
    );
}

/// What XML cannot hold as it is.
fn escape(text: &str) -> String {
    let mut out = String::new();
    let text = text.replace("_x", "_x005F_x");
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\r' => out.push_str("_x000D_"),
            '\u{0}'..'\u{20}' if !"\t\n".contains(character) => {
                out.push_str(&format!("_x{:04X}_", u32::from(character)))
            }
            _ => out.push(character),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_texts_and_numbers_come_back(
        rows in prop::collection::vec(prop::collection::vec(prop_oneof![
            any::<i64>().prop_map(serde_json::Value::from),
            any::<i32>().prop_map(|it| serde_json::Value::from(f64::from(it) + 0.125)),
            any::<bool>().prop_map(serde_json::Value::from),
            "[a-z_x0-9<&\"\u{0}-\u{20}é😀]{1,12}".prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
        ], 3), 1..10),
        shared: bool,
    ) {
        let mut strings = String::new();
        let mut count = 0;
        let mut xml = header(3);
        for (row, values) in rows.iter().enumerate() {
            xml += &format!("<row r=\"{}\">", row + 2);
            for (column, value) in ["A", "B", "C"].iter().zip(values) {
                let place = format!("{column}{}", row + 2);
                match value {
                    serde_json::Value::Null => {}
                    serde_json::Value::Bool(value) => xml += &format!("<c r=\"{place}\" t=\"b\"><v>{}</v></c>", u8::from(*value)),
                    serde_json::Value::String(text) if shared => {
                        strings += &format!("<si><t xml:space=\"preserve\">{}</t></si>", escape(text));
                        xml += &format!("<c r=\"{place}\" t=\"s\"><v>{count}</v></c>");
                        count += 1;
                    }
                    serde_json::Value::String(text) => xml += &format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{}</t></is></c>", escape(text)),
                    number => xml += &format!("<c r=\"{place}\"><v>{number}</v></c>"),
                }
            }
            xml += "</row>";
        }
        let outcome = read(&Workbook::of(&xml).strings(&strings));
        let expected: Vec<serde_json::Value> = rows
            .iter()
            .map(|row| ["a", "b", "c"].iter().zip(row).filter(|(_, value)| !value.is_null()).map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>())
            .filter(|row| !row.is_empty())
            .map(Into::into)
            .collect();
        let came: Vec<serde_json::Value> = outcome.sound().iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        prop_assert_eq!(came, expected);
        prop_assert!(outcome.is_whole && outcome.damage.is_none());
    }
}
