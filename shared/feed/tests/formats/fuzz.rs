//! Random changes to the files of the corpus, each given to its reader, for `FUZZ_SECONDS` (2) in all. An input that fails is
//! kept in the corpus, and is tried first from then on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tidegate_feed::{
    ArrayReader, Limits, LinesReader, RecordReader, SheetFormat, Spent, TableFormat, TableReader,
    Tail, Unpacker, tail,
};

use crate::driver::{Outcome, drive};
use crate::sheets::read_file;
use crate::zipper::{Item, zip};

/// Longest input, in bytes.
const INPUT_MAX: usize = 6000;
/// Longest that one input may take; it is generous to busy machines.
const INPUT_TIME: Duration = Duration::from_secs(20);

/// A source of random numbers (SplitMix64) that a seed decides.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// What readers look for, to be put anywhere.
const TOKENS: [&[u8]; 36] = [
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b"sep=;\n",
    b"\xef\xbb\xbf",
    b"#",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\\u",
    b"\\ud83d",
    b"\\",
    b"null",
    b"1e999",
    b"<",
    b"</c>",
    b"<row>",
    b"<c t=\"s\">",
    b"&#0;",
    b"&x;",
    b"<!--",
    b"<![CDATA[",
    b"]]>",
    b"_x0000_",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\x1f\x8b\x08",
    b"\xff\xff\xff\xff",
    b"4294967295",
];

fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let to = (at + random.below(24)).min(input.len());
        match random.below(8) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.next() as u8,
            2 => drop(input.drain(at..to)),
            3 => {
                let piece = input[at..to].to_vec();
                for _ in 0..=random.below(8) {
                    input.splice(at..at, piece.iter().copied());
                }
            }
            4 => input.truncate(at),
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let end = (from + random.below(200)).min(other.len());
                input.splice(at..to, other[from..end].iter().copied());
            }
            _ => drop(input.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
        }
    }
    input.truncate(INPUT_MAX);
    input
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

/// Gives random inputs to `run`, after those of the corpus.
fn fuzz(name: &str, seeds: &[Vec<u8>], run: impl Fn(&[u8], u64)) {
    let seconds =
        std::env::var("FUZZ_SECONDS").ok().and_then(|it| it.parse().ok()).unwrap_or(2.0_f64);
    // Each of the readers has its part of the time.
    let end = Instant::now() + Duration::from_secs_f64(seconds / 6.0);
    let mut corpus = seeds.to_vec();
    if let Ok(files) = std::fs::read_dir(folder(name)) {
        let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        corpus.extend(paths.iter().map(|path| std::fs::read(path).unwrap()));
    }
    assert!(!corpus.is_empty());
    let seed = if seconds > 2.0 {
        Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id())
    } else {
        1
    };
    let mut random = Random(seed);
    let mut count = 0_u64;
    let mut whole = corpus.clone().into_iter();
    while let Some(input) =
        whole.next().or_else(|| (Instant::now() < end).then(|| mutate(&mut random, &corpus)))
    {
        let begun = Instant::now();
        let choice = random.next();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&input, choice))) {
            let path = folder(name).join(format!("failed-{:016x}", random.next()));
            std::fs::create_dir_all(folder(name)).unwrap();
            std::fs::write(&path, &input).unwrap();
            eprintln!("{} fails with the choice {choice}", path.display());
            resume_unwind(panic);
        }
        assert!(begun.elapsed() < INPUT_TIME, "{name} takes {:?} for {input:?}", begun.elapsed());
        count += 1;
    }
    println!("{name}: {count} inputs from {}", corpus.len());
}

fn limits(choice: u64) -> Limits {
    let record_bytes_max = if choice & 1 == 0 { 200 } else { 4 << 20 };
    Limits { record_bytes_max, depth_max: 16, ..Limits::default() }
}

