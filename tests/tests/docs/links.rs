//! Links between the documents.

use super::{
    markdown::{Page, root},
    pages,
};

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut pages = pages();
    pages.extend(["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(Page::read));
    let mut broken = Vec::new();
    for page in &pages {
        let folder = page.path.parent().expect("a file is in a folder");
        for (line, link) in page.links().filter(|(_, link)| !link.starts_with("https://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.path.clone() } else { folder.join(file) };
            let exists = root().join(&target).exists();
            if !exists
                || (!anchor.is_empty()
                    && !Page::read(&target).anchors().iter().any(|it| it == anchor))
            {
                broken.push(format!("{}:{line}: {link}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}
