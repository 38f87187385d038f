//! What the tests share: reading a file in pieces, and a sample with everything in it.

use std::sync::Arc;

use tidegate_feed::{
    FileReader, Limits, Notices, Place, Record, Unpacker,
    text::{Charset, Encoding},
    xml::{XmlFormat, XmlReader},
};

/// What came of a file.
#[derive(Debug)]
pub struct Outcome {
    pub records: Vec<Record>,
    pub damage: Option<String>,
    pub whole: bool,
    pub notices: Notices,
    pub encoding: Option<&'static Encoding>,
}

impl Outcome {
    /// The records' JSON, or why they have none.
    pub fn data(&self) -> Vec<String> {
        self.records.iter().map(shown).collect()
    }
}

pub fn shown(record: &Record) -> String {
    match &record.fault {
        None => String::from_utf8(record.data.to_vec()).unwrap(),
        Some(fault) => format!("at fault: {fault}"),
    }
}

pub fn format(record: &str, lists: &[&str], namespaces: &[(&str, &str)]) -> Arc<XmlFormat> {
    Arc::new(XmlFormat::new(record, lists.iter().copied(), namespaces.iter().copied()).unwrap())
}

/// Pushes a file in pieces of `size` bytes, and finishes.
pub fn push(mut feed: FileReader, file: &[u8], size: usize) -> Outcome {
    let mut records = Vec::new();
    let pushed = file.chunks(size).try_for_each(|piece| feed.push(piece, &mut records));
    let damage =
        pushed.and_then(|()| feed.finish(&mut records)).err().map(|damage| damage.to_string());
    Outcome {
        records,
        damage,
        whole: feed.is_whole(),
        notices: feed.notices(),
        encoding: feed.encoding(),
    }
}

pub fn reader(format: &Arc<XmlFormat>, limits: Limits) -> Box<XmlReader> {
    Box::new(XmlReader::new(format.clone(), limits))
}

/// Reads a file from its front.
pub fn read(format: &Arc<XmlFormat>, file: &[u8], size: usize) -> Outcome {
    read_within(format, Limits::default(), file, size)
}

pub fn read_within(format: &Arc<XmlFormat>, limits: Limits, file: &[u8], size: usize) -> Outcome {
    push(FileReader::new(reader(format, limits), None, Charset::default(), limits), file, size)
}

/// Goes on behind a record of a file that was read before.
pub fn resume(
    format: &Arc<XmlFormat>,
    file: &[u8],
    record: &Record,
    encoding: &'static Encoding,
    packed: bool,
) -> Outcome {
    let limits = Limits::default();
    let Place { at, .. } = record.place;
    let reader = match &record.context {
        Some(context) => Box::new(XmlReader::resume(format.clone(), limits, context).unwrap()),
        None => reader(format, limits),
    };
    let unpacker = packed.then(|| Unpacker::gzip_from(record.place.restart(), limits));
    let feed = FileReader::resume(reader, unpacker, encoding, record.place, limits);
    push(feed, &file[usize::try_from(at).unwrap()..], 1000)
}

/// Everything a file may have, in some 4 kB of characters that all the encodings below have.
pub fn everything() -> String {
    let mut text = String::from(
        "<!DOCTYPE shop SYSTEM \"shop.dtd\">\n<!-- before -->\n<shop date='2026-11-28'>\n<name>Дом</name>\n<offers>\n",
    );
    for id in 0..12 {
        text += &format!(
            "  <offer id=\"{id}\" title='Дом &amp; \"сад\" &#x{:x};'>\n    <цена>{id}00</цена>\r\n    <text>До<!-- > --> &lt;b&gt;<![CDATA[ <i>ё</i> & ]]]]><![CDATA[> &#x2013; ]]>после&nbsp;&#1046; AT&T &nix;</text>\n    <photo>a{id}.jpg</photo><photo/>\n    <empty></empty><?pi > ?>\n  </offer>\n<!-- <offer> -->\n",
            0x430 + id
        );
    }
    text + "<offer/></offers>\n<offers><offer id='last'/></offers></shop>\n<!-- behind -->\n"
}

/// A text in an encoding, without a declaration.
pub fn encode(text: &str, label: &str) -> Vec<u8> {
    match label {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => {
            let (bytes, _, unmappable) = Charset::named(label).unwrap().encode(text);
            assert!(!unmappable, "{label} has not all of it");
            bytes.into_owned()
        }
    }
}

/// A file in an encoding, with what says that it is.
pub fn file(text: &str, label: &str) -> Vec<u8> {
    encode(&format!("<?xml version=\"1.0\" encoding=\"{label}\"?>\n{text}"), label)
}

pub const LABELS: [&str; 8] =
    ["utf-8", "windows-1251", "koi8-r", "utf-16le", "utf-16be", "gb18030", "shift_jis", "euc-jp"];
