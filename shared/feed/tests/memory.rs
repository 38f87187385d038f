//! The memory that a file takes does not grow with the file, nor with its longest record.

#![cfg(target_os = "linux")]

use std::{fs, sync::Arc};

use tidegate_feed::{
    FileReader, Limits, Record,
    text::Charset,
    xml::{XmlFormat, XmlReader},
};

/// The most memory that this process had, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Reads a file that is never held: the same piece again and again between a beginning and an end.
fn read(limits: Limits, front: &str, piece: &str, times: usize, end: &str) -> (u64, u64, bool) {
    let format = Arc::new(XmlFormat::new("s.r", [], []).unwrap());
    let mut feed =
        FileReader::new(Box::new(XmlReader::new(format, limits)), None, Charset::default(), limits);
    let (mut sound, mut faulty) = (0, 0);
    let mut records: Vec<Record> = Vec::new();
    feed.push(front.as_bytes(), &mut records).unwrap();
    for _ in 0..times {
        feed.push(piece.as_bytes(), &mut records).unwrap();
        for record in records.drain(..) {
            *(if record.fault.is_none() { &mut sound } else { &mut faulty }) += 1;
        }
    }
    feed.push(end.as_bytes(), &mut records).unwrap();
    feed.finish(&mut records).unwrap();
    for record in records.drain(..) {
        *(if record.fault.is_none() { &mut sound } else { &mut faulty }) += 1;
    }
    (sound, faulty, feed.is_whole())
}

/// One test, for the peak is that of the process.
#[test]
fn memory_is_bounded_whatever_the_file() {
    let limits = Limits::default();
    let base = peak();
    let grown = |what: &str, mb: usize| {
        let grown = peak() - base;
        println!("{what}: {} kB", grown / 1024);
        assert!(grown < mb << 20, "{what}: {grown} bytes");
    };
    let rows = "<r><id>1</id><name>Haus am Park</name></r>\n".repeat(1500);
    assert_eq!(read(limits, "<s>", &rows, 150, "</s>"), (225_000, 0, true));
    grown("a file of 10 MB of short records", 3);
    let text = "Haus am &lt;Park&gt; ".repeat(3000);
    assert_eq!(read(limits, "<s><r/><r><a>", &text, 300, "</a></r><r/></s>"), (2, 1, true));
    grown("a record of 18 MB", 16);
    for (front, piece, end) in [
        ("<s><!-- ", "comment <r> ", " --><r/><r/></s>"),
        ("<s><r/><r a='", "> value ", "'/><r/></s>"),
        ("<s><r/><r><![CDATA[", " ]] > </r> ", "]]></r><r/></s>"),
        ("<s><r/><r>", "<a><b>1</b>", "</r><r/></s>"),
    ] {
        let piece = piece.repeat(6000);
        // Elements that are left open are no sound file, but none that takes memory either.
        let closes =
            if piece.starts_with("<a>") { "</a>".repeat(6000 * 100) } else { String::new() };
        let held = closes.len();
        let (sound, _, whole) = read(limits, front, &piece, 100, &(closes + end));
        assert_eq!((sound, whole), (2, true), "{front}");
        grown(front, 16 + ((2 * held) >> 20));
    }
    let many = "<b/>&lt;".repeat(6000);
    assert_eq!(read(limits, "<s><r><a>", &many, 80, "</a></r></s>"), (0, 1, true));
    grown("a record of a million parts", 40);
}
