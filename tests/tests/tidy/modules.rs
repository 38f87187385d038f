//! A crate's modules as its sources declare them: what each defines, imports and mentions. What is for the
//! crate's own tests alone is left out.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// A module's place in [`Modules::all`].
pub type ModuleId = usize;

/// All modules of one crate target, the root first.
pub struct Modules {
    /// Parents before their children.
    pub all: Vec<Module>,
    /// Macros that are exported to the root, with the file that defines them.
    pub exported: BTreeMap<String, String>,
}

/// One module: a file, or a block in one.
#[derive(Default)]
pub struct Module {
    /// Its path from the workspace's folder.
    pub file: String,
    /// None for the root.
    pub parent: Option<ModuleId>,
    /// Modules that it declares.
    pub children: BTreeMap<String, ModuleId>,
    /// Names of what it defines.
    pub items: BTreeSet<String>,
    /// What it imports and re-exports.
    pub uses: Vec<Use>,
    /// Paths in its code, of one segment or more.
    pub mentions: Vec<Mention>,
}

/// One name of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// From `crate`, `self`, `super`, a crate or a name in scope on.
    pub path: Vec<String>,
    /// The name that it gives; `*` for all that the path has.
    pub name: String,
    /// Whether it is a re-export.
    pub public: bool,
    /// The line, from 1 on.
    pub line: usize,
}

/// A path in code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Its segments.
    pub path: Vec<String>,
    /// The line, from 1 on.
    pub line: usize,
}

/// Reads a crate target from its root file on: `src/lib.rs` or `src/main.rs`. `read` gives a file's text, if
/// there is such a file.
pub fn read_modules(root: &str, read: &impl Fn(&str) -> Option<String>) -> Modules {
    let mut modules = Modules { all: Vec::new(), exported: BTreeMap::new() };
    let (folder, _) = root.rsplit_once('/').expect("it is in a folder");
    let mut files = vec![(vec![root.to_owned()], folder.to_owned(), None)];
    while let Some((places, folder, declared)) = files.pop() {
        let found = places.iter().find_map(|file| Some((file, read(file)?)));
        let (file, text) = found.unwrap_or_else(|| panic!("none of {places:?} is there"));
        let id = modules.add(file, declared);
        modules.scan(id, parse(file, &text), &folder, &mut files);
    }
    modules
}

/// A file's tokens.
pub fn parse(file: &str, text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{file} is no Rust: {error}"))
}

/// A module that is still to be read: the places where its file may be, the folder of its children, and the
/// module that declares it by a name.
type Unread = (Vec<String>, String, Option<(ModuleId, String)>);

impl Modules {
    fn add(&mut self, file: &str, declared: Option<(ModuleId, String)>) -> ModuleId {
        let id = self.all.len();
        let parent = declared.map(|(parent, name)| {
            self.all[parent].children.insert(name, id);
            parent
        });
        self.all.push(Module { file: file.to_owned(), parent, ..Module::default() });
        id
    }

    /// Reads a module's body. Blocks in it are modules of the same file.
    fn scan(&mut self, id: ModuleId, body: TokenStream, folder: &str, files: &mut Vec<Unread>) {
        let tokens: Vec<TokenTree> = body.into_iter().collect();
        let (mut at, mut public, mut exported) = (0, false, false);
        while at < tokens.len() {
            let word = word(&tokens[at]);
            let next = tokens.get(at + 1);
            let name = next.and_then(self::word);
            match (word.as_deref(), name) {
                (Some("pub"), _) => {
                    public = true;
                    at += 1 + usize::from(next.is_some_and(is_parenthesised));
                    continue;
                }
                (Some("use"), _) => {
                    let end = at + until_semicolon(&tokens[at..]);
                    let line = tokens[at].span().start().line;
                    imported(&tokens[at + 1..end], &[], public, line, &mut self.all[id].uses);
                    at = end;
                }
                (Some("mod"), Some(name)) => {
                    match tokens.get(at + 2) {
                        Some(TokenTree::Group(block)) => {
                            let below = format!("{folder}/{name}");
                            let file = self.all[id].file.clone();
                            let child = self.add(&file, Some((id, name)));
                            self.scan(child, block.stream(), &below, files);
                        }
                        _ => files.push(unread(folder, id, name)),
                    }
                    at += 2;
                }
                (Some("kinds"), _) if is_punct(next, '!') => {
                    if let Some(TokenTree::Group(registry)) = tokens.get(at + 2) {
                        self.scan_registry(id, registry, folder, files);
                    }
                    at += 2;
                }
                (Some("macro_rules"), _) => {
                    let name = tokens.get(at + 2).and_then(self::word).expect("it has a name");
                    if exported {
                        let file = self.all[id].file.clone();
                        self.exported.insert(name.clone(), file);
                    }
                    self.all[id].items.insert(name);
                    at += 2;
                }
                (Some(keyword), Some(name)) if defines(keyword, &name) => {
                    self.all[id].items.insert(name);
                    at += 1;
                }
                _ => match (&tokens[at], next) {
                    // An attribute.
                    (TokenTree::Punct(mark), Some(TokenTree::Group(group)))
                        if mark.as_char() == '#' =>
                    {
                        let attribute = group.stream().to_string();
                        if attribute == "cfg (test)" || attribute == "cfg(test)" {
                            at += until_end_of_item(&tokens[at..]);
                            continue;
                        }
                        exported |= attribute.starts_with("macro_export");
                        mentioned(&tokens[at + 1..at + 2], &mut self.all[id].mentions);
                        at += 2;
                        continue;
                    }
                    _ => at += mentioned_at(&tokens, at, &mut self.all[id].mentions) - 1,
                },
            }
            (public, exported) = (false, false);
            at += 1;
        }
    }

