//! Where tests stand, and what netstack may not name.

use super::sources::Source;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// Complains about tests that are written inside the file that they test.
pub fn check_tests(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| !source.is_tests()) {
        let mut finder = InlineTests::default();
        finder.visit_file(&source.parse());
        complaints.extend(finder.lines.into_iter().map(|line| {
            let path = &source.path;
            format!("{path}:{line}: a test: the tests of x.rs live in x/tests.rs (`#[cfg(test)] mod tests;`)")
        }));
    }
    complaints
}

#[derive(Default)]
struct InlineTests {
    lines: Vec<usize>,
}

impl<'ast> Visit<'ast> for InlineTests {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() && (item.ident == "tests" || is_for_tests(&item.attrs)) {
            self.lines.push(item.mod_token.span.start().line);
        } else {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        // `#[test]`, and what ends in it, such as `#[tokio::test]`.
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
        };
        if item.attrs.iter().any(is_test) {
            self.lines.push(item.sig.fn_token.span.start().line);
        }
        visit::visit_item_fn(self, item);
    }
}

/// True for `#[cfg(test)]`.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// Complains unless the crate root says `#![no_std]` and `#![forbid(unsafe_code)]` and no code names `std`.
pub fn check_no_std(sources: &[Source], folder: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let root = format!("{folder}lib.rs");
    match sources.iter().find(|source| source.path == root) {
        Some(source) => {
            let file = source.parse();
            for (name, argument) in [("no_std", None), ("forbid", Some("unsafe_code"))] {
                if !file.attrs.iter().any(|attribute| says(attribute, name, argument)) {
                    let argument = argument.map(|word| format!("({word})")).unwrap_or_default();
                    complaints.push(format!("{root}: says no `#![{name}{argument}]`"));
                }
            }
        }
        None => complaints.push(format!("{root}: is gone")),
    }
    for source in sources.iter().filter(|s| s.path.starts_with(folder) && !s.is_tests()) {
        if let Some(line) = first_std(&source.parse()) {
            complaints.push(format!(
                "{}:{line}: names `std`: use core or alloc; clocks and I/O belong to the runtime and the drivers",
                source.path
            ));
        }
    }
    complaints
}

fn says(attribute: &syn::Attribute, name: &str, argument: Option<&str>) -> bool {
    if !attribute.path().is_ident(name) {
        return false;
    }
    match argument {
        None => matches!(attribute.meta, syn::Meta::Path(_)),
        Some(word) => attribute.parse_args::<syn::Ident>().is_ok_and(|found| found == word),
    }
}

/// The line of the first use of `std`, but for `#[cfg(test)] extern crate std;`.
fn first_std(file: &syn::File) -> Option<usize> {
    let mut finder = StdUse::default();
    finder.visit_file(file);
    finder.line
}

#[derive(Default)]
struct StdUse {
    line: Option<usize>,
}

impl StdUse {
    fn scan_tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) if ident == "std" => {
                    if matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':') {
                        self.line.get_or_insert(ident.span().start().line);
                    }
                }
                TokenTree::Group(group) => self.scan_tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for StdUse {
    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        if item.ident == "std" && !is_for_tests(&item.attrs) {
            self.line.get_or_insert(item.ident.span().start().line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let Some(first) = path.segments.first().filter(|_| path.segments.len() > 1)
            && first.ident == "std"
        {
            self.line.get_or_insert(first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let roots: Vec<&syn::UseTree> = match &item.tree {
            syn::UseTree::Group(group) => group.items.iter().collect(),
            tree => vec![tree],
        };
        for tree in roots {
            let ident = match tree {
                syn::UseTree::Path(path) => &path.ident,
                syn::UseTree::Name(name) => &name.ident,
                syn::UseTree::Rename(rename) => &rename.ident,
                _ => continue,
            };
            if ident == "std" {
                self.line.get_or_insert(ident.span().start().line);
            }
        }
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        visit::visit_macro(self, item);
        self.scan_tokens(item.tokens.clone());
    }
}

#[cfg(test)]
mod tests;
