//! No circle among the files of a crate: what assembles imports, and what is imported does not know it.
//!
//! A file depends on the files that define what it imports or names: re-exports are followed to the
//! definition. To declare a module and to re-export from it is no dependency, so a `mod.rs` that only does
//! that stands in no circle. Between crates cargo permits none.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    modules::{ModuleId, Modules, read_modules},
    tree, waiting,
};

/// Files in circles still.
const IN_CIRCLES: &[&str] = &[
    "tests/simulation/src/exhaustive/actions.rs",
    "tests/simulation/src/exhaustive/mod.rs",
    "tests/simulation/src/exhaustive/properties.rs",
    "tests/simulation/src/exhaustive/tell.rs",
    "tests/simulation/src/seat/destination.rs",
    "tests/simulation/src/seat/mod.rs",
    "tests/simulation/src/seat/queue.rs",
    "tests/simulation/src/seat/source.rs",
];

#[test]
fn no_files_of_a_crate_go_round_in_a_circle() {
    let mut found = BTreeMap::new();
    for folder in tree::members() {
        let graph = Graph::of_crate(&folder);
        for circle in graph.circles() {
            let mut told = graph.tell(&circle);
            for file in circle {
                let next = format!("in the same circle as {file}");
                found.insert(file, std::mem::replace(&mut told, next));
            }
        }
    }
    let remedy = "move what both need into a file of its own that neither is in, or hand it in as an argument";
    waiting::only(&found, "IN_CIRCLES", IN_CIRCLES, remedy);
}

/// Which file of a crate depends on which, by which names, and the line that each stands in first.
#[derive(Default)]
struct Graph {
    edges: BTreeMap<String, BTreeMap<String, BTreeMap<String, usize>>>,
}

/// So many of the names that tie two files are told.
const NAMES_TOLD: usize = 4;

/// What a path leads to.
enum Target {
    Module(ModuleId),
    /// An item, by the file that defines it.
    Item(String),
}

/// As many steps as a path's resolution takes at the most: imports may name each other.
const STEPS_MAX: usize = 32;

impl Graph {
    fn of_crate(folder: &str) -> Self {
        let mut graph = Self::default();
        for root in ["src/lib.rs", "src/main.rs"].map(|file| format!("{folder}/{file}")) {
            if tree::find(&root).is_some() {
                graph.add(&read_modules(&root, &tree::find));
            }
        }
        graph
    }

    fn add(&mut self, modules: &Modules) {
        for (id, module) in modules.all.iter().enumerate() {
            let imports = module.uses.iter().filter(|used| !used.public);
            let paths = imports
                .map(|used| (&used.path, used.line))
                .chain(module.mentions.iter().map(|mention| (&mention.path, mention.line)));
            for (path, line) in paths {
                let Some(Target::Item(file)) = resolve(modules, id, path, STEPS_MAX) else {
                    continue;
                };
                if file != module.file {
                    let to = self.edges.entry(module.file.clone()).or_default();
                    to.entry(file).or_default().entry(path.join("::")).or_insert(line);
                }
            }
        }
    }

    fn next(&self, file: &str) -> impl Iterator<Item = &String> {
        self.edges.get(file).into_iter().flat_map(BTreeMap::keys)
    }

    /// The shortest way from a file to another, both included.
    fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(file) = queue.pop_front() {
            for next in self.next(file) {
                if next == to {
                    let mut way = vec![to, file];
                    while let Some(earlier) = before.get(way[way.len() - 1]) {
                        way.push(earlier);
                    }
                    return Some(way.into_iter().rev().map(str::to_owned).collect());
                }
                if next != from && !before.contains_key(next.as_str()) {
                    before.insert(next, file);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    fn reachable(&self, from: &str) -> BTreeSet<&String> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&String> = self.next(from).collect();
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(self.next(file));
            }
        }
        reached
    }

    /// Sets of files each of which depends on all of its set.
    fn circles(&self) -> Vec<BTreeSet<String>> {
        let mut circles: Vec<BTreeSet<String>> = Vec::new();
        let reachable: BTreeMap<&String, _> =
            self.edges.keys().map(|file| (file, self.reachable(file))).collect();
        for (file, reached) in &reachable {
            let is_told = circles.iter().any(|circle| circle.contains(*file));
            if reached.contains(file) && !is_told {
                let back = reached.iter().filter(|other| {
                    reachable.get(*other).is_some_and(|reached| reached.contains(file))
                });
                circles.push(back.map(|file| (*file).clone()).collect());
            }
        }
        circles
    }

    /// The shortest circle of a set, with the names that tie it.
    fn tell(&self, circle: &BTreeSet<String>) -> String {
        let ways = circle.iter().filter_map(|file| self.way(file, file));
        let way = ways.min_by_key(Vec::len).expect("it is a circle");
        let steps = way.windows(2).map(|step| {
            let names = &self.edges[&step[0]][&step[1]];
            let first = names.iter().take(NAMES_TOLD);
            let first: Vec<_> = first.map(|(name, line)| format!("{name} (line {line})")).collect();
            let more = if names.len() > NAMES_TOLD { ", …" } else { "" };
            format!("{} names {}{more} of {}", step[0], first.join(", "), step[1])
        });
        format!("in a circle of {}: {}", circle.len(), steps.collect::<Vec<_>>().join("; "))
    }
}

