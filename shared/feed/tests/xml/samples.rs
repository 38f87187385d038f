//! Formats of the trade: what their files look like, and what comes of them.

use std::sync::Arc;

use crate::kit::*;
use tidegate_feed::xml::XmlFormat;

const GOOGLE: (&str, &str) = ("g", "http://base.google.com/ns/1.0");

/// A format, a file in UTF-8, the encoding it is to be in, and its records.
fn samples() -> Vec<(&'static str, Arc<XmlFormat>, &'static str, &'static str, &'static str)> {
    vec![
        (
            "yml",
            format("shop.offers.offer", &["picture", "param"], &[]),
            include_str!("../samples/yml.xml"),
            "windows-1251",
            include_str!("../samples/yml.json"),
        ),
        (
            "bmecat",
            format("T_NEW_CATALOG.ARTICLE", &["ARTICLE_PRICE_DETAILS.ARTICLE_PRICE"], &[]),
            include_str!("../samples/bmecat.xml"),
            "iso-8859-1",
            include_str!("../samples/bmecat.json"),
        ),
        (
            "commerceml",
            format(
                "Каталог.Товары.Товар",
                &["Группы.Ид", "ЗначенияРеквизитов.ЗначениеРеквизита"],
                &[],
            ),
            include_str!("../samples/commerceml.xml"),
            "windows-1251",
            include_str!("../samples/commerceml.json"),
        ),
        (
            "openimmo",
            format("anbieter.immobilie", &["anhaenge.anhang"], &[]),
            include_str!("../samples/openimmo.xml"),
            "utf-8",
            include_str!("../samples/openimmo.json"),
        ),
        (
            "merchant",
            format("channel.item", &["g:shipping", "g:additional_image_link"], &[GOOGLE]),
            include_str!("../samples/merchant.xml"),
            "utf-8",
            include_str!("../samples/merchant.json"),
        ),
        (
            "atom",
            format("entry", &[], &[GOOGLE]),
            include_str!("../samples/atom.xml"),
            "utf-8",
            include_str!("../samples/atom.json"),
        ),
    ]
}

#[test]
fn each_format_of_the_trade_is_read_and_read_on() {
    for (name, format, text, label, expected) in samples() {
        let file = encode(text, label);
        let outcome = read(&format, &file, 37);
        assert_eq!((&outcome.damage, outcome.whole), (&None, true), "{name}");
        assert_eq!(outcome.data(), expected.lines().collect::<Vec<_>>(), "{name}");
        for (number, record) in outcome.records.iter().enumerate() {
            let rest = resume(&format, &file, record, outcome.encoding.unwrap(), false);
            assert_eq!(
                rest.records,
                outcome.records[number + 1..],
                "{name} behind record {number}"
            );
            assert!(rest.whole);
        }
    }
}

#[test]
fn what_is_mended_in_them_is_told() {
    for (name, format, text, label, _) in samples() {
        let notices = read(&format, &encode(text, label), 512).notices;
        assert_eq!(notices.entities, u64::from(name == "merchant"), "{name}");
        assert_eq!(notices.told.len(), usize::from(name == "atom"), "{name}: {:?}", notices.told);
        assert_eq!((notices.replaced, notices.dropped, notices.literal), (0, 0, 0), "{name}");
    }
}
