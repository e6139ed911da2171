//! Which crate may import which of ours.

use super::sources::Source;
use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// One row of the table of DESIGN.md section 1: a crate, what it may import, and what its tests may import besides.
pub struct Row {
    pub name: &'static str,
    pub imports: &'static [&'static str],
    pub tests_import: &'static [&'static str],
}

/// What cargo says about the workspace that holds `manifest`.
pub fn metadata(manifest: &Path) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(manifest)
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Complains about every import of a crate of ours that `table` doesn't name.
pub fn check(metadata: &Value, table: &[Row]) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in array(metadata, "packages") {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(row) = table.iter().find(|row| row.name == name) else {
            complaints
                .push(format!("{name}: a new crate: add its row to ARROWS in bench/tests/structure.rs"));
            continue;
        };
        for dependency in array(package, "dependencies") {
            // Ours are path dependencies; a renamed one keeps its name here.
            if dependency["path"].is_null() {
                continue;
            }
            let target = dependency["name"].as_str().unwrap_or_default();
            let in_tests = dependency["kind"] == "dev";
            let allowed = row.imports.contains(&target) || (in_tests && row.tests_import.contains(&target));
            if !allowed {
                let who = if in_tests { "its tests may" } else { "it may" };
                complaints.push(format!(
                    "{name} imports {target}: {who} import only {:?}: move the code to its room (DESIGN.md 1)",
                    if in_tests { [row.imports, row.tests_import].concat() } else { row.imports.to_vec() }
                ));
            }
        }
    }
    complaints
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Complains about files of `folder` that name the crate `ident`, but for the files of `allowed`.
pub fn check_named_only_in(sources: &[Source], folder: &str, ident: &str, allowed: &[&str]) -> Vec<String> {
    let is_allowed = |path: &str| allowed.iter().any(|prefix| path.starts_with(prefix));
    let others =
        sources.iter().filter(|s| s.path.starts_with(folder) && !s.is_tests() && !is_allowed(&s.path));
    let naming = others.filter(|source| {
        let tokens = source.text.parse().unwrap_or_else(|e| panic!("{}: no tokens: {e}", source.path));
        names(tokens, ident)
    });
    naming.map(|source| format!("{}: names {ident}, which is only for {allowed:?}", source.path)).collect()
}

fn names(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => names(group.stream(), word),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
