//! Unpacking: zip files with every cut and every lie, bombs, and archives within archives.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use tidegate_feed::{
    Damage, Directory, Limits, Notices, Packing, Restart, Spent, Tail, Unpacker, tail,
};

use crate::zipper::{Item, deflate, zip};

pub fn member(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Pushes `raw` in pieces, with room for `room` bytes at a time, and answers with what came and how it ended.
pub fn unpack(
    mut unpacker: Unpacker,
    raw: &[u8],
    piece: usize,
    room: usize,
) -> (Vec<u8>, Result<Notices, Damage>) {
    let mut all = Vec::new();
    for piece in raw.chunks(piece) {
        let mut at = 0;
        loop {
            let mut out = Vec::with_capacity(room);
            let step = unpacker.push(&piece[at..], &mut out);
            assert!(out.len() <= room, "{} bytes in room for {room}", out.len());
            all.extend(out);
            match step {
                Ok(step) => {
                    at += step.taken;
                    if at == piece.len() && !step.more {
                        break;
                    }
                }
                Err(damage) => return (all, Err(damage)),
            }
        }
        if unpacker.is_done() {
            break;
        }
    }
    let ended = unpacker.finish();
    let notices = unpacker.notices();
    (all, ended.map(|()| notices))
}

pub fn gunzip(raw: &[u8]) -> (Vec<u8>, Result<Notices, Damage>) {
    unpack(Unpacker::gzip(Limits::default()), raw, 7, 5)
}

fn directory(file: &[u8]) -> Result<Directory, Damage> {
    let total = file.len() as u64;
    let mut from = total.saturating_sub(tidegate_feed::TAIL_BYTES);
    for _ in 0..5 {
        match tail(&file[from as usize..], total)? {
            Tail::Directory(directory) => return Ok(directory),
            Tail::Needs { from: next, length } => {
                assert!(next < from && next + length == total, "no way forward");
                from = next;
            }
        }
    }
    panic!("the directory is asked for again and again");
}

/// All files of a zip file, one behind the other.
fn unzip(file: &[u8], pattern: Option<&str>, limits: Limits) -> (Vec<u8>, Result<(), Damage>) {
    let mut all = Vec::new();
    let directory = match directory(file) {
        Ok(directory) => directory,
        Err(damage) => return (all, Err(damage)),
    };
    let mut spent = Spent::default();
    let entries = match directory.select(pattern) {
        Ok(entries) => entries,
        Err(damage) => return (all, Err(damage)),
    };
    for entry in entries {
        let mut unpacker = Unpacker::entry(entry, spent, limits);
        let raw = &file[entry.from as usize..entry.to as usize];
        let mut out = Vec::with_capacity(1 << 20);
        let mut at = 0;
        let ended = loop {
            match unpacker.push(&raw[at..], &mut out) {
                Ok(step) => at += step.taken,
                Err(damage) => break Err(damage),
            }
            all.append(&mut out);
            out.reserve(1 << 20);
            if unpacker.is_done() {
                break Ok(());
            }
            if at == raw.len() {
                break unpacker.finish();
            }
        };
        all.append(&mut out);
        spent = unpacker.spent();
        if ended.is_err() {
            return (all, ended);
        }
    }
    (all, Ok(()))
}

#[test]
fn the_first_bytes_tell_what_a_file_is_packed_by() {
    assert_eq!(Packing::of(&member(b"a")), Packing::Gzip);
    assert_eq!(Packing::of(&zip(&[Item::new("a", "a")], b"", false)), Packing::Zip);
    assert_eq!(Packing::of(&zip(&[], b"", false)), Packing::Zip);
    for plain in [&b""[..], b"\x1f", b"PK", b"<?xml", b"PK is a name"] {
        assert_eq!(Packing::of(plain), Packing::Plain);
    }
}

#[test]
fn plain_bytes_pass_within_the_room_there_is() {
    let (all, ended) = unpack(Unpacker::plain(), b"some text of no format", 9, 4);
    assert_eq!(all, b"some text of no format");
    ended.unwrap();
}

#[test]
fn a_bomb_is_refused_by_ratio_and_by_size() {
    let bomb = member(&vec![0; 8 << 20]);
    let limits = Limits { ratio_max: 100, ..Limits::default() };
    let (all, ended) = unpack(Unpacker::gzip(limits), &bomb, 4096, 64 << 10);
    assert!(ended.unwrap_err().0.contains("ratio_max"));
    assert!(all.len() < 2 << 20, "{} bytes were unpacked", all.len());

    let limits = Limits { unpacked_bytes_max: 100_000, ..Limits::default() };
    let (all, ended) = unpack(Unpacker::gzip(limits), &bomb, 4096, 64 << 10);
    assert!(ended.unwrap_err().0.contains("unpacked_bytes_max"));
    assert!(all.len() < 300_000);

    // What was unpacked before reading began anew counts for the size.
    let from = Restart { raw: 90_000, unpacked: 99_999 };
    assert!(unpack(Unpacker::gzip_from(from, limits), &member(b"more"), 100, 100).1.is_err());

    let limits = Limits { ratio_max: 100, ..Limits::default() };
    let file = zip(&[Item::new("a", vec![0; 8 << 20])], b"", false);
    assert!(unzip(&file, None, limits).1.unwrap_err().0.contains("ratio_max"));
    // Many small ones are a large one together.
    let limits = Limits { unpacked_bytes_max: 1000, ..Limits::default() };
    let items: Vec<Item> =
        (0..20).map(|index| Item::new(&format!("{index}"), vec![b'x'; 100])).collect();
    let (all, ended) = unzip(&zip(&items, b"", false), Some("*"), limits);
    assert!(ended.unwrap_err().0.contains("unpacked_bytes_max"));
    assert!(all.len() < 1200);
}

#[test]
fn archives_within_archives_are_refused() {
    let zipped = zip(&[Item::new("a.xml", "<a/>")], b"", false);
    for (outer, what) in [(member(&member(b"text")), "gzip"), (member(&zipped), "zip")] {
        let (all, ended) = gunzip(&outer);
        assert!(all.len() < 4, "nothing of it is passed on");
        let damage = ended.unwrap_err();
        assert!(damage.0.contains(what) && damage.0.contains("within archives"), "{damage}");
    }
    for (inner, what) in [(zipped.clone(), "zip"), (member(b"text"), "gzip")] {
        let file = zip(&[Item::new("a", inner).stored()], b"", false);
        let damage = unzip(&file, None, Limits::default()).1.unwrap_err();
        assert!(damage.0.contains(what) && damage.0.contains("within archives"), "{damage}");
    }
}

#[test]
fn entries_come_by_name_or_pattern_in_the_order_of_their_names() {
    let mut second = Item::new("export/2.xml", "second,");
    second.sizes_behind = true;
    let items = [
        second,
        Item::new("export/10.xml", "tenth,").stored(),
        Item::new("export/", ""),
        Item::new("/export/1.xml", "absolute,"),
        Item::new("readme.txt", "not this"),
        Item::new("empty.xml", "").stored(),
        Item::new("empty2.xml", ""),
    ];
    for (comment, large) in [
        (&b""[..], false),
        (b"a comment with PK\x05\x06 in it and more than 22 bytes", false),
        (b"", true),
    ] {
        let file = zip(&items, comment, large);
        let names: Vec<String> =
            directory(&file).unwrap().entries().iter().map(|it| it.name.clone()).collect();
        assert_eq!(
            names,
            [
                "/export/1.xml",
                "empty.xml",
                "empty2.xml",
                "export/",
                "export/10.xml",
                "export/2.xml",
                "readme.txt"
            ]
        );
        assert_eq!(
            unzip(&file, Some("export/*.xml"), Limits::default()),
            (b"tenth,second,".to_vec(), Ok(()))
        );
        assert_eq!(unzip(&file, Some("**.xml"), Limits::default()).0, b"absolute,tenth,second,");
        assert_eq!(unzip(&file, Some("readme.txt"), Limits::default()).0, b"not this");
        let none = unzip(&file, Some("*.csv"), Limits::default()).1.unwrap_err();
        assert!(none.0.contains("*.csv") && none.0.contains("1 more"), "{none}");
        assert!(unzip(&file, None, Limits::default()).1.unwrap_err().0.contains("several"));
    }
    let file = zip(&[Item::new("__MACOSX/._a.xml", "x"), Item::new("a.xml", "alone")], b"", false);
    assert_eq!(unzip(&file, None, Limits::default()), (b"alone".to_vec(), Ok(())));
    assert!(unzip(&zip(&[], b"", false), None, Limits::default()).1.is_err());
}

#[test]
fn an_entry_split_anywhere_with_any_room_is_the_same() {
    let mut item = Item::new("offers.xml", "some text some text some text some text");
    item.sizes_behind = true;
    for item in [item.clone(), item.stored()] {
        let file = zip(&[item.clone(), Item::new("z", "behind")], b"", false);
        let directory = directory(&file).unwrap();
        let entry = directory.entry("offers.xml").unwrap();
        let raw = &file[entry.from as usize..entry.to as usize];
        for piece in 1..=raw.len() {
            for room in [1, 5, 4096] {
                let unpacker = Unpacker::entry(entry, Spent::default(), Limits::default());
                let (all, ended) = unpack(unpacker, raw, piece, room);
                assert_eq!(all, item.data);
                ended.unwrap();
            }
        }
        let whole = 30 + item.name.len() + 5 + entry.packed as usize;
        for cut in 0..whole {
            let unpacker = Unpacker::entry(entry, Spent::default(), Limits::default());
            let (all, ended) = unpack(unpacker, &raw[..cut], 3, 4096);
            assert!(item.data.starts_with(&all));
            ended.unwrap_err();
        }
    }
}

#[test]
fn a_zip_file_cut_at_any_byte_is_refused() {
    for large in [false, true] {
        let file = zip(&[Item::new("a.xml", "text"), Item::new("b.xml", "more")], b"hello", large);
        for cut in 0..file.len() {
            assert!(directory(&file[..cut]).is_err(), "cut at {cut}");
        }
        // What stands before it moves all offsets.
        let mut moved = b"#!/bin/sh\nexec unzip\n".to_vec();
        moved.extend(file);
        assert_eq!(
            unzip(&moved, Some("*"), Limits::default()),
            (b"textmore".to_vec(), Ok(())),
            "{large}"
        );
    }
}

#[test]
fn the_directory_is_asked_for_where_the_tail_is_too_short() {
    let items: Vec<Item> = (0..2000)
        .map(|index| {
            Item::new(&format!("a rather long name of a picture {index:05}.jpg"), "x").stored()
        })
        .collect();
    for large in [false, true] {
        let file = zip(&items, b"", large);
        let total = file.len() as u64;
        assert!(matches!(
            tail(&file[file.len() - tidegate_feed::TAIL_BYTES as usize..], total),
            Ok(Tail::Needs { .. })
        ));
        assert_eq!(directory(&file).unwrap().entries().len(), 2000);
        for held in 0..100 {
            assert!(matches!(tail(&file[file.len() - held..], total), Ok(Tail::Needs { .. })));
        }
    }
    assert!(tail(b"longer than the file", 3).is_err());
}

#[test]
fn lies_are_told_apart_and_named() {
    type Change = fn(&mut Item);
    let cases: [(&str, Change); 9] = [
        ("encrypted", |it| it.flags = 1),
        ("method 9", |it| it.method = Some(9)),
        ("method 14", |it| it.method = Some(14)),
        ("overlaps", |it| it.packed = Some(1000)),
        ("lengths", |it| it.unpacked = Some(1000)),
        ("more than its directory says", |it| it.unpacked = Some(3)),
        ("check sum", |it| it.crc = Some(1)),
        ("end before", |it| it.packed = Some(4)),
        ("two different lengths", |it| {
            it.deflated = false;
            it.unpacked = Some(3);
        }),
    ];
    for (what, change) in cases {
        let mut item = Item::new("a.xml", "some text that is packed");
        change(&mut item);
        let file = zip(&[item, Item::new("b.xml", "x")], b"", false);
        let damage = unzip(&file, Some("a.xml"), Limits::default()).1.expect_err(what);
        assert!(damage.0.contains(what) && damage.0.contains("a.xml"), "{what}: {damage}");
    }
}

#[test]
fn entries_that_share_bytes_are_refused() {
    // As in a bomb whose entries all point at one kernel.
    let mut file = zip(&[Item::new("a", vec![0; 100]), Item::new("b", vec![0; 100])], b"", false);
    let second = memchr_rfind(&file, b"PK\x01\x02");
    file[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    let damage = directory(&file).unwrap_err();
    assert!(damage.0.contains("overlaps"), "{damage}");

    // A header that says another name than the directory.
    let mut file = zip(&[Item::new("a.xml", "text")], b"", false);
    file[30] = b'b';
    assert!(unzip(&file, None, Limits::default()).1.unwrap_err().0.contains("another entry"));
}

fn memchr_rfind(text: &[u8], what: &[u8]) -> usize {
    text.windows(what.len()).rposition(|it| it == what).unwrap()
}

#[test]
fn counts_and_parts_that_cannot_be_are_refused() {
    let sound = zip(&[Item::new("a.xml", "text")], b"", false);
    let end = sound.len() - 22;
    for (at, value, what) in [
        (10, 2_u16, "part of several"),
        (4, 1, "part of several"),
        (12, 1, "no entry"),
        (16, 0xffff, "fit"),
    ] {
        let mut file = sound.clone();
        file[end + at..end + at + 2].copy_from_slice(&value.to_le_bytes());
        let damage = directory(&file).unwrap_err();
        assert!(damage.0.contains(what), "{at}: {damage}");
    }
    let mut file = sound.clone();
    file[end + 8..end + 12].copy_from_slice(&[2, 0, 2, 0]);
    assert!(directory(&file).unwrap_err().0.contains("should have 2"));
    let mut file = sound;
    file[end + 12..end + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(directory(&file).is_err());
}

#[test]
fn damage_to_any_byte_never_panics_and_never_passes_other_text() {
    let mut item = Item::new("a.xml", "some text that is packed, and packed again");
    item.sizes_behind = true;
    let sound = zip(&[item.clone()], b"", false);
    let gzip = member(&item.data);
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut file = sound.clone();
            file[at] ^= 1 << bit;
            if let (all, Ok(())) = unzip(&file, Some("**"), Limits::default()) {
                assert_eq!(all, item.data, "bit {bit} of byte {at}");
            }
        }
    }
    for at in 0..gzip.len() {
        for bit in 0..8 {
            let mut file = gzip.clone();
            file[at] ^= 1 << bit;
            if let (all, Ok(_)) = gunzip(&file) {
                assert_eq!(all, item.data, "bit {bit} of byte {at}");
            }
        }
    }
    assert!(deflate(b"x").len() < 10);
}

#[test]
fn an_error_is_one_short_line_whatever_a_name_is() {
    let items = [Item::new(&"a\nb".repeat(10_000), "x"), Item::new(&"c".repeat(60_000), "x")];
    let damage = unzip(&zip(&items, b"", false), None, Limits::default()).1.unwrap_err();
    assert!(damage.0.len() < 1000 && !damage.0.contains('\n'), "{damage}");
}
