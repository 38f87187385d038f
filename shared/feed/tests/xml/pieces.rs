//! The pieces a file comes in make no difference.

use crate::kit::*;
use tidegate_feed::Limits;

#[test]
fn a_file_split_at_every_byte_gives_the_same_records() {
    let format = format("offers.offer", &["photo"], &[]);
    for label in LABELS {
        let file = file(&everything(), label);
        let whole = read(&format, &file, file.len());
        assert_eq!((whole.records.len(), &whole.damage, whole.whole), (14, &None, true), "{label}");
        for size in (1..40).chain([255, 1021, 4096]) {
            let pieces = read(&format, &file, size);
            assert_eq!(pieces.records, whole.records, "{label} in pieces of {size}");
            assert_eq!((pieces.whole, pieces.notices), (true, whole.notices.clone()));
        }
    }
}

/// A window that is read again each time a byte comes, as if each split were that between two windows.
#[test]
fn a_window_that_grows_by_a_byte_gives_the_same_records() {
    let format = format("offers.offer", &["photo"], &[]);
    let text = everything();
    let (whole, _) = by_windows(&format, &text, text.len(), Limits::default());
    assert_eq!(whole.len(), 14);
    for size in 1..64 {
        let (found, longest) = by_windows(&format, &text, size, Limits::default());
        assert_eq!(found, whole, "in pieces of {size}");
        assert!(longest < 1000 + size, "{longest} bytes are held");
    }
}

#[test]
fn a_record_that_is_too_long_is_passed_over_in_pieces_of_any_size() {
    let format = format("offer", &[], &[]);
    let limits = Limits { record_bytes_max: 300, ..Limits::default() };
    let long = "<b>Ж</b><![CDATA[</offer>]]><!-- </offer> --><a b='</offer>'/> &lt; ".repeat(20);
    let comment = "x<y> ".repeat(200);
    let text = format!(
        "<s><!-- {comment} --><offer>1</offer><![CDATA[{comment}]]><offer>{long}</offer><?p {comment}?><offer a='{long2}'/>{comment2}<offer>2</offer></s>",
        long2 = "я > ".repeat(300),
        comment2 = "text ".repeat(300),
    );
    let expected = [
        "{\"#text\":\"1\"}",
        "longer than 300 bytes",
        "longer than 300 bytes",
        "{\"#text\":\"2\"}",
    ];
    for size in (1..400).chain([text.len()]) {
        let (found, longest) = by_windows(&format, &text, size, limits);
        assert_eq!(found, expected, "in pieces of {size}");
        assert!(longest <= 304 + 2 * size, "{longest} bytes are held in pieces of {size}");
    }
}

/// What a reader finds in windows that grow by `size` bytes, and how long the longest was.
fn by_windows(
    format: &std::sync::Arc<tidegate_feed::xml::XmlFormat>,
    text: &str,
    size: usize,
    limits: Limits,
) -> (Vec<String>, usize) {
    use tidegate_feed::RecordReader;
    let mut reader = reader(format, limits);
    let (mut found, mut done, mut longest) = (Vec::new(), 0, 0);
    let mut ends: Vec<usize> =
        (size..text.len()).step_by(size).map(|at| text.floor_char_boundary(at)).collect();
    ends.push(text.len());
    for (number, end) in ends.iter().enumerate() {
        loop {
            longest = longest.max(end - done);
            done += reader.read(&text[done..*end], number + 1 == ends.len(), &mut found).unwrap();
            if !reader.unread() {
                break;
            }
        }
    }
    assert!(reader.is_whole());
    let found = found.iter().map(|found| match &found.fault {
        Some(fault) => fault.to_string(),
        None => String::from_utf8(found.data.to_vec()).unwrap(),
    });
    (found.collect(), longest)
}
