//! What a command reads: a file, or standard input.

use std::{fs, io::Read, path::Path};

use crate::failure::Failure;

/// A file's bytes, or, for `-`, those of standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => std::io::stdin().read_to_end(&mut bytes).map(drop),
        _ => fs::read(path).map(|read| bytes = read),
    };
    read.map(|()| bytes).map_err(|error| {
        Failure::usage(format!("error: {} cannot be read: {error}", path.display()))
    })
}
