//! How long functions may be.

use super::sources::Source;
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A function that may be longer than the limit: file, name (`Type::name` for methods), its lines today.
pub type Exception = (&'static str, &'static str, usize);

#[derive(Debug, PartialEq)]
struct Function {
    name: String,
    lines: usize,
}

/// Complains about functions above `limit`, and about exceptions that are wider than needed.
pub fn check(sources: &[Source], limit: usize, exceptions: &[Exception]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for Function { name, lines } in functions(source) {
            let path = &source.path;
            let listed = exceptions.iter().any(|(file, function, _)| file == path && *function == name);
            if lines > limit && !listed {
                complaints
                    .push(format!("{path}: fn {name} has {lines} lines, the limit is {limit}: split it"));
            }
        }
    }
    complaints.extend(exceptions.iter().filter_map(|e| check_exception(sources, limit, e)));
    complaints
}

/// The list only shrinks: an exception is as long as its function, and goes when the function is short.
fn check_exception(sources: &[Source], limit: usize, exception: &Exception) -> Option<String> {
    let (file, name, allowed) = exception;
    let source = sources.iter().find(|source| source.path == *file);
    let found =
        source.and_then(|s| functions(s).into_iter().filter(|f| f.name == *name).map(|f| f.lines).max());
    match found {
        None => Some(format!("{file}: fn {name} is gone: take it off the list of exceptions")),
        Some(lines) if lines <= limit => {
            Some(format!("{file}: fn {name} has only {lines} lines: take it off the list of exceptions"))
        }
        Some(lines) if lines > *allowed => {
            Some(format!("{file}: fn {name} grew from {allowed} to {lines} lines: the list only shrinks"))
        }
        Some(lines) if lines < *allowed => Some(format!(
            "{file}: fn {name} shrank to {lines} lines: write {lines} in the list of exceptions"
        )),
        Some(_) => None,
    }
}

/// Every function with a body: free, in an impl or a trait, nested, or written inside a macro call.
fn functions(source: &Source) -> Vec<Function> {
    let mut finder = Finder::default();
    finder.visit_file(&source.parse());
    finder.found
}

#[derive(Default)]
struct Finder {
    owner: Option<String>,
    found: Vec<Function>,
}

impl Finder {
    fn push(&mut self, name: &str, start: Span, end: Span) {
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{name}"),
            None => name.to_owned(),
        };
        self.found.push(Function { name, lines: end.end().line + 1 - start.start().line });
    }

    fn within(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = outer;
    }

    /// Macro calls (`proptest!`, `macro_rules!`) are only tokens: `fn name ... { ... }`.
    fn scan_tokens(&mut self, tokens: TokenStream) {
        let mut open: Option<(String, Span)> = None;
        let mut after_fn: Option<Span> = None;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if ident == "fn" => after_fn = Some(ident.span()),
                TokenTree::Ident(ident) => {
                    if let Some(start) = after_fn.take() {
                        open = Some((ident.to_string(), start));
                    }
                }
                // In macro_rules the name is often a variable: `fn $name`.
                TokenTree::Punct(punct) if punct.as_char() == '$' => {}
                TokenTree::Punct(punct) => {
                    after_fn = None;
                    if punct.as_char() == ';' {
                        open = None;
                    }
                }
                TokenTree::Group(group) => {
                    after_fn = None;
                    if group.delimiter() == Delimiter::Brace
                        && let Some((name, start)) = open.take()
                    {
                        self.push(&name, start, group.span_close());
                    }
                    self.scan_tokens(group.stream());
                }
                TokenTree::Literal(_) => after_fn = None,
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let close = item.block.brace_token.span.close();
        self.push(&item.sig.ident.to_string(), item.sig.fn_token.span, close);
        self.within(None, |finder| visit::visit_item_fn(finder, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let close = item.block.brace_token.span.close();
        self.push(&item.sig.ident.to_string(), item.sig.fn_token.span, close);
        self.within(None, |finder| visit::visit_impl_item_fn(finder, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.push(&item.sig.ident.to_string(), item.sig.fn_token.span, block.brace_token.span.close());
        }
        self.within(None, |finder| visit::visit_trait_item_fn(finder, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let owner = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => Some("impl".to_owned()),
        };
        self.within(owner, |finder| visit::visit_item_impl(finder, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.within(Some(item.ident.to_string()), |finder| visit::visit_item_trait(finder, item));
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.scan_tokens(item.tokens.clone());
    }
}

#[cfg(test)]
mod tests;