/// Reads a text in two ways, which must come to the same.
fn both(new: impl Fn() -> Box<dyn RecordReader>, text: &str, choice: u64) -> Outcome {
    let whole = drive(&mut *new(), text, text.len() + 1);
    let split = drive(&mut *new(), text, 1 + (choice >> 8) as usize % 50);
    assert_eq!(split.sound(), whole.sound());
    assert_eq!(split.faults().len(), whole.faults().len());
    assert_eq!((split.is_whole, split.damage.is_some()), (whole.is_whole, whole.damage.is_some()));
    let ends = |outcome: &Outcome| outcome.records.iter().map(|it| it.end).collect::<Vec<_>>();
    assert_eq!(ends(&split), ends(&whole));
    assert!(!(whole.is_whole && whole.damage.is_some()));
    whole
}

#[test]
fn tables() {
    let seeds = [
        "id;name;text\r\n1;a;\"x;\r\ny\"\r\n2;b;\"\"\"\"\r\n3;ü;z\r\n",
        "\u{feff}sep=,\n# comment\nid,name,name,\n1,2,3,4\n\"5\" tall\",\"\n",
        "a\tb\n1\t2\r3\t4",
    ];
    fuzz("table", &seeds.map(|it| it.as_bytes().to_vec()), |input, choice| {
        let text = String::from_utf8_lossy(input);
        let format = TableFormat {
            delimiter: [None, Some(','), Some(';'), None][(choice >> 1) as usize % 4],
            columns: if choice & 8 == 0 {
                vec![]
            } else {
                vec!["a".to_owned(), String::new(), "a".to_owned()]
            },
            skip_lines: (choice >> 4) % 3,
            comment: (choice & 128 == 0).then_some('#'),
        };
        let limits = limits(choice);
        let whole = both(|| Box::new(TableReader::new(&format, limits).unwrap()), &text, choice);
        if let (Some(context), Some(record)) = (&whole.context, whole.records.first()) {
            let mut reader = TableReader::resume(&format, limits, context).unwrap();
            let rest = drive(&mut reader, &text[record.end..], 9);
            assert_eq!(rest.records.len(), whole.records.len() - 1);
        }
    });
}

#[test]
fn json_lines() {
    let seeds = [
        "{\"a\":[1,{\"b\":\"]}\\\"\\\\ü\"}]}\r\n\n{\"a\":\"\\ud83d\\ude00 \\ud83d\"}\n",
        "1\nnull\n\"x\"",
    ];
    fuzz("json-lines", &seeds.map(|it| it.as_bytes().to_vec()), |input, choice| {
        let text = String::from_utf8_lossy(input);
        let _ = both(|| Box::new(LinesReader::new(limits(choice))), &text, choice);
    });
}

#[test]
fn json_arrays() {
    let seeds = [
        "[{\"a\":[1,{\"b\":\"]}\\\"\\\\ü\"}]}, -1.5e3 ,\"x\"]",
        "{\"x\":[{}],\"data\":{\"m\":1,\"items\":[{\"a\":1},{\"a\":2}],\"z\":\"]\"},\"y\":null}",
    ];
    fuzz("json-array", &seeds.map(|it| it.as_bytes().to_vec()), |input, choice| {
        let text = String::from_utf8_lossy(input);
        let path = ["", "data.items", "data", "x"][(choice >> 1) as usize % 4];
        let limits = limits(choice);
        let whole = both(|| Box::new(ArrayReader::new(path, limits).unwrap()), &text, choice);
        if let (Some(context), Some(record)) = (&whole.context, whole.records.first()) {
            let mut reader = ArrayReader::resume(path, limits, context).unwrap();
            let rest = drive(&mut reader, &text[record.end..], 9);
            assert_eq!(rest.records.len(), whole.records.len() - 1);
        }
        // A list of records that all stand is one that serde_json reads.
        if path.is_empty()
            && whole.is_whole
            && whole.faults().is_empty()
            && whole.notices == Default::default()
        {
            let list: Vec<serde::de::IgnoredAny> =
                serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            assert_eq!(list.len(), whole.records.len());
        }
    });
}

