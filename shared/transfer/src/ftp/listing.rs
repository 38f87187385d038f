//! Lists of files, as servers send them.

use std::io;

use suppaftp::tokio::{AsyncRustlsStream, TransferStream};
use tokio::io::AsyncReadExt;

use crate::{Listed, moment, names::NAMES_MAX};

/// A list has no more bytes than this, or it is no list.
const LIST_BYTES_MAX: usize = 16 << 20;

/// A list's lines, up to a bound.
pub(super) async fn lines(
    transfer: &mut TransferStream<AsyncRustlsStream>,
) -> io::Result<Vec<String>> {
    let mut text = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match transfer.read(&mut piece).await {
            Ok(0) => break,
            Ok(read) => text.extend_from_slice(&piece[..read]),
            // Servers close without saying so to TLS: the reply that follows tells whether it is whole.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        if text.len() > LIST_BYTES_MAX {
            return Err(io::Error::other("the list of files is too long"));
        }
    }
    let lines = text.split(|byte| *byte == b'\n').take(NAMES_MAX);
    let lines = lines.map(|line| String::from_utf8_lossy(line).trim_end_matches('\r').to_owned());
    Ok(lines.filter(|line| !line.is_empty()).collect())
}

/// A file by a line of `MLSD` (RFC 3659, section 7.2): facts, a space, and the name. `None` for what is no file.
pub(super) fn fact_line(line: &str) -> Option<Listed> {
    let (facts, name) = line.split_once(' ')?;
    let mut is_file = false;
    let mut modified = None;
    for fact in facts.split(';') {
        let Some((key, value)) = fact.split_once('=') else { continue };
        match key.to_ascii_lowercase().as_str() {
            "type" => is_file = value.eq_ignore_ascii_case("file"),
            "modify" => modified = moment::of_digits(value),
            _ => {}
        }
    }
    is_file.then(|| Listed { name: name.to_owned(), modified })
}

/// A name by a line of `NLST`, which some write with its directory.
pub(super) fn name_line(line: &str) -> Listed {
    let name = line.rsplit(['/', '\\']).next().unwrap_or(line);
    Listed { name: name.to_owned(), modified: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_facts_are_files() {
        let line = "Type=file;Size=1024;Modify=19700101000007.5;UNIX.mode=0644; a file.xml";
        let listed = Listed { name: "a file.xml".into(), modified: Some(7) };
        assert_eq!(fact_line(line), Some(listed));
        let bare = Listed { name: "x".into(), modified: None };
        assert_eq!(fact_line("type=file; x"), Some(bare));
        for none in ["type=dir;modify=19700101000007; d", "type=cdir; .", "", "x", "; x"] {
            assert_eq!(fact_line(none), None, "{none}");
        }
    }

    #[test]
    fn a_name_has_no_directory() {
        for line in ["a.xml", "out/a.xml", "./a.xml", "C:\\out\\a.xml"] {
            assert_eq!(name_line(line).name, "a.xml");
        }
    }
}
