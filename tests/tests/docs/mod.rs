//! What the documents say is so: every command in them runs, every flow in them is right, and every
//! link leads somewhere.
//!
//! A block of `sh` is run by a shell with `tidegate` on its PATH, in a folder with the files that the
//! README and the pages name. A block of `yaml` is checked as a flow file, as a part of one, or as a
//! flow's tests. A command or a block that is none of what is known here fails.

mod commands;
mod links;
mod markdown;
mod recipes;
mod session;
mod stand_in;
mod yaml;

use markdown::{Block, Page};

/// The README, the pages of docs/ and those of docs/recipes: their blocks are run.
fn pages() -> Vec<Page> {
    let mut pages = vec![Page::read("README.md")];
    pages.extend(Page::all_in("docs"));
    pages.extend(Page::all_in("docs/recipes"));
    pages
}

fn blocks_of<'a>(pages: &'a [Page], languages: &'a [&str]) -> impl Iterator<Item = &'a Block> {
    pages.iter().flat_map(Page::blocks).filter(|block| languages.contains(&&*block.language))
}

#[test]
fn every_block_is_of_a_language_that_is_tested() {
    const TESTED: [&str; 2] = ["sh", "yaml"];
    // Pictures; there is nothing to be wrong but their look.
    const PICTURES: [&str; 1] = ["mermaid"];
    for block in pages().iter().flat_map(Page::blocks) {
        let language = &&*block.language;
        assert!(
            TESTED.contains(language) || PICTURES.contains(language),
            "{}: no test knows blocks of `{language}`",
            block.place()
        );
    }
}

#[test]
fn the_readme_is_read_in_five_minutes() {
    let lines = Page::read("README.md").text.lines().count();
    assert!(lines <= 150, "README.md has {lines} lines");
}
