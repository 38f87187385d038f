//! Pages of Markdown: their fenced blocks, their headings and their links.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The folder of the workspace.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    /// Its path in the repository.
    pub(super) path: PathBuf,
    pub(super) text: String,
    blocks: Vec<Block>,
    /// The text outside of blocks, by line, without code spans.
    prose: Vec<(usize, String)>,
}

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    page: PathBuf,
    line: usize,
    pub(super) language: String,
    /// Without the indentation of its fence.
    pub(super) text: String,
}

impl Block {
    /// `docs/recipes.md:17`
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }

    /// The file that a comment in the first line names: `# tickets.yaml`.
    pub(super) fn file_name(&self) -> Option<&str> {
        let name = self.text.lines().next()?.strip_prefix("# ")?;
        (name.ends_with(".yaml") && !name.contains([' ', '/'])).then_some(name)
    }
}

impl Page {
    pub(super) fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let text = fs::read_to_string(root().join(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (blocks, prose) = split(&path, &text);
        Self { path, text, blocks, prose }
    }

    /// The pages in a folder, by name.
    pub(super) fn all_in(folder: &str) -> Vec<Self> {
        let entries = fs::read_dir(root().join(folder)).expect("the folder can be listed");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("it can be listed").file_name()).collect();
        names.retain(|name| Path::new(name).extension().is_some_and(|it| it == "md"));
        names.sort();
        names.into_iter().map(|name| Self::read(Path::new(folder).join(name))).collect()
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Targets of links, with the line that each stands in.
    pub(super) fn links(&self) -> impl Iterator<Item = (usize, &str)> {
        self.prose.iter().flat_map(|(number, line)| {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            targets.map(|target| (*number, target))
        })
    }

    /// The names by which GitHub links to its headings.
    pub(super) fn anchors(&self) -> Vec<String> {
        let mut seen = BTreeMap::new();
        let headings = self.text.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|heading| {
                let text = heading.trim_start_matches('#').trim();
                let kept = text.chars().filter(|it| it.is_alphanumeric() || "-_ ".contains(*it));
                let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
                let count = seen.entry(anchor.clone()).and_modify(|it| *it += 1).or_insert(0);
                if *count == 0 { anchor } else { format!("{anchor}-{count}") }
            })
            .collect()
    }
}

fn split(path: &Path, text: &str) -> (Vec<Block>, Vec<(usize, String)>) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut prose = Vec::new();
    // The indentation of the fence that is open, and the fence.
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.trim_start();
        let fence: String = content.chars().take_while(|letter| *letter == '`').collect();
        match &open {
            Some((_, begun)) if content == begun => open = None,
            Some((indentation, _)) => {
                let block = blocks.last_mut().expect("it was opened");
                block.text.push_str(line.get(*indentation..).unwrap_or_default());
                block.text.push('\n');
            }
            None if fence.len() >= 3 => {
                let language = content[fence.len()..].trim().to_owned();
                let page = path.to_owned();
                blocks.push(Block { page, line: number, language, text: String::new() });
                open = Some((line.len() - content.len(), fence));
            }
            None => {
                // Between backticks stands code.
                let outside = line.split('`').step_by(2).collect();
                prose.push((number, outside));
            }
        }
    }
    assert!(open.is_none(), "{}: a block has no end", path.display());
    (blocks, prose)
}
