//! Reading goes on behind any record.

use std::io::Write;

use crate::kit::*;
use tidegate_feed::{FileReader, Limits, Unpacker, text::Charset};

#[test]
fn reading_goes_on_behind_every_record_in_every_encoding() {
    let format = format("offers.offer", &["photo"], &[]);
    for label in LABELS {
        let file = file(&everything(), label);
        let whole = read(&format, &file, 700);
        for (number, record) in whole.records.iter().enumerate() {
            assert_eq!((record.place.skip, record.place.record), (0, number as u64 + 1), "{label}");
            let rest = resume(&format, &file, record, whole.encoding.unwrap(), false);
            assert_eq!(rest.records, whole.records[number + 1..], "{label} behind record {number}");
            assert_eq!((rest.damage, rest.whole), (None, true), "{label} behind record {number}");
        }
    }
}

#[test]
fn places_are_offsets_of_the_file_though_bytes_were_replaced() {
    let format = format("r", &[], &[]);
    let file = b"\xef\xbb\xbf<s><r>\xff</r><r>\xe2\x82</r>\xf0\x9f\x98<r>\xd0\xb6</r></s>";
    let whole = read(&format, file, 5);
    let places: Vec<_> = whole.records.iter().map(|record| record.place.at).collect();
    assert_eq!(places, [14, 23, 35]);
    assert_eq!((whole.notices.replaced, whole.whole), (3, true));
    for (number, record) in whole.records.iter().enumerate() {
        let rest = resume(&format, file, record, whole.encoding.unwrap(), false);
        assert_eq!(rest.records, whole.records[number + 1..]);
    }
}

#[test]
fn what_cannot_be_begun_within_is_begun_at_the_front() {
    let text = "<s><r>東</r><r>京</r><r>x</r></s>";
    let label = "iso-2022-jp";
    let file = file(text, label);
    let format = format("r", &[], &[]);
    let deep = (0..40).map(|n| format!("<{}{n}>", "long".repeat(10)));
    let closed = (0..40).rev().map(|n| format!("</{}{n}>", "long".repeat(10)));
    let wide = format!(
        "{}<r>1</r><r>2</r><r>3</r>{}",
        deep.collect::<String>(),
        closed.collect::<String>()
    );
    for file in [&file, wide.as_bytes()] {
        let whole = read(&format, file, 100);
        assert_eq!((whole.records.len(), whole.whole), (3, true));
        for (number, record) in whole.records.iter().enumerate() {
            assert_eq!(
                (record.place.at, record.place.skip, &record.context),
                (0, number as u64 + 1, &None)
            );
            let rest = resume(&format, file, record, whole.encoding.unwrap(), false);
            assert_eq!((&rest.records[..], rest.whole), (&whole.records[number + 1..], true));
        }
    }
    let whole = read(&format, &file, 100);
    let shorter = encode("<s><r/></s>", label);
    let rest = resume(&format, &shorter, &whole.records[2], whole.encoding.unwrap(), false);
    assert!(rest.damage.unwrap().contains("2 records less"));
    assert!(!rest.whole);
}

#[test]
fn a_packed_file_goes_on_at_the_last_member() {
    let format = format("offers.offer", &["photo"], &[]);
    // Enough of it that members are remembered.
    let text = format!(
        "<all>{}</all>",
        everything()
            .split_once("<shop")
            .map(|(_, shop)| format!("<shop{shop}"))
            .unwrap()
            .repeat(80)
    );
    let file = file(&text, "windows-1251");
    let mut packed = Vec::new();
    for (number, piece) in file.chunks(40_001).enumerate() {
        // Stored, so that the members are long.
        let level =
            if number % 2 == 0 { flate2::Compression::none() } else { flate2::Compression::fast() };
        let mut member = flate2::write::GzEncoder::new(&mut packed, level);
        member.write_all(piece).unwrap();
        member.finish().unwrap();
    }
    let limits = Limits::default();
    let feed = FileReader::new(
        reader(&format, limits),
        Some(Unpacker::gzip(limits)),
        Charset::default(),
        limits,
    );
    let whole = push(feed, &packed, 3001);
    assert_eq!((whole.records.len(), &whole.damage, whole.whole), (80 * 14, &None, true));
    assert_eq!(whole.data(), read(&format, &file, 1 << 20).data());
    let members: std::collections::BTreeSet<_> =
        whole.records.iter().map(|record| record.place.at).collect();
    assert!(members.len() > 2, "{members:?}");
    for number in (0..whole.records.len()).step_by(61) {
        let rest = resume(&format, &packed, &whole.records[number], whole.encoding.unwrap(), true);
        assert_eq!(rest.data(), whole.data()[number + 1..], "behind record {number}");
        assert_eq!(
            rest.records.last().map(|record| record.place.record),
            whole.records[number + 1..].last().map(|record| record.place.record)
        );
        assert_eq!((rest.damage, rest.whole), (None, true));
    }
}

#[test]
fn a_packed_file_that_is_cut_gives_what_came_before() {
    let format = format("offers.offer", &["photo"], &[]);
    let file = file(&everything(), "utf-8");
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    member.write_all(&file).unwrap();
    let packed = member.finish().unwrap();
    let whole = read(&format, &file, 1 << 20).data();
    let limits = Limits::default();
    for cut in (0..packed.len()).step_by(7).chain([packed.len() - 1]) {
        let feed = FileReader::new(
            reader(&format, limits),
            Some(Unpacker::gzip(limits)),
            Charset::default(),
            limits,
        );
        let outcome = push(feed, &packed[..cut], 100);
        assert!(outcome.damage.is_some() && !outcome.whole, "cut at {cut}");
        assert_eq!(outcome.data(), whole[..outcome.records.len()]);
    }
    let feed = FileReader::new(
        reader(&format, limits),
        Some(Unpacker::gzip(limits)),
        Charset::default(),
        limits,
    );
    assert_eq!(
        push(feed, &packed[..packed.len() - 1], 100).records.len(),
        14,
        "the trailer alone is cut"
    );
}
