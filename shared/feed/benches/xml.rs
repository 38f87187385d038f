//! The time and memory that a file of XML takes: `cargo bench -p tidegate-feed --bench xml -- FILE [OFFERS]`.
//!
//! FILE is made if it is not there: 200,000 offers, 74 MB. `benches/xml.py FILE` does the same work with lxml, or with
//! Python's own reader, in the same units. It also says how long the events alone take, of a text that is in memory.

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::Path,
    sync::Arc,
    time::Instant,
};

use tidegate_feed::{
    FileReader, Limits,
    text::Charset,
    xml::{XmlFormat, XmlReader},
};

/// As many bytes as a connection gives at a time.
const PIECE_BYTES: usize = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(path) = arguments.next() else {
        println!("cargo bench -p tidegate-feed --bench xml -- FILE [OFFERS]");
        return Ok(());
    };
    let offers = arguments.next().map_or(Ok(200_000), |offers| offers.parse())?;
    if !fs::exists(&path)? {
        make(Path::new(&path), offers)?;
    }
    let began = (Instant::now(), cpu_seconds());
    let (records, json, bytes) = read(Path::new(&path))?;
    let peak = peak_mb();
    let (wall, cpu) = (began.0.elapsed().as_secs_f64(), cpu_seconds() - began.1);
    let mb = bytes as f64 / 1e6;
    println!("{records} records, {mb:.1} MB of XML, {:.1} MB of JSON", json as f64 / 1e6);
    let text = fs::read_to_string(&path)?;
    let began = cpu_seconds();
    let events = events(&text)?;
    println!("{:.2} s of CPU for the {events} events alone", cpu_seconds() - began);
    println!(
        "{wall:.2} s, {cpu:.2} s of CPU, {:.0} MB/s of CPU, peak memory {peak:.1} MB",
        mb / cpu
    );
    Ok(())
}

/// Writes a shop's file, the same for the same number of offers.
fn make(path: &Path, offers: u32) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<yml_catalog date=\"2026-11-28 09:00\"><shop><offers>\n"
    )?;
    for id in 0..offers {
        let (price, category) = (u64::from(id) * 7919 % 99_991, id % 40);
        write!(
            out,
            "<offer id=\"{id}\" available=\"{}\">\n  <url>https://shop.example/offers/{id}?from=yml&amp;c={category}</url>\n  \
             <price>{price}.50</price>\n  <currencyId>EUR</currencyId>\n  <categoryId>{category}</categoryId>\n  \
             <picture>https://shop.example/i/{id}-1.jpg</picture>\n  <name>Haus №{id} am Stadtpark</name>\n  \
             <param name=\"Zimmer\">{}</param>\n  <param name=\"m2\">{}</param>\n</offer>\n",
            id % 3 != 0,
            id % 7 + 1,
            id % 250 + 20,
        )?;
    }
    writeln!(out, "</offers></shop></yml_catalog>")?;
    out.flush()
}

/// Reads all records, and answers with how many there are, the bytes of their JSON, and those of the file.
fn read(path: &Path) -> Result<(u64, usize, usize), Box<dyn Error>> {
    let limits = Limits::default();
    let format = Arc::new(XmlFormat::new("offers.offer", ["picture", "param"], [])?);
    let reader = Box::new(XmlReader::new(format, limits));
    let mut feed = FileReader::new(reader, None, Charset::default(), limits);
    let (mut file, mut piece, mut found) = (File::open(path)?, vec![0; PIECE_BYTES], Vec::new());
    let (mut records, mut json, mut bytes) = (0, 0, 0);
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            feed.finish(&mut found)?;
        } else {
            feed.push(&piece[..length], &mut found)?;
        }
        bytes += length;
        for record in found.drain(..) {
            json += record.data.len();
            records += u64::from(record.fault.is_none());
        }
        if length == 0 {
            assert!(feed.is_whole(), "the file has no sound end");
            return Ok((records, json, bytes));
        }
    }
}

/// Reads the events of a text, and answers with how many there are.
fn events(text: &str) -> Result<u64, quick_xml::Error> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut events = 0;
    while !matches!(reader.read_event()?, quick_xml::events::Event::Eof) {
        events += 1;
    }
    Ok(events)
}

/// The seconds of CPU that this process took, by the hundredth.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    behind_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// The most memory that this process had, in MB.
fn peak_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1e3
}
