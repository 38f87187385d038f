//! Files that are cut.

use crate::kit::*;

#[test]
fn a_file_cut_at_any_byte_gives_what_came_before_and_is_not_whole() {
    let format = format("offers.offer", &["photo"], &[]);
    for label in ["utf-8", "windows-1251", "utf-16be", "gb18030"] {
        let file = file(&everything(), label);
        let whole = read(&format, &file, file.len());
        let unit = if label.starts_with("utf-16") { 2 } else { 1 };
        let root_ends = file.len() - unit * "\n<!-- behind -->\n".len();
        // The rules of the format are tried at every byte; those of the encodings need not be.
        let step = if label == "utf-8" { 1 } else { 7 };
        for cut in (0..root_ends).step_by(step) {
            let outcome = read(&format, &file[..cut], 4096);
            assert!(!outcome.whole && outcome.damage.is_some(), "{label} cut at {cut}");
            assert_eq!(
                outcome.records,
                whole.records[..outcome.records.len()],
                "{label} cut at {cut}"
            );
            let standing =
                whole.records.iter().filter(|record| record.place.at <= cut as u64).count();
            assert_eq!(outcome.records.len(), standing, "{label} cut at {cut}");
        }
        assert!(read(&format, &file[..root_ends], 4096).whole, "{label}");
        assert!(
            !read(&format, &file[..root_ends + unit * 5], 4096).whole,
            "{label}: within a comment"
        );
    }
}

#[test]
fn a_damage_is_told_with_its_place() {
    let format = format("r", &[], &[]);
    let file = encode(
        "<?xml version='1.0' encoding='windows-1251'?><s><r>ж</r><r>ж</r><b>я</s>",
        "windows-1251",
    );
    let outcome = read(&format, &file, 7);
    let at = file.len() - 4;
    assert_eq!(outcome.damage.unwrap(), format!("</s> ends <b>; at byte {at}, behind record 2"));
    assert_eq!(outcome.records.len(), 2);
}
