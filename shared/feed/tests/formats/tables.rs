//! Tables: what is in files that go by the name of CSV.

use proptest::prelude::*;
use tidegate_feed::{Limits, TableFormat, TableReader};

use crate::driver::{Outcome, drive, drive_split};

fn reader(format: &TableFormat, limits: Limits) -> impl Fn(Option<&str>) -> TableReader {
    move |context| match context {
        None => TableReader::new(format, limits).unwrap(),
        Some(context) => TableReader::resume(format, limits, context).unwrap(),
    }
}

fn read_as(format: &TableFormat, text: &str) -> Outcome {
    drive_split(reader(format, Limits::default()), text)
}

fn read(text: &str) -> Outcome {
    read_as(&TableFormat::default(), text)
}

#[track_caller]
fn same(text: &str, records: &[&str]) {
    let outcome = read(text);
    assert_eq!(outcome.sound(), records);
    assert_eq!((outcome.faults(), &outcome.damage, outcome.is_whole), (vec![], &None, true));
    assert_eq!(outcome.notices.told, Vec::<String>::new());
}

#[test]
fn a_row_is_an_object_of_texts() {
    same("id,name\n1,Haus\n2,\n", &[r#"{"id":"1","name":"Haus"}"#, r#"{"id":"2","name":""}"#]);
    // Without a line end behind the last row, with any line end, with blank lines.
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("id,name{end}1,a{end}{end}2,b");
        same(&text, &[r#"{"id":"1","name":"a"}"#, r#"{"id":"2","name":"b"}"#]);
        same(
            &format!("{end}{text}{end}   {end}"),
            &[r#"{"id":"1","name":"a"}"#, r#"{"id":"2","name":"b"}"#],
        );
    }
    same("only a header,here\n", &[]);
    same("one column\nvalue\n\nother", &[r#"{"one column":"value"}"#, r#"{"one column":"other"}"#]);
}

#[test]
fn a_byte_order_mark_is_never_in_the_first_header() {
    same("\u{feff}id,name\n1,a\n", &[r#"{"id":"1","name":"a"}"#]);
    same("\u{feff}\"id\",name\n1,a\n", &[r#"{"id":"1","name":"a"}"#]);
    same("\u{feff}sep=;\r\nid;name\r\n1;a\r\n", &[r#"{"id":"1","name":"a"}"#]);
}

#[test]
fn repro_several_byte_order_marks() {
    same("\u{feff}\u{feff}\u{feff}sep=;\nid;a,b\n1;2\n", &[r#"{"id":"1","a,b":"2"}"#]);
}

#[test]
fn a_separator_line_is_heeded_and_passed_over() {
    // More commas than semicolons stand in the text, and the line decides.
    same("sep=;\nid;a, b, c\n1;x,y,z\n", &[r#"{"id":"1","a, b, c":"x,y,z"}"#]);
    same("\"sep=|\"\nid|a;b\n1|x;y\n", &[r#"{"id":"1","a;b":"x;y"}"#]);
    // A delimiter that the flow names goes before it.
    let format = TableFormat { delimiter: Some(','), ..TableFormat::default() };
    assert_eq!(read_as(&format, "sep=;\nid,a\n1,x;y\n").sound(), [r#"{"id":"1","a":"x;y"}"#]);
}

#[test]
fn the_delimiter_is_found_out() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = ["id", "name", "price"].join(delimiter)
            + "\n"
            + &["1", "Haus am See", "12.5"].join(delimiter);
        same(&text, &[r#"{"id":"1","name":"Haus am See","price":"12.5"}"#]);
    }
    same(
        "id;price\n1;1,5\n2;2,5\n",
        &[r#"{"id":"1","price":"1,5"}"#, r#"{"id":"2","price":"2,5"}"#],
    );
    same("id,text\n1,\"a;b\nc;d\"\n", &[r#"{"id":"1","text":"a;b\nc;d"}"#]);
}

#[test]
fn quotes_are_doubled_and_line_breaks_stand_within() {
    same(
        "id,text\r\n\"1\",\"say \"\"hi\"\"\r\nand, \"\"\"\r\n2,\"\"\r\n3,\"\"\"\"\r\n",
        &[
            r#"{"id":"1","text":"say \"hi\"\r\nand, \""}"#,
            r#"{"id":"2","text":""}"#,
            r#"{"id":"3","text":"\""}"#,
        ],
    );
}

#[test]
fn a_stray_quote_is_text() {
    same(
        "id,size\n1,5\" tall\n2,a\"b\"c\n3,\"5\" tall\n",
        &[
            r#"{"id":"1","size":"5\" tall"}"#,
            r#"{"id":"2","size":"a\"b\"c"}"#,
            r#"{"id":"3","size":"5 tall"}"#,
        ],
    );
}

#[test]
fn control_characters_and_all_else_come_through_as_json() {
    same(
        "id,text\n1,a\\b\u{1}\u{0}\t\u{7f}😀é\n",
        &["{\"id\":\"1\",\"text\":\"a\\\\b\\u0001\\u0000\\t\u{7f}😀é\"}"],
    );
}

#[test]
fn headers_are_trimmed_and_told_apart() {
    let outcome = read(" id , name\t,name,name, \"other\" ,\n1,a,b,c,d,\n2,a,b,c,d,e\n");
    assert_eq!(
        outcome.sound(),
        [
            r#"{"id":"1","name":"a","name_2":"b","name_3":"c","\"other\"":"d"}"#,
            r#"{"id":"2","name":"a","name_2":"b","name_3":"c","\"other\"":"d","column_6":"e"}"#
        ]
    );
    assert!(outcome.notices.told[0].contains("2 of the columns"), "{:?}", outcome.notices);
    // A number that is taken is not given again.
    let outcome = read("a,a_2,a\n1,2,3\n");
    assert_eq!(outcome.sound(), [r#"{"a":"1","a_2":"2","a_3":"3"}"#]);
    let outcome = read("a,a,a_2\n1,2,3\n");
    assert_eq!(outcome.sound(), [r#"{"a":"1","a_2":"2","a_2_2":"3"}"#]);
}

#[test]
fn ragged_rows_lack_values_or_are_at_fault() {
    let outcome = read("a,b,c\n1\n1,2\n1,2,3,,\n1,2,3,4\n5,6,7\n");
    assert_eq!(
        outcome.sound(),
        [
            r#"{"a":"1"}"#,
            r#"{"a":"1","b":"2"}"#,
            r#"{"a":"1","b":"2","c":"3"}"#,
            r#"{"a":"5","b":"6","c":"7"}"#
        ]
    );
    let faults = outcome.faults();
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].contains("4 values")
            && faults[0].contains("3 columns")
            && faults[0].contains("line 5"),
        "{faults:?}"
    );
    assert_eq!(outcome.records[3].text, "1,2,3,4\n");
    assert!(outcome.is_whole, "it is one record's fault");
}

#[test]
fn rows_without_values_are_no_records() {
    let outcome = read("a;b\n1;2\n;\n;;;\n\"\";\n3;4\n");
    assert_eq!(outcome.sound(), [r#"{"a":"1","b":"2"}"#, r#"{"a":"3","b":"4"}"#]);
    assert_eq!(outcome.notices.told, ["rows without any value were passed over"]);
}

#[test]
fn columns_lines_and_comments_are_as_the_flow_says() {
    let format = TableFormat {
        columns: vec!["id".to_owned(), "name".to_owned()],
        skip_lines: 2,
        comment: Some('#'),
        ..TableFormat::default()
    };
    let text = "Export of \"Monday\n\n1;a\n#2;b\n# \"\n3;#c\n";
    let outcome = read_as(&format, text);
    assert_eq!(outcome.sound(), [r#"{"id":"1","name":"a"}"#, "{\"id\":\"3\",\"name\":\"#c\"}"]);
    assert!(outcome.is_whole);

    let format = TableFormat { skip_lines: 2, ..TableFormat::default() };
    let outcome = read_as(&format, "sep=;\r\na, b, c\r\nto be skipped\r\nid;n\r\n1;2\r\n");
    assert_eq!(outcome.sound(), [r#"{"id":"1","n":"2"}"#]);
    // More lines to skip than there are.
    let format = TableFormat { skip_lines: u64::MAX, ..TableFormat::default() };
    assert!(!read_as(&format, "a\nb\n").is_whole);
}

#[test]
fn formats_that_cannot_be_are_refused() {
    for (delimiter, comment) in [
        (Some('"'), None),
        (Some('\n'), None),
        (Some('é'), None),
        (None, Some('"')),
        (Some('#'), Some('#')),
    ] {
        let format = TableFormat { delimiter, comment, ..TableFormat::default() };
        assert!(TableReader::new(&format, Limits::default()).is_err(), "{delimiter:?} {comment:?}");
    }
    for context in ["", "[]", "{}", "[\";;\"]", "[\";\",1]", "[\"é\",\"a\"]"] {
        assert!(
            TableReader::resume(&TableFormat::default(), Limits::default(), context).is_err(),
            "{context}"
        );
    }
}

#[test]
fn an_unclosed_quote_is_a_fault_with_its_line_and_no_whole_file() {
    let outcome = read("id,text\n1,a\n2,\"b\n3,c\n4,d\n");
    assert_eq!(outcome.sound(), [r#"{"id":"1","text":"a"}"#]);
    assert!(outcome.faults()[0].contains("line 3"), "{:?}", outcome.faults());
    assert!(!outcome.is_whole);
    let outcome = read("id,\"text\n1,a\n");
    assert!(outcome.damage.unwrap().0.contains("line 1"));
}

#[test]
fn a_row_that_is_too_long_is_passed_over() {
    let limits = Limits { record_bytes_max: 50, ..Limits::default() };
    let format = TableFormat { delimiter: Some(','), ..TableFormat::default() };
    let long = "x".repeat(100);
    for (row, open) in [
        (format!("2,{long}\n"), false),
        (format!("2,\"{long}\n\"\"\r\n,{long}\"\n"), false),
        (format!("2,{long}\r"), false),
        (format!("2,\"{long}"), true),
    ] {
        let text = format!("id,text\n1,a\n{row}{}", if open { "" } else { "3,b\n" });
        let outcome = drive(&mut TableReader::new(&format, limits).unwrap(), &text, 1000);
        for piece in 1..60 {
            let split = drive(&mut TableReader::new(&format, limits).unwrap(), &text, piece);
            assert_eq!(split.sound(), outcome.sound());
            assert_eq!(split.faults().len(), 1, "{piece} {row}");
            assert_eq!((split.is_whole, split.records[1].end), (!open, outcome.records[1].end));
            assert!(split.faults()[0].contains("line 3"), "{:?}", split.faults());
        }
        assert_eq!(outcome.sound().len(), if open { 1 } else { 2 });
    }
    let outcome =
        drive(&mut TableReader::new(&format, limits).unwrap(), &format!("a,{long}\n1,2\n"), 10);
    assert!(outcome.damage.unwrap().0.contains("header"));
    // A comment may be as long as it likes.
    let format = TableFormat { comment: Some('#'), ..format };
    let text = format!("a,b\n#{long}\n1,2\n");
    assert_eq!(
        drive(&mut TableReader::new(&format, limits).unwrap(), &text, 10).sound(),
        [r#"{"a":"1","b":"2"}"#]
    );
}

#[test]
fn blank_files_are_not_whole() {
    for text in ["", "\n\n", "\u{feff}", "  ", " , ,\n"] {
        assert!(!read(text).is_whole, "{text:?}");
    }
    let format = TableFormat { columns: vec!["a".to_owned()], ..TableFormat::default() };
    assert!(!read_as(&format, "\n").is_whole);
    assert!(read_as(&format, "1\n").is_whole);
}

#[test]
fn too_many_columns_and_too_long_names_are_no_header() {
    let mut reader = TableReader::new(&TableFormat::default(), Limits::default()).unwrap();
    assert!(
        drive(&mut reader, &format!("{}\n", "a,".repeat(20_000)), 1 << 20)
            .damage
            .unwrap()
            .0
            .contains("16384")
    );
    let mut reader = TableReader::new(&TableFormat::default(), Limits::default()).unwrap();
    assert!(
        drive(&mut reader, &"x".repeat(2000), 1 << 20)
            .damage
            .unwrap()
            .0
            .contains("name of column 1")
    );
    // The same name for all of them takes no time.
    let mut reader = TableReader::new(&TableFormat::default(), Limits::default()).unwrap();
    let text = format!("{}a\n1\n", "a,".repeat(16_000));
    let outcome = drive(&mut reader, &text, 1 << 20);
    assert_eq!(
        (outcome.sound(), outcome.notices.told.len(), &outcome.context),
        (vec![r#"{"a":"1"}"#], 1, &None)
    );
}

#[test]
fn short_rows_under_long_names_are_read_in_bounded_memory() {
    let names: String = (0..100).map(|index| format!("{}{index},", "n".repeat(1000))).collect();
    let text = format!("{names}\n{}", "1,2,3,4,5,6\n".repeat(5000));
    let mut reader = TableReader::new(&TableFormat::default(), Limits::default()).unwrap();
    let mut found = Vec::new();
    let done = tidegate_feed::RecordReader::read(&mut reader, &text, true, &mut found).unwrap();
    let written: usize = found.iter().map(|it| it.data.len()).sum();
    assert!(done < text.len() && written < 5 << 20, "{written} bytes were written at once");
    let mut reader = TableReader::new(&TableFormat::default(), Limits::default()).unwrap();
    let outcome = drive(&mut reader, &text, 1 << 20);
    assert_eq!((outcome.sound().len(), outcome.is_whole), (5000, true));
}

#[test]
fn a_cut_at_any_byte_gives_a_beginning_of_the_rows() {
    let text = "id;name;text\r\n1;a;\"x;\r\ny\"\r\n2;b;\"\"\"\"\r\n3;ü;z\r\n";
    let all = read(text);
    for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        let outcome = drive(
            &mut TableReader::new(&TableFormat::default(), Limits::default()).unwrap(),
            &text[..cut],
            5,
        );
        let sound = outcome.sound();
        // The last row may have lost the end of its last value, which nothing shows.
        let certain = sound.len().saturating_sub(1);
        assert_eq!(sound[..certain], all.sound()[..certain], "cut at {cut}");
        if let Some(last) = sound.last() {
            let full = all.sound()[certain];
            assert!(full.starts_with(last.trim_end_matches("\"}")), "cut at {cut}: {last}");
        }
        if !outcome.faults().is_empty() {
            assert!(!outcome.is_whole, "cut at {cut}");
        }
    }
}

fn values() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1..5_usize).prop_flat_map(|columns| {
        let value =
            prop_oneof!["[a-z]{0,4}", "[,;|\t\"\r\n#= é😀\\\\]{0,5}", Just("sep=".to_owned())];
        prop::collection::vec(prop::collection::vec(value, columns), 0..6)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_table_comes_back_however_it_was_written(
        rows in values(),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        all_quoted: bool,
        last_end: bool,
        bom: bool,
        given: bool,
        piece in 1..40_usize,
    ) {
        let width = rows.first().map_or(1, Vec::len);
        let write = |value: &str, first: bool| {
            let special = value.contains([delimiter, '"', '\r', '\n']) || (first && value.trim().is_empty());
            if all_quoted || special { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.to_owned() }
        };
        let header: Vec<String> = (0..width).map(|index| format!("c{index}")).collect();
        let mut lines = vec![header.join(&delimiter.to_string())];
        for row in &rows {
            let values: Vec<String> = row.iter().enumerate().map(|(index, value)| write(value, index == 0)).collect();
            lines.push(values.join(&delimiter.to_string()));
        }
        let text = format!("{}{}{}", if bom { "\u{feff}" } else { "" }, lines.join(end), if last_end { end } else { "" });
        // What is found out by counting can be wrong where values are made of delimiters.
        let format = TableFormat { delimiter: (given || width == 1 || rows.len() < 3 || !all_quoted).then_some(delimiter), ..TableFormat::default() };
        let outcome = drive(&mut TableReader::new(&format, Limits::default()).unwrap(), &text, piece);
        let expected: Vec<serde_json::Value> = rows
            .iter()
            .filter(|row| row.iter().any(|value| !value.is_empty()))
            .map(|row| header.iter().cloned().zip(row.iter().map(|value| value.clone().into())).collect::<serde_json::Map<_, _>>().into())
            .collect();
        let came: Vec<serde_json::Value> = outcome.sound().iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        prop_assert_eq!(came, expected);
        prop_assert!(outcome.is_whole && outcome.faults().is_empty());
    }
}