/// Follows a path from a module to the definition. None for what other crates define.
fn resolve(modules: &Modules, from: ModuleId, path: &[String], steps: usize) -> Option<Target> {
    let steps = steps.checked_sub(1)?;
    let (first, rest) = path.split_first()?;
    let mut target = match first.as_str() {
        "crate" => Target::Module(0),
        "self" => Target::Module(from),
        "super" => Target::Module(modules.all[from].parent?),
        name => find(modules, from, name, !rest.is_empty(), steps)?,
    };
    for (at, segment) in rest.iter().enumerate() {
        let Target::Module(id) = target else { break };
        target = match segment.as_str() {
            "super" => Target::Module(modules.all[id].parent?),
            name => find(modules, id, name, at + 1 < rest.len(), steps)?,
        };
    }
    Some(target)
}

/// A name in a module's scope. `goes_on` where more of the path follows: a function may have the name of the
/// module that is meant.
fn find(
    modules: &Modules,
    id: ModuleId,
    name: &str,
    goes_on: bool,
    steps: usize,
) -> Option<Target> {
    let steps = steps.checked_sub(1)?;
    let module = &modules.all[id];
    let child = || module.children.get(name).map(|child| Target::Module(*child));
    let item = || module.items.contains(name).then(|| Target::Item(module.file.clone()));
    let own = if goes_on { child().or_else(item) } else { item().or_else(child) };
    if own.is_some() {
        return own;
    }
    if module.parent.is_none()
        && let Some(file) = modules.exported.get(name)
    {
        return Some(Target::Item(file.clone()));
    }
    let named = module.uses.iter().filter(|used| used.name == name && used.path != [name]);
    let globs = module.uses.iter().filter(|used| used.name == "*");
    let by_name = |path: &[String]| resolve(modules, id, path, steps);
    let by_glob = |path: &[String]| match resolve(modules, id, path, steps)? {
        Target::Module(of) if of != id => find(modules, of, name, goes_on, steps),
        _ => None,
    };
    named
        .filter_map(|used| by_name(&used.path))
        .chain(globs.filter_map(|used| by_glob(&used.path)))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            let to_names = graph.edges.entry((*from).to_owned()).or_default();
            to_names.entry((*to).to_owned()).or_default().insert("X".to_owned(), 1);
        }
        graph
    }

    #[test]
    fn a_circle_is_told_by_its_shortest_way_round() {
        let graph = graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("b", "a"), ("d", "a")]);
        let circles = graph.circles();
        assert_eq!(circles, [["a", "b", "c"].map(str::to_owned).into()]);
        assert_eq!(
            graph.tell(&circles[0]),
            "in a circle of 3: a names X (line 1) of b; b names X (line 1) of a"
        );
    }

    #[test]
    fn re_exports_are_followed_to_the_file_that_defines() {
        let files: BTreeMap<&str, &str> = [
            ("src/lib.rs", "mod b; mod c; pub use b::B; mod d { pub use crate::c::C as D; }"),
            ("src/b.rs", "use crate::d::D; pub struct B(D);"),
            ("src/c/mod.rs", "mod e; pub use e::*; pub struct C; fn f() { helper(); }"),
            ("src/c/e.rs", "use super::super::B; pub fn helper() -> Vec<B> { Vec::new() }"),
        ]
        .into();
        let read = |file: &str| files.get(file).map(|text| (*text).to_owned());
        let mut graph = Graph::default();
        graph.add(&read_modules("src/lib.rs", &read));
        assert_eq!(
            graph.circles(),
            [["src/b.rs", "src/c/e.rs", "src/c/mod.rs"].map(str::to_owned).into()]
        );
        assert!(!graph.edges.contains_key("src/lib.rs"), "it only declares and re-exports");
    }

    #[test]
    fn a_path_goes_through_the_module_and_not_the_function_of_its_name() {
        let files: BTreeMap<&str, &str> = [
            ("src/lib.rs", "mod a; mod b; fn a() { b::B; }"),
            ("src/a.rs", "pub struct A;"),
            ("src/b.rs", "use crate::a::A; pub struct B(A);"),
        ]
        .into();
        let read = |file: &str| files.get(file).map(|text| (*text).to_owned());
        let mut graph = Graph::default();
        graph.add(&read_modules("src/lib.rs", &read));
        assert!(graph.circles().is_empty(), "{:?}", graph.circles());
    }

    #[test]
    fn what_only_goes_one_way_is_no_circle() {
        assert!(graph(&[("a", "b"), ("a", "c"), ("b", "c")]).circles().is_empty());
    }
}