    /// Reads a registry of kinds: the enum that it makes, and the modules that it declares.
    fn scan_registry(
        &mut self,
        id: ModuleId,
        registry: &Group,
        folder: &str,
        files: &mut Vec<Unread>,
    ) {
        mentioned_in(registry, &mut self.all[id].mentions);
        let tokens: Vec<TokenTree> = registry.stream().into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let name = tokens.get(at + 1).and_then(word);
            match (word(token).as_deref(), name, token) {
                (Some("enum"), Some(name), _) => {
                    self.all[id].items.insert(name);
                }
                (Some("mod"), Some(name), _) => {
                    let kind = tokens.get(at + 3).and_then(word).expect("it names the kind's type");
                    let line = token.span().start().line;
                    let path = vec![name.clone(), kind];
                    self.all[id].mentions.push(Mention { path, line });
                    files.push(unread(folder, id, name));
                }
                (_, _, TokenTree::Group(group)) => self.scan_registry(id, group, folder, files),
                _ => {}
            }
        }
    }
}

/// So many tokens has an item with its attributes.
fn until_end_of_item(tokens: &[TokenTree]) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(Some(token), ';'),
    };
    tokens.iter().position(ends).map_or(tokens.len(), |at| at + 1)
}

/// A module whose file a parent's folder has.
fn unread(folder: &str, parent: ModuleId, name: String) -> Unread {
    let below = format!("{folder}/{name}");
    let places = vec![format!("{below}.rs"), format!("{below}/mod.rs")];
    (places, below, Some((parent, name)))
}

/// Whether a keyword with a name after it defines an item of that name.
fn defines(keyword: &str, name: &str) -> bool {
    match keyword {
        "const" => !["fn", "unsafe", "async", "extern", "_"].contains(&name),
        "fn" | "struct" | "enum" | "trait" | "type" | "union" | "static" => true,
        _ => false,
    }
}

fn word(token: &TokenTree) -> Option<String> {
    if let TokenTree::Ident(word) = token { Some(word.to_string()) } else { None }
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn is_parenthesised(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
}

fn until_semicolon(tokens: &[TokenTree]) -> usize {
    tokens.iter().position(|token| is_punct(Some(token), ';')).unwrap_or(tokens.len())
}

/// Whether `::` stands here.
fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    let joint = matches!(tokens.get(at), Some(TokenTree::Punct(punct))
        if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
    joint && is_punct(tokens.get(at + 1), ':')
}

/// The names of a `use` tree.
fn imported(
    tokens: &[TokenTree],
    prefix: &[String],
    public: bool,
    line: usize,
    uses: &mut Vec<Use>,
) {
    for tree in tokens.split(|token| is_punct(Some(token), ',')) {
        let mut path = prefix.to_vec();
        let mut name = None;
        let mut at = 0;
        while let Some(token) = tree.get(at) {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    name = tree.get(at + 1).and_then(self::word);
                    break;
                }
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == '*' => name = Some("*".to_owned()),
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    imported(&inner, &path, public, line, uses);
                    path.clear();
                }
                _ => {}
            }
            at += 1;
        }
        // `{self}` names the path before it.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(last) = path.last() {
            let name = name.unwrap_or_else(|| last.clone());
            uses.push(Use { path, name, public, line });
        }
    }
}

/// Paths in code, in groups of tokens too.
fn mentioned(tokens: &[TokenTree], mentions: &mut Vec<Mention>) {
    let mut at = 0;
    while at < tokens.len() {
        at += mentioned_at(tokens, at, mentions);
    }
}

