//! gzip: all members, what follows them, every cut.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use tidegate_feed::{Limits, Notices, Restart, Unpacker};

use crate::unpacking::{gunzip, member, unpack};

#[test]
fn every_member_is_read_with_every_kind_of_header() {
    let mut file = member(b"first,");
    let mut rich = GzBuilder::new()
        .filename("offers.xml")
        .comment("a comment")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), Compression::best());
    rich.write_all(b"second,").unwrap();
    file.extend(rich.finish().unwrap());
    file.extend(member(b""));
    // A header with a check sum of its own, which writers of the standard library of this format do not make.
    let mut summed = member(b"third");
    summed[3] = 2;
    summed.splice(10..10, [0xab, 0xcd]);
    file.extend(summed);
    for piece in 1..=file.len() {
        for room in [1, 3, 4096] {
            let (all, ended) = unpack(Unpacker::gzip(Limits::default()), &file, piece, room);
            assert_eq!(String::from_utf8_lossy(&all), "first,second,third");
            assert_eq!(ended, Ok(Notices::default()));
        }
    }
}

#[test]
fn a_cut_at_any_byte_is_damage_but_between_members() {
    let first = member(b"first member,");
    let mut file = first.clone();
    file.extend(member(b"second member"));
    for cut in 0..=file.len() {
        let (all, ended) = gunzip(&file[..cut]);
        assert!(b"first member,second member".starts_with(&all));
        assert_eq!(
            ended.is_ok(),
            cut == first.len() || cut == file.len(),
            "cut at {cut}: {ended:?}"
        );
        if cut >= first.len() {
            assert!(all.starts_with(b"first member,"));
        }
    }
}

#[test]
fn zeros_and_garbage_behind_the_last_member_end_with_a_notice_at_most() {
    let sound = member(b"text");
    for (behind, notice) in [
        (&b"\0\0\0\0\0"[..], false),
        (b"\0", false),
        (b"garbage", true),
        (b"\0\0garbage", true),
        (b"\x1fgarbage", true),
        (b"<!-- generated in 3 s -->\n", true),
    ] {
        let mut file = sound.clone();
        file.extend(behind);
        let (all, ended) = gunzip(&file);
        assert_eq!(all, b"text");
        let told = ended.unwrap().told;
        assert_eq!(told.len(), usize::from(notice), "{behind:?}: {told:?}");
        assert!(told.iter().all(|it| it.contains(&format!(
            "byte {}",
            sound.len() + behind.iter().take_while(|it| **it == 0).count()
        ))));
    }
    // A member behind zeros is read.
    let mut file = sound.clone();
    file.extend([0; 512]);
    file.extend(member(b" and more"));
    let (all, ended) = gunzip(&file);
    assert_eq!(all, b"text and more");
    assert_eq!(ended, Ok(Notices::default()));
}

#[test]
fn wrong_sums_and_lengths_are_damage_and_what_came_stands() {
    let sound = member(b"some text");
    for (from_end, what) in [(8, "check sum"), (1, "length")] {
        let mut file = sound.clone();
        let at = file.len() - from_end;
        file[at] ^= 1;
        let (all, ended) = gunzip(&file);
        assert_eq!(all, b"some text");
        let damage = ended.unwrap_err();
        assert!(damage.0.contains(what), "{damage}");
    }
    for (at, what) in [(2, "method"), (3, "flags")] {
        let mut file = sound.clone();
        file[at] = 0xff;
        let damage = gunzip(&file).1.unwrap_err();
        assert!(damage.0.contains(what), "{damage}");
    }
    let mut file = sound;
    file[10] = 0xff;
    assert!(gunzip(&file).1.unwrap_err().0.contains("deflated"));
    // An empty file is no gzip file; nor is one without its beginning.
    assert!(gunzip(b"").1.is_err());
    assert!(gunzip(b"text").1.is_err());
}

#[test]
fn reading_begins_again_at_the_last_member() {
    let mut file = member(b"first,");
    let at = file.len() as u64;
    file.extend(member(b"second,"));
    let mut unpacker = Unpacker::gzip(Limits::default());
    assert_eq!(unpacker.restart(), Some(Restart { raw: 0, unpacked: 0 }));
    let mut out = Vec::with_capacity(100);
    unpacker.push(&file[..file.len() - 3], &mut out).unwrap();
    let from = unpacker.restart().unwrap();
    assert_eq!(from, Restart { raw: at, unpacked: 6 });
    let (all, ended) =
        unpack(Unpacker::gzip_from(from, Limits::default()), &file[at as usize..], 3, 3);
    assert_eq!(all, b"second,");
    ended.unwrap();
    // Begun at the very end there is nothing more, and nothing is missing.
    let end = Restart { raw: file.len() as u64, unpacked: 13 };
    assert_eq!(
        unpack(Unpacker::gzip_from(end, Limits::default()), b"", 1, 1),
        (vec![], Ok(Notices::default()))
    );
}