fn unpack(mut unpacker: Unpacker, raw: &[u8], piece: usize) -> Result<Vec<u8>, ()> {
    let mut all = Vec::new();
    for piece in raw.chunks(piece) {
        let mut at = 0;
        loop {
            let mut out = Vec::with_capacity(1000);
            let step = unpacker.push(&piece[at..], &mut out).map_err(drop)?;
            at += step.taken;
            all.extend(out);
            assert!(
                all.len() < (1 << 20) + 200 * raw.len(),
                "{} bytes of {}",
                all.len(),
                raw.len()
            );
            if at == piece.len() && !step.more {
                break;
            }
        }
    }
    unpacker.finish().map_err(drop).map(|()| all)
}

#[test]
fn gzip() {
    use std::io::Write as _;
    let mut seeds = Vec::new();
    for text in ["some text, some text, some text", "", "x"] {
        let mut encoder = flate2::GzBuilder::new()
            .filename("a")
            .extra(vec![1])
            .write(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        seeds.push(encoder.finish().unwrap());
    }
    seeds.push([seeds[0].clone(), vec![0; 20], seeds[1].clone(), b"garbage".to_vec()].concat());
    let limits = Limits { ratio_max: 100, unpacked_bytes_max: 1 << 19, ..Limits::default() };
    fuzz("gzip", &seeds, |input, choice| {
        let whole = unpack(Unpacker::gzip(limits), input, input.len().max(1));
        let split = unpack(Unpacker::gzip(limits), input, 1 + (choice % 40) as usize);
        assert_eq!(whole, split);
    });
}

#[test]
fn zip_files() {
    let mut item = Item::new("a.xml", "some text that is packed, and packed again");
    item.sizes_behind = true;
    let items = [item, Item::new("folder/b.xml", "stored").stored(), Item::new("folder/", "")];
    let seeds = [zip(&items, b"a comment", false), zip(&items, b"", true), zip(&[], b"", false)];
    fuzz("zip", &seeds, |input, choice| {
        let total = input.len() as u64;
        let mut from = total.saturating_sub(choice % 300);
        let directory = loop {
            match tail(&input[from as usize..], total) {
                Ok(Tail::Directory(directory)) => break directory,
                Ok(Tail::Needs { from: earlier, .. }) => {
                    assert!(earlier < from);
                    from = earlier;
                }
                Err(_) => return,
            }
        };
        let mut behind = 0;
        let mut in_order: Vec<_> = directory.entries().iter().collect();
        in_order.sort_by_key(|entry| entry.from);
        for entry in in_order {
            assert!(behind <= entry.from && entry.from < entry.to && entry.to <= total);
            behind = entry.to;
            let raw = &input[entry.from as usize..entry.to as usize];
            let all = unpack(
                Unpacker::entry(entry, Spent::default(), Limits::default()),
                raw,
                1 + (choice % 40) as usize,
            );
            assert!(all.is_err() || all.unwrap().len() as u64 == entry.unpacked);
        }
    });
}

#[test]
fn sheets() {
    let workbook = crate::workbook::Workbook::cells(
        r#"<c r="A2" s="1"><v>43831.5</v></c><c t="s"><v>0</v></c><c r="C2" t="inlineStr"><is><r><t>a_x000D_</t></r></is></c>"#,
    )
    .styles(r#"<numFmts><numFmt numFmtId="165" formatCode="dd.mm.yy"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="165"/></cellXfs>"#);
    let parts = workbook.parts();
    // Each input is the number of a part, and what stands in its place; or a whole file.
    let mut seeds: Vec<Vec<u8>> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| [&[index as u8], &*part.data].concat())
        .collect();
    seeds.push([&[255], &*workbook.file()].concat());
    fuzz("sheet", &seeds, |input, choice| {
        let Some((first, rest)) = input.split_first() else { return };
        let file = match parts.get(usize::from(*first)) {
            None => rest.to_vec(),
            Some(_) => {
                let mut parts = parts.clone();
                let part = &mut parts[usize::from(*first)];
                (part.data, part.deflated) = (rest.to_vec(), false);
                zip(&parts, b"", false)
            }
        };
        let outcome = read_file(file, &SheetFormat::default(), (choice % 3) as u32, limits(choice));
        assert!(!(outcome.is_whole && outcome.damage.is_some()));
    });
}
