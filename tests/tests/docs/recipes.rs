//! The pages of docs/recipes: each shows its flow file as it is, and a test runs that file.

use std::fs;

use super::markdown::{Page, root};

const FOLDER: &str = "docs/recipes";

#[test]
fn each_recipe_shows_its_flow_file_is_listed_and_is_run_by_a_test() {
    let folder = root().join(FOLDER);
    let names = |end: &str| {
        let entries = fs::read_dir(&folder).expect("the folder can be listed");
        let names = entries.map(|it| it.expect("it can be listed").file_name());
        let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(end)?.to_owned()));
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".test")).collect();
        names.sort();
        names
    };
    let recipes = names(".yaml");
    assert_eq!(recipes, names(".md"), "each flow file has its page, and each page its flow file");
    let index = Page::read("docs/recipes.md");
    let tests = fs::read_dir(root().join("tests/tests/flows/recipes")).expect("it can be listed");
    let tests: String = tests
        .map(|it| fs::read_to_string(it.expect("it can be listed").path()).expect("it is text"))
        .collect();
    for name in recipes {
        let flow = fs::read_to_string(folder.join(format!("{name}.yaml"))).expect("it is text");
        let page = Page::read(format!("{FOLDER}/{name}.md"));
        let shown =
            page.blocks().iter().any(|block| block.language == "yaml" && block.text == flow);
        assert!(shown, "{name}.md shows another flow than {name}.yaml is");
        let link = format!("recipes/{name}.md");
        assert!(index.links().any(|(_, to)| to == link), "docs/recipes.md has no link to {link}");
        assert!(tests.contains(&format!("\"{name}\"")), "no test runs {name}.yaml");
        assert!(folder.join(format!("{name}.test.yaml")).exists(), "{name} has no cases");
    }
}
