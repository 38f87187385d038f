//! Which of the files in a directory is meant.

use crate::TransferError;

/// Names of files that are still being written, by the habits of common programs: `.name` by rsync,
/// `name.filepart` by WinSCP, `name.part` by many, `~name` and `name~` by editors.
const TEMPORARY: [&str; 10] = [
    ".*",
    "~*",
    "*~",
    "*.tmp",
    "*.temp",
    "*.part",
    "*.partial",
    "*.filepart",
    "*.uploading",
    "*.crdownload",
];
/// No longer name is meant by a pattern, in bytes: it stands in positions.
const NAME_BYTES_MAX: usize = 255;
/// A hostile server's list has no end: so many names are looked at.
pub(crate) const NAMES_MAX: usize = 100_000;

/// The file that is meant: by its name, or by a pattern among those of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Up to the name, with the last `/`; empty where there is none.
    directory: String,
    /// The name, or its pattern.
    name: String,
    choice: Choice,
    excluded: Vec<String>,
}

/// Which one of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// The one that was changed last; of those the last by name.
    #[default]
    Newest,
    /// The last by name, as `offers-2026-11-28.xml`.
    LastName,
}

/// A file in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name, without a directory.
    pub name: String,
    /// When it was changed, as far as the list says it: comparable within one list.
    pub modified: Option<i64>,
}

impl Names {
    /// A path whose last part may be a pattern: `*` is any characters, `?` is one. Files that are still being
    /// written, as their names say, are not meant by a pattern.
    ///
    /// # Errors
    /// In one line: the path names no file, has a pattern before its last part, or a character that no path may
    /// have.
    pub fn new(path: &str) -> Result<Self, String> {
        let (directory, name) = match path.rfind('/') {
            Some(at) => path.split_at(at + 1),
            None => ("", path),
        };
        if name.is_empty() {
            return Err(format!(
                "`{path}` names no file: write the file's name or a pattern at its end"
            ));
        }
        if directory.contains(['*', '?']) {
            return Err(format!(
                "`{path}` has a pattern before its last part: write the directory out"
            ));
        }
        if path.chars().any(char::is_control) {
            return Err("a path holds a control character: remove it".into());
        }
        let excluded = TEMPORARY.map(str::to_owned).into();
        let (directory, name) = (directory.to_owned(), name.to_owned());
        Ok(Self { directory, name, choice: Choice::default(), excluded })
    }

    /// The same with this way to choose.
    #[must_use]
    pub fn choosing(mut self, choice: Choice) -> Self {
        self.choice = choice;
        self
    }

    /// The same with these patterns of names that are not meant, in the place of the usual ones.
    #[must_use]
    pub fn excluding(mut self, patterns: Vec<String>) -> Self {
        self.excluded = patterns;
        self
    }

    /// The path, where it is not a pattern.
    pub(crate) fn path(&self) -> Option<String> {
        let is_pattern = self.name.contains(['*', '?']);
        (!is_pattern).then(|| self.to_string())
    }

    /// The directory that is to be listed.
    pub(crate) fn directory(&self) -> &str {
        match self.directory.as_str() {
            "" => ".",
            "/" => "/",
            directory => &directory[..directory.len() - 1],
        }
    }

    /// The path of a name in the directory.
    pub(crate) fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.directory)
    }

    /// Whether a file of this name could be meant.
    pub(crate) fn has(&self, name: &str) -> bool {
        // A name with a directory in it leads out of ours.
        name.len() <= NAME_BYTES_MAX
            && !name.contains(['/', '\\'])
            && !name.chars().any(char::is_control)
            && fits(&self.name, name)
            && !self.excluded.iter().any(|excluded| fits(excluded, name))
    }

    /// The one that is meant.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn choose(
        &self,
        listed: impl IntoIterator<Item = Listed>,
    ) -> Result<Listed, TransferError> {
        let meant = listed.into_iter().filter(|listed| self.has(&listed.name));
        let newest = match self.choice {
            Choice::Newest => meant
                .max_by(|a, b| (a.modified, a.name.as_str()).cmp(&(b.modified, b.name.as_str()))),
            Choice::LastName => meant.max_by(|a, b| a.name.cmp(&b.name)),
        };
        newest.ok_or_else(|| TransferError::Absent(format!("no file is there for `{self}`")))
    }
}

impl std::fmt::Display for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.directory, self.name)
    }
}

/// Whether a pattern with `*` and `?` fits all of a name. Takes as many steps as their lengths' product at the most.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last star stands, and up to where it was tried to reach.
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(one) if *one == '?' || *one == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((place, reached)) = star else { return false };
                star = Some((place, reached + 1));
                at = place + 1;
                seen = reached + 1;
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expected) in [
            ("*.xml", "offers.xml", true),
            ("*.xml", "offers.xml.tmp", false),
            ("offers-????.csv", "offers-2026.csv", true),
            ("offers-????.csv", "offers-26.csv", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("каталог*.xml", "каталог-1.xml", true),
            ("**", "", true),
            ("?", "", false),
            ("a", "A", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
        let stars = "*a".repeat(50);
        assert!(!fits(&stars, &format!("{}b", "a".repeat(2_000))));
    }

    fn listed(names: &[(&str, i64)]) -> Vec<Listed> {
        let one = |(name, at): &(&str, i64)| Listed { name: (*name).into(), modified: Some(*at) };
        names.iter().map(one).collect()
    }

    #[test]
    fn the_newest_is_meant_and_none_that_is_being_written() {
        let names = Names::new("out/offers*").unwrap();
        let files = listed(&[
            ("offers-a.xml", 3),
            ("offers-b.xml", 3),
            ("offers-c.xml", 1),
            ("offers-d.xml.part", 9),
            ("offers-e.xml~", 9),
            ("other.xml", 9),
            ("../offers.xml", 9),
        ]);
        assert_eq!(names.choose(files.clone()).unwrap().name, "offers-b.xml");
        let by_name = names.clone().choosing(Choice::LastName);
        assert_eq!(by_name.choose(files.clone()).unwrap().name, "offers-c.xml");
        let all = names.clone().excluding(Vec::new());
        assert_eq!(all.choose(files).unwrap().name, "offers-e.xml~");
        assert_eq!(names.path_of("x"), "out/x");
        assert_eq!(names.directory(), "out");
        let none = TransferError::Absent("no file is there for `out/offers*`".into());
        assert_eq!(names.choose(Vec::new()), Err(none));
    }

    #[test]
    fn a_path_is_a_file_or_a_pattern_in_one_directory() {
        assert_eq!(Names::new("/a/b.xml").unwrap().path().as_deref(), Some("/a/b.xml"));
        assert_eq!(Names::new("/a/*.xml").unwrap().path(), None);
        assert_eq!(Names::new("/*.xml").unwrap().directory(), "/");
        assert_eq!(Names::new("*.xml").unwrap().directory(), ".");
        for wrong in ["", "a/", "*/b.xml", "a\r\nDELE b"] {
            assert!(Names::new(wrong).is_err(), "{wrong}");
        }
    }
}
