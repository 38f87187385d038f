//! How fast files are read: `cargo test --release -p tidegate-feed --test formats speed -- --ignored --nocapture`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tidegate_feed::{
    ArrayReader, Limits, LinesReader, RecordReader, SheetFormat, SheetReader, TableFormat,
    TableReader, Unpacker,
};

use crate::workbook::Workbook;

const RECORDS: usize = 200_000;
const WINDOW: usize = 1 << 20;
const ABOUT: &str = "Helle Wohnung mit Balkon Kueche und Bad; nahe am Park, ruhig gelegen, drei Zimmer im zweiten Stock";

/// The CPU time of this thread, where the system tells it: others use the machine too.
fn cpu() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn measure(name: &str, bytes: usize, run: impl FnOnce() -> usize) {
    let (begun, before) = (Instant::now(), cpu());
    let count = run();
    let took = cpu()
        .zip(before)
        .map_or_else(|| begun.elapsed(), |(after, before)| after - before)
        .as_secs_f64();
    println!(
        "{name}: {count} from {:.0} MB in {took:.2} s, {:.0} MB/s",
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / took
    );
}

/// Reads a text window by window, without keeping records.
fn read(reader: &mut dyn RecordReader, text: &str) -> usize {
    let (mut at, mut count) = (0, 0);
    let mut found = Vec::new();
    loop {
        let to = text.ceil_char_boundary((at + WINDOW).min(text.len()));
        at += reader.read(&text[at..to], to == text.len(), &mut found).unwrap();
        count += found.len();
        if found.is_empty() && to == text.len() {
            assert!(reader.is_whole());
            return count;
        }
        found.clear();
    }
}

fn text(line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0..RECORDS {
        text += &line(index);
    }
    text
}

#[test]
#[ignore = "it takes some seconds and asserts nothing of time"]
fn speed() {
    let about = ABOUT.repeat(2);
    let table = "id;title;price;city;text\n".to_owned()
        + &text(|index| {
            format!("{index};\"Wohnung \"\"{index}\"\"\";{}.50;Köln;\"{about}\"\n", index % 1000)
        });
    measure("table", table.len(), || {
        read(&mut TableReader::new(&TableFormat::default(), Limits::default()).unwrap(), &table)
    });
    let record = |index| {
        format!(
            r#"{{"id":{index},"title":"Wohnung \"{index}\"","price":{}.5,"city":{{"name":"Köln","at":[1,2]}},"text":"{about}"}}"#,
            index % 1000
        )
    };
    let lines = text(|index| record(index) + "\n");
    measure("json lines", lines.len(), || read(&mut LinesReader::new(Limits::default()), &lines));
    let list = format!(
        "[{}]",
        text(|index| if index == 0 { record(index) } else { format!(",{}", record(index)) })
    );
    measure("json list", list.len(), || {
        read(&mut ArrayReader::new("", Limits::default()).unwrap(), &list)
    });

    packed();
}

/// What is unpacked first.
fn packed() {
    // Numbers that do not repeat between words that do, as in a catalogue: about a sixth is left.
    let word = |index: usize| index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let plain = text(|index| {
        format!(
            "<offer id=\"{}\"><price>{}</price><name>{} Wohnung {}</name><url>https://shop.example/{:x}</url></offer>\n",
            index,
            word(index) % 1000,
            &ABOUT[index % 90..index % 90 + 8],
            word(index) % 97,
            word(index * 7)
        )
    });
    let length = plain.len();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    measure("gzip (of what it unpacks to)", length, || {
        let mut unpacker = Unpacker::gzip(Limits::default());
        let (mut at, mut unpacked, mut out) = (0, 0, Vec::with_capacity(256 << 10));
        loop {
            let step =
                unpacker.push(&packed[at..(at + (64 << 10)).min(packed.len())], &mut out).unwrap();
            at += step.taken;
            unpacked += out.len();
            out.clear();
            if at == packed.len() && !step.more {
                unpacker.finish().unwrap();
                return unpacked;
            }
        }
    });

    let (mut strings, mut rows) = (String::new(), String::new());
    for index in 0..RECORDS {
        let _ = write!(strings, "<si><t>Wohnung {index} in der Stadt</t></si>");
        let row = index + 2;
        let _ = write!(
            rows,
            "<row r=\"{row}\" spans=\"1:3\"><c r=\"A{row}\"><v>{index}</v></c><c r=\"B{row}\" s=\"1\" t=\"s\"><v>{index}</v></c><c r=\"C{row}\"><v>{}.5</v></c></row>",
            index % 1000
        );
    }
    let head =
        r#"<row r="1"><c t="str"><v>a</v></c><c t="str"><v>b</v></c><c t="str"><v>c</v></c></row>"#;
    let length = rows.len() + strings.len();
    let file = Bytes::from(Workbook::of(&(head.to_owned() + &rows)).strings(&strings).file());
    measure("sheet (of its XML)", length, || {
        let mut reader =
            SheetReader::open(Arc::new(file), &SheetFormat::default(), 0, Limits::default())
                .unwrap();
        let mut count = 0;
        while reader.next_row().unwrap().is_some() {
            count += 1;
        }
        assert!(reader.is_whole());
        count
    });
}
