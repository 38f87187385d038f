//! Random changes of files, for as many seconds as `FUZZ_SECONDS` says (2 if it says none). A file that a fault was
//! found with stays in the corpus, and is tried in every run.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::kit::*;
use tidegate_feed::{Found, Limits, RecordReader, text::Charset};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/xml")
}

/// Numbers that look random: xorshift, by a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

/// What XML is made of, to be put in anywhere.
const WORDS: [&[u8]; 36] = [
    b"<",
    b">",
    b"/",
    b"&",
    b";",
    b"\"",
    b"'",
    b"=",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"?>",
    b"</offer>",
    b"<offer>",
    b"<offer/>",
    b"<offers>",
    b"</offers>",
    b"<!DOCTYPE s [",
    b"&#55357;",
    b"&#56832;",
    b"&nbsp;",
    b"&#x1F;",
    b" xmlns:g='urn:g'",
    b" g:nil='1'",
    b"g:",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\0",
    b"\xf0\x9f",
    b"\r\n",
    b"\xef\xbf\xbe",
    b" a='1' a='2'",
    b"<a><a><a><a>",
    b"encoding='gb18030'",
];

fn change(file: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(file.len() + 1);
        let end = (at + random.below(30)).min(file.len());
        match random.below(6) {
            0 => file.truncate(at),
            1 => _ = file.drain(at..end),
            2 if at < file.len() => file[at] = u8::try_from(random.below(256)).unwrap(),
            3 => {
                let piece = file[at..end].to_vec();
                let to = random.below(file.len() + 1);
                file.splice(to..to, piece);
            }
            _ => _ = file.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied()),
        }
    }
}

/// What must hold for any file whatever.
fn try_file(file: &[u8], random: &mut Random) {
    let format = format("offers.offer", &["photo", "a.a"], &[("g", "urn:g")]);
    let whole = read(&format, file, file.len().max(1));
    assert!(whole.damage.is_some() || whole.encoding.is_some());
    for record in whole.records.iter().filter(|record| record.fault.is_none()) {
        serde_json::from_slice::<serde_json::Value>(&record.data).unwrap();
    }
    let pieces = read(&format, file, 1 + random.below(50));
    assert_eq!(
        (&pieces.records, pieces.whole, &pieces.damage),
        (&whole.records, whole.whole, &whole.damage)
    );
    if let Some(record) = whole.records.get(random.below(whole.records.len())) {
        let rest = resume(&format, file, record, whole.encoding.unwrap(), false);
        let number = usize::try_from(record.place.record).unwrap();
        assert_eq!((&rest.records[..], rest.whole), (&whole.records[number..], whole.whole));
    }
    let (text, _) = Charset::named("utf-8").unwrap().decode_without_bom_handling(file);
    let (all, all_whole, _) = by_windows(&text, text.len(), Limits::default());
    let (found, found_whole, _) = by_windows(&text, 1 + random.below(100), Limits::default());
    assert_eq!((found, found_whole), (all, all_whole));
    let size = 1 + random.below(100);
    let (_, _, longest) = by_windows(
        &text,
        size,
        Limits { record_bytes_max: 100, depth_max: 5, ..Limits::default() },
    );
    // Once as much as a record may be, and a piece; and a piece that stands behind one that was passed over.
    assert!(longest <= 104 + 2 * size, "{longest} bytes are held in pieces of {size}");
}

fn by_windows(text: &str, size: usize, limits: Limits) -> (Vec<Found>, bool, usize) {
    let mut reader = reader(&format("offers.offer", &["photo", "a.a"], &[("g", "urn:g")]), limits);
    let (mut found, mut done, mut end, mut longest) = (Vec::new(), 0, 0, 0);
    while end < text.len() || end == 0 {
        end = text.ceil_char_boundary((end + size).min(text.len()));
        loop {
            longest = longest.max(end - done);
            let before = found.len();
            let outcome = reader.read(&text[done..end], end == text.len(), &mut found);
            for found in &mut found[before..] {
                found.end += done;
            }
            match outcome {
                Ok(more) => done += more,
                Err(_) => return (found, false, longest),
            }
            if !reader.unread() {
                break;
            }
        }
        if text.is_empty() {
            break;
        }
    }
    (found, reader.is_whole(), longest)
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = LABELS.iter().map(|label| file(&everything()[..900], label)).collect();
    seeds.push(b"<s xmlns:g='urn:g'><offers><offer g:a='1'><g:b>x</g:b><b/></offer><offer>&amp;</offer></offers></s>".to_vec());
    for (sample, label) in [
        (include_str!("../samples/yml.xml"), "windows-1251"),
        (include_str!("../samples/merchant.xml"), "utf-8"),
        (include_str!("../samples/atom.xml"), "utf-8"),
    ] {
        seeds
            .push(encode(&sample.replace("channel>", "offers>").replace("item>", "offer>"), label));
    }
    seeds
}

#[test]
fn the_corpus_holds() {
    let mut files: Vec<_> =
        fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let file = fs::read(&path).unwrap();
        for seed in 1..30 {
            try_file(&file, &mut Random(seed));
        }
    }
}

#[test]
fn random_files_do_no_harm() {
    let seconds =
        std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(2);
    let seed = std::env::var("FUZZ_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0x9e37_79b9_7f4a_7c15);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random(seed);
    let mut files = seeds();
    files.extend(
        fs::read_dir(corpus()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()),
    );
    let mut tried = 0u64;
    while Instant::now() < until {
        let mut file = files[random.below(files.len())].clone();
        change(&mut file, &mut random);
        let state = random.0;
        if let Err(panic) = std::panic::catch_unwind(|| try_file(&file, &mut Random(state))) {
            let name = corpus().join(format!("found-{state:016x}.xml"));
            fs::write(&name, &file).unwrap();
            eprintln!("the file is kept as {}", name.display());
            std::panic::resume_unwind(panic);
        }
        tried += 1;
        // A changed file is a seed of others, now and then.
        if random.below(50) == 0 && file.len() < 4000 {
            let at = random.below(200);
            if files.len() < 200 { files.push(file) } else { files[at] = file }
        }
    }
    println!("{tried} files");
    assert!(tried > 0);
}