/// The path that begins at a token, if one does; answers with how many tokens were read.
fn mentioned_at(tokens: &[TokenTree], at: usize, mentions: &mut Vec<Mention>) -> usize {
    let first = match &tokens[at] {
        TokenTree::Group(group) => {
            mentioned_in(group, mentions);
            return 1;
        }
        TokenTree::Ident(first) => first,
        _ => return 1,
    };
    let line = first.span().start().line;
    if first == "use" {
        let end = until_semicolon(&tokens[at..]);
        let mut uses = Vec::new();
        imported(&tokens[at + 1..at + end], &[], false, line, &mut uses);
        mentions.extend(uses.into_iter().map(|used| Mention { path: used.path, line }));
        return end.max(1);
    }
    let mut path = vec![first.to_string()];
    let mut length = 1;
    while is_path_separator(tokens, at + length)
        && let Some(segment) = tokens.get(at + length + 2).and_then(word)
    {
        path.push(segment);
        length += 3;
    }
    // A field, a method, a lifetime, or a macro's variable; `$crate` is the crate.
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let is_own = is_punct(before, '.') && !is_range(tokens, at) || is_punct(before, '\'');
    let is_variable = is_punct(before, '$') && first != "crate";
    let is_defined = matches!(before, Some(TokenTree::Ident(word)) if word == "fn");
    // A lone name in small letters is a variable, unless it is called.
    let is_small = path.len() == 1 && path[0].starts_with(|letter: char| letter.is_lowercase());
    let next = tokens.get(at + length);
    let is_called = next.is_some_and(is_parenthesised) || is_punct(next, '!');
    if !is_own && !is_variable && !is_defined && (!is_small || is_called) {
        mentions.push(Mention { path, line });
    }
    length
}

/// Whether the point before a name is the end of `..`.
fn is_range(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_punct(tokens.get(at - 2), '.')
}

fn mentioned_in(group: &Group, mentions: &mut Vec<Mention>) {
    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
    mentioned(&inner, mentions);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(text: &str) -> Module {
        let mut modules = Modules { all: Vec::new(), exported: BTreeMap::new() };
        let id = modules.add("a.rs", None);
        modules.scan(id, text.parse().expect("it is Rust"), "src", &mut Vec::new());
        modules.all.swap_remove(0)
    }

    fn paths(text: &str) -> Vec<String> {
        scanned(text).mentions.iter().map(|mention| mention.path.join("::")).collect()
    }

    #[test]
    fn a_tree_of_imports_is_told_apart() {
        let read = scanned("pub(crate) use a::{self, b::C as D, e::*};\nuse super::f;");
        let uses: Vec<_> = read
            .uses
            .iter()
            .map(|used| (used.path.join("::"), used.name.as_str(), used.public, used.line))
            .collect();
        let expected = [
            ("a".to_owned(), "a", true, 1),
            ("a::b::C".to_owned(), "D", true, 1),
            ("a::e".to_owned(), "*", true, 1),
            ("super::f".to_owned(), "f", false, 2),
        ];
        assert_eq!(uses, expected);
    }

    #[test]
    fn paths_in_code_are_found_in_bodies_macros_and_attributes() {
        let text = "#[derive(x::Y)] struct A { b: crate::c::D<E> }
            fn f(v: usize) { use crate::g::H; v.w(); i(v); mac!(self::j::k(v), $crate::l::m, $n::o); }";
        let mut found = paths(text);
        found.retain(|path| path.contains("::") || path == "i");
        assert_eq!(found, ["x::Y", "crate::c::D", "crate::g::H", "i", "self::j::k", "crate::l::m"]);
    }

    #[test]
    fn what_is_for_tests_alone_is_left_out() {
        let text = "#[cfg(test)] pub(super) mod a { use b::C; } #[cfg(test)] mod d; #[cfg(test)] use e::F; struct G;";
        let read = scanned(text);
        assert!(read.children.is_empty() && read.uses.is_empty() && read.mentions.is_empty());
        assert_eq!(read.items.iter().collect::<Vec<_>>(), ["G"]);
    }

    #[test]
    fn a_registry_of_kinds_declares_modules_and_an_enum() {
        let mut modules = Modules { all: Vec::new(), exported: BTreeMap::new() };
        let id = modules.add("src/a.rs", None);
        let text = "kinds! { /// One.\n pub(crate) enum A: B { mod c: D; mod e: F; } }";
        let mut files = Vec::new();
        modules.scan(id, text.parse().expect("it is Rust"), "src", &mut files);
        let root = &modules.all[id];
        assert!(root.items.contains("A"));
        let places: Vec<_> = files.iter().map(|(places, ..)| places[0].as_str()).collect();
        assert_eq!(places, ["src/c.rs", "src/e.rs"]);
        let paths: Vec<_> = root.mentions.iter().map(|mention| mention.path.join("::")).collect();
        assert!(paths.contains(&"c::D".to_owned()) && paths.contains(&"B".to_owned()), "{paths:?}");
    }

    #[test]
    fn what_a_module_defines_is_known_by_name() {
        let text = "pub const fn a() {} const B: u8 = 1; pub struct C; type D = C;
            macro_rules! e { () => {} } mod f { pub fn g() {} } impl C { fn h() {} }";
        let read = scanned(text);
        assert_eq!(read.items.iter().collect::<Vec<_>>(), ["B", "C", "D", "a", "e"]);
        assert_eq!(read.children.keys().collect::<Vec<_>>(), ["f"]);
    }
}
