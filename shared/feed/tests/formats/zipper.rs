//! Writes zip files, sound ones and others, field by field.

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct Item {
    pub name: Vec<u8>,
    pub data: Vec<u8>,
    pub deflated: bool,
    /// Whether its sizes stand behind its bytes, as a writer does that cannot seek.
    pub sizes_behind: bool,
    pub flags: u16,
    /// The method to be told instead of the true one.
    pub method: Option<u16>,
    /// Sizes to be told in the directory instead of the true ones.
    pub packed: Option<u32>,
    pub unpacked: Option<u32>,
    pub crc: Option<u32>,
}

impl Item {
    pub fn new(name: &str, data: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            data: data.into(),
            deflated: true,
            sizes_behind: false,
            flags: 0,
            method: None,
            packed: None,
            unpacked: None,
            crc: None,
        }
    }

    pub fn stored(self) -> Self {
        Self { deflated: false, ..self }
    }
}

pub fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub fn crc(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

/// A zip file of these entries; `large` writes its end in the zip64 form.
pub fn zip(items: &[Item], comment: &[u8], large: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for item in items {
        let from = file.len() as u32;
        let packed = if item.deflated { deflate(&item.data) } else { item.data.clone() };
        let method = item.method.unwrap_or(if item.deflated { 8 } else { 0 });
        let flags = item.flags | if item.sizes_behind { 8 } else { 0 };
        let sizes = [
            item.crc.unwrap_or_else(|| crc(&item.data)),
            item.packed.unwrap_or(packed.len() as u32),
            item.unpacked.unwrap_or(item.data.len() as u32),
        ];
        let put = |to: &mut Vec<u8>, sizes: [u32; 3]| {
            to.extend(20_u16.to_le_bytes());
            to.extend(flags.to_le_bytes());
            to.extend(method.to_le_bytes());
            to.extend([0; 4]);
            for size in sizes {
                to.extend(size.to_le_bytes());
            }
            to.extend((item.name.len() as u16).to_le_bytes());
        };
        file.extend(b"PK\x03\x04");
        put(&mut file, if item.sizes_behind { [0; 3] } else { sizes });
        // An extra field in the header alone, as many writers have it.
        file.extend(5_u16.to_le_bytes());
        file.extend(&item.name);
        file.extend([0x55, 0x54, 1, 0, 7]);
        file.extend(&packed);
        if item.sizes_behind {
            file.extend(b"PK\x07\x08");
            for size in sizes {
                file.extend(size.to_le_bytes());
            }
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        put(&mut directory, sizes);
        directory.extend([0; 12]);
        directory.extend(from.to_le_bytes());
        directory.extend(&item.name);
    }
    let at = file.len() as u64;
    let length = directory.len() as u64;
    file.extend(directory);
    let count = items.len() as u64;
    if large {
        let end = file.len() as u64;
        file.extend(b"PK\x06\x06");
        file.extend(44_u64.to_le_bytes());
        file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for field in [count, count, length, at] {
            file.extend(field.to_le_bytes());
        }
        file.extend(b"PK\x06\x07\0\0\0\0");
        file.extend(end.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
    }
    file.extend(b"PK\x05\x06\0\0\0\0");
    let short = if large { u16::MAX } else { count as u16 };
    file.extend(short.to_le_bytes());
    file.extend(short.to_le_bytes());
    file.extend((if large { u32::MAX } else { length as u32 }).to_le_bytes());
    file.extend((if large { u32::MAX } else { at as u32 }).to_le_bytes());
    file.extend((comment.len() as u16).to_le_bytes());
    file.extend(comment);
    file
}
