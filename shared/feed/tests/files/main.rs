//! Files of every format, from their bytes to their records: in pieces, in other encodings, packed, and read on.

use std::io::Write;

use tidegate_feed::{
    ArrayReader, FileReader, Limits, LinesReader, Record, RecordReader, TableFormat, TableReader,
    Unpacker,
    text::{Charset, Encoding},
    xml::{XmlFormat, XmlReader},
};

/// A format: how to begin to read it, and how to go on in a context.
struct Format {
    name: &'static str,
    text: String,
    begin: fn() -> Box<dyn RecordReader>,
    resume: fn(&str) -> Box<dyn RecordReader>,
}

fn formats() -> [Format; 4] {
    let rows = |row: fn(usize) -> String| (0..60).map(row).collect::<String>();
    [
        Format {
            name: "table",
            text: "id;Имя;Notiz\n".to_owned()
                + &rows(|n| format!("{n};Дом {n};\"a\n;\"\"ё\"\"\"\r\n")),
            begin: || {
                Box::new(TableReader::new(&TableFormat::default(), Limits::default()).unwrap())
            },
            resume: |context| {
                Box::new(
                    TableReader::resume(&TableFormat::default(), Limits::default(), context)
                        .unwrap(),
                )
            },
        },
        Format {
            name: "lines",
            text: rows(|n| format!("{{\"id\": {n}, \"имя\": \"Дом\"}}\n")),
            begin: || Box::new(LinesReader::new(Limits::default())),
            resume: |_| Box::new(LinesReader::resume(Limits::default())),
        },
        Format {
            name: "array",
            text: format!(
                "{{\"data\": {{\"items\": [{}{{}}]}}}}",
                rows(|n| format!("{{\"id\": {n}, \"имя\": [\"Дом\"]}},\n"))
            ),
            begin: || Box::new(ArrayReader::new("data.items", Limits::default()).unwrap()),
            resume: |context| {
                Box::new(ArrayReader::resume("data.items", Limits::default(), context).unwrap())
            },
        },
        Format {
            name: "xml",
            text: format!("<s>{}</s>", rows(|n| format!("<r id='{n}'>Дом &amp; сад</r>\n"))),
            begin: || {
                Box::new(XmlReader::new(
                    std::sync::Arc::new(XmlFormat::new("s.r", [], []).unwrap()),
                    Limits::default(),
                ))
            },
            resume: |context| {
                let format = std::sync::Arc::new(XmlFormat::new("s.r", [], []).unwrap());
                Box::new(XmlReader::resume(format, Limits::default(), context).unwrap())
            },
        },
    ]
}

fn push(mut feed: FileReader, file: &[u8], size: usize) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    for piece in file.chunks(size) {
        feed.push(piece, &mut records).unwrap();
    }
    feed.finish(&mut records).unwrap();
    (records, feed.is_whole())
}

fn read(
    format: &Format,
    file: &[u8],
    size: usize,
    encoding: &'static Encoding,
    packed: bool,
) -> Vec<Record> {
    let charset = Charset { forced: Some(encoding), transfer: None };
    let limits = Limits::default();
    let unpacker = packed.then(|| Unpacker::gzip(limits));
    let (records, whole) =
        push(FileReader::new((format.begin)(), unpacker, charset, limits), file, size);
    assert!(whole, "{}", format.name);
    records
}

fn read_on(
    format: &Format,
    file: &[u8],
    record: &Record,
    encoding: &'static Encoding,
    packed: bool,
) -> Vec<Record> {
    let limits = Limits::default();
    let reader = record.context.as_deref().map_or_else(format.begin, format.resume);
    let unpacker = packed.then(|| Unpacker::gzip_from(record.place.restart(), limits));
    let at = usize::try_from(record.place.at).unwrap();
    let (records, whole) = push(
        FileReader::resume(reader, unpacker, encoding, record.place, limits),
        &file[at..],
        999,
    );
    assert!(whole, "{} behind record {}", format.name, record.place.record);
    records
}

fn in_encodings(text: &str) -> Vec<(&'static Encoding, Vec<u8>)> {
    let utf_16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut all = vec![(Charset::named("utf-16le").unwrap(), utf_16)];
    for label in ["utf-8", "windows-1251", "gb18030"] {
        let encoding = Charset::named(label).unwrap();
        all.push((encoding, encoding.encode(text).0.into_owned()));
    }
    all
}

#[test]
fn every_format_is_read_and_read_on_in_every_encoding() {
    for format in formats() {
        let expected: Vec<_> =
            read(&format, format.text.as_bytes(), 1 << 20, Charset::named("utf-8").unwrap(), false)
                .into_iter()
                .map(|record| (record.data, record.fault))
                .collect();
        assert!(
            expected.len() >= 60 && expected.iter().all(|(_, fault)| fault.is_none()),
            "{}",
            format.name
        );
        for (encoding, file) in in_encodings(&format.text) {
            let whole = read(&format, &file, 1 << 20, encoding, false);
            let plain: Vec<_> =
                whole.iter().cloned().map(|record| (record.data, record.fault)).collect();
            assert_eq!(plain, expected, "{} in {}", format.name, encoding.name());
            for size in [1, 2, 3, 7, 64, 501] {
                assert_eq!(
                    read(&format, &file, size, encoding, false),
                    whole,
                    "{} by {size}",
                    format.name
                );
            }
            for (number, record) in whole.iter().enumerate() {
                let rest = read_on(&format, &file, record, encoding, false);
                assert_eq!(
                    rest,
                    whole[number + 1..],
                    "{} behind {number} in {}",
                    format.name,
                    encoding.name()
                );
            }
        }
    }
}

#[test]
fn every_format_is_unpacked_and_read_on() {
    for format in formats() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(format.text.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        let encoding = Charset::named("utf-8").unwrap();
        let whole = read(&format, &packed, 100, encoding, true);
        assert!(whole.len() >= 60);
        for (number, record) in whole.iter().enumerate().step_by(7) {
            assert!(record.place.pass > 0 || record.place.skip > 0);
            let rest = read_on(&format, &packed, record, encoding, true);
            assert_eq!(rest, whole[number + 1..], "{} behind {number}", format.name);
        }
    }
}

/// Little is collected before it is read; what comes slowly is read all the same, and the rest follows.
#[test]
fn what_came_so_far_is_read_when_it_is_asked_for() {
    let utf_8 = Charset::named("utf-8").unwrap();
    for format in formats() {
        let bytes = format.text.as_bytes();
        let whole = read(&format, bytes, 1 << 20, utf_8, false);
        let charset = Charset { forced: Some(utf_8), transfer: None };
        let mut feed = FileReader::new((format.begin)(), None, charset, Limits::default());
        let mut records = Vec::new();
        for part in bytes.chunks(bytes.len() * 3 / 4) {
            let before = records.len();
            feed.push(part, &mut records).unwrap();
            assert_eq!(records.len(), before, "{}", format.name);
            feed.read_now(&mut records).unwrap();
            // A table's delimiter is told by more than that.
            let is_enough = format.name != "table" && part.len() > 9;
            assert!(records.len() > before + 10 || !is_enough, "{}", format.name);
        }
        feed.finish(&mut records).unwrap();
        let of = |records: &[Record]| {
            records.iter().map(|it| (it.data.clone(), it.place.record)).collect::<Vec<_>>()
        };
        assert_eq!(of(&records), of(&whole), "{}", format.name);
    }
}
