//! Every encoding, in pieces of every size: the same text, and the exact offsets in the bytes.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, GB18030, GBK, KOI8_R, SHIFT_JIS, UTF_8, WINDOWS_1251, WINDOWS_1252,
};
use proptest::prelude::*;

use super::*;

/// The text of a file that comes in pieces of `size` bytes, and the offsets that are told behind each `>`.
fn text(transcoder: &mut Transcoder, file: &[u8], size: usize) -> (String, Vec<u64>) {
    let mut text = String::new();
    for piece in file.chunks(size) {
        transcoder.push(piece, &mut text);
    }
    transcoder.finish(&mut text);
    let offsets = text.split_inclusive('>').map(|passed| transcoder.pass(passed)).collect();
    (text, offsets)
}

fn in_utf_16(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
        .collect()
}

/// A text in every encoding that has its characters.
fn encoded(text: &str) -> Vec<(&'static Encoding, Vec<u8>)> {
    let mut all = vec![
        (encoding_rs::UTF_16LE, in_utf_16(text, true)),
        (encoding_rs::UTF_16BE, in_utf_16(text, false)),
    ];
    for encoding in
        [UTF_8, WINDOWS_1251, WINDOWS_1252, KOI8_R, SHIFT_JIS, EUC_JP, EUC_KR, GBK, GB18030, BIG5]
    {
        let (bytes, _, unmappable) = encoding.encode(text);
        if !unmappable {
            all.push((encoding, bytes.into_owned()));
        }
    }
    all
}

/// The offsets are right if the text behind each, decoded by itself, is the rest of the text.
fn assert_exact(encoding: &'static Encoding, file: &[u8], expected: &str, size: usize) {
    let (text, offsets) = text(&mut Transcoder::resume(encoding, 0), file, size);
    assert_eq!(text, expected, "{}", encoding.name());
    let mut passed = 0;
    for (piece, offset) in text.split_inclusive('>').zip(offsets) {
        passed += piece.len();
        // A file may end within a unit of UTF-16: nothing is asked of a place behind that.
        if !piece.ends_with('>') {
            continue;
        }
        let (rest, _) =
            encoding.decode_without_bom_handling(&file[usize::try_from(offset).unwrap()..]);
        assert_eq!(rest, text[passed..], "{} behind {passed} in pieces of {size}", encoding.name());
    }
}

#[test]
fn offsets_are_those_of_the_file_in_every_encoding() {
    for sample in [
        "<цена>Дом у моря</цена>\n<б>ё</б>",
        "<a>東京の家</a> <b>売家</b>",
        "<a>é ü ß</a>",
        "<a>汉字 漢字</a>",
        "<a>😀</a>x>",
    ] {
        for (encoding, file) in encoded(sample) {
            for size in 1..=file.len() {
                assert_exact(encoding, &file, sample, size);
            }
        }
    }
}

#[test]
fn offsets_stay_exact_behind_what_was_replaced() {
    let file = b"<a>\xff\xe2\x82</a><b>\xf0\x9f\x98</b>\x80>\xc3";
    for size in 1..=file.len() {
        let mut transcoder = Transcoder::resume(UTF_8, 0);
        let (text, offsets) = text(&mut transcoder, file, size);
        assert_eq!(
            text, "<a>\u{fffd}\u{fffd}</a><b>\u{fffd}</b>\u{fffd}>\u{fffd}",
            "in pieces of {size}"
        );
        assert_eq!(offsets, [3, 10, 13, 20, 22, 23]);
        assert_eq!(transcoder.notices().replaced, 5);
    }
}

#[test]
fn a_mark_counts_in_the_offsets_and_is_no_text() {
    let mut sixteen = vec![0xff, 0xfe];
    sixteen.extend(in_utf_16("<a>ü</a>", true));
    for (file, expected) in [(&b"\xef\xbb\xbf<a>\xc3\xbc</a>"[..], [6, 12]), (&sixteen, [8, 18])] {
        for size in 1..=file.len() {
            let (text, offsets) = text(&mut Transcoder::new(Charset::default()), file, size);
            assert_eq!(text, "<a>ü</a>");
            assert_eq!(offsets, expected);
        }
    }
}

#[test]
fn what_a_mode_was_switched_for_cannot_be_begun_within() {
    let mut transcoder =
        Transcoder::new(Charset { forced: Charset::named("iso-2022-jp"), transfer: None });
    let (read, _) = text(&mut transcoder, b"<a>\x1b$BEl5~\x1b(B</a>", 3);
    assert_eq!(read, "<a>東京</a>");
    assert!(!transcoder.begins_anywhere());
    assert!(Transcoder::resume(GB18030, 5).begins_anywhere());
}

proptest! {
    #[test]
    fn any_bytes_become_text_that_does_not_depend_on_the_pieces(
        file in prop::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(b'>'), 1 => 0x80u8..0xa0], 0..200),
        size in 1usize..20,
        which in 0usize..6,
    ) {
        let encoding = [UTF_8, WINDOWS_1251, SHIFT_JIS, GB18030, encoding_rs::UTF_16BE, EUC_JP][which];
        let (expected, _) = encoding.decode_without_bom_handling(&file);
        assert_exact(encoding, &file, &expected, size);
    }

    #[test]
    fn any_text_comes_back_with_exact_offsets(sample in "[<>a-zа-я東京é😀 ]{0,60}", size in 1usize..9) {
        for (encoding, file) in encoded(&sample) {
            assert_exact(encoding, &file, &sample, size);
        }
    }
}
