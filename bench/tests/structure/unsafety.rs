//! Which files may say `unsafe`.

use super::sources::Source;
use proc_macro2::{TokenStream, TokenTree};

/// Complains about `unsafe` outside the files of `listed`, and about listed files without any.
///
/// Tokens are read, not text: comments and strings may say the word, macros may not hide it.
pub fn check(sources: &[Source], listed: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let path = &source.path;
        let tokens: TokenStream =
            source.text.parse().unwrap_or_else(|e| panic!("{path}: can't be read as tokens: {e}"));
        let is_listed = listed.contains(&path.as_str());
        match first_line(tokens, is_listed) {
            Some((word, line)) if !is_listed => complaints.push(format!(
                "{path}:{line}: `{word}`: do it in safe code, or in one of the listed files. If this is a driver's \
                 ffi, ring, umem or syscall file (DESIGN.md 3), add the line {path:?} to UNSAFE_FILES in \
                 bench/tests/structure.rs"
            )),
            None if is_listed => complaints.push(format!("{path}: no `unsafe`: take it off UNSAFE_FILES")),
            _ => {}
        }
    }
    let is_there = |path: &str| sources.iter().any(|source| source.path == path);
    let gone = listed.iter().filter(|path| !is_there(path));
    complaints.extend(gone.map(|path| format!("{path}: is gone: take it off UNSAFE_FILES")));
    complaints
}

/// The first `unsafe`, or, unless `keyword_only`, the first `unsafe_code` of an `allow` or `expect`.
fn first_line(tokens: TokenStream, keyword_only: bool) -> Option<(String, usize)> {
    let mut allowing = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if ident == "unsafe" {
                    return Some((ident.to_string(), ident.span().start().line));
                }
                allowing = ident == "allow" || ident == "expect";
            }
            TokenTree::Group(group) => {
                let names_lint = |token| matches!(token, TokenTree::Ident(ident) if ident == "unsafe_code");
                if allowing && !keyword_only && group.stream().into_iter().any(names_lint) {
                    return Some(("allow(unsafe_code)".to_owned(), group.span().start().line));
                }
                allowing = false;
                let inner = first_line(group.stream(), keyword_only);
                if inner.is_some() {
                    return inner;
                }
            }
            _ => allowing = false,
        }
    }
    None
}

#[cfg(test)]
mod tests;
