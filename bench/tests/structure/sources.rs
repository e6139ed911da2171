//! The workspace's source files, and how long they may be.

use std::path::{Path, PathBuf};

/// One Rust file: its path from the root of the workspace, with `/`, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Parses the file; a file that rustc takes and this can't read fails the test by name.
    pub fn parse(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|e| panic!("{}: can't be parsed: {e}", self.path))
    }

    /// True for a file that holds tests only: `tests.rs`, or anything in a folder `tests`.
    pub fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    // What cargo says now, not when it compiled: two clones may share a target folder.
    let bench = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&bench).parent().expect("bench stands in the workspace").to_owned()
}

/// Every `.rs` file below `root`, in order; build output and hidden folders are left out.
pub fn read_all(root: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    walk(root, &mut files);
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let path = file.strip_prefix(root).expect("walked from the root").to_string_lossy().into_owned();
        Source { path, text }
    };
    files.into_iter().map(read).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let entry = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let kind = entry.file_type().unwrap_or_else(|e| panic!("{}: {e}", entry.path().display()));
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_dir() && name != "target" && !name.starts_with('.') {
            walk(&entry.path(), files);
        } else if kind.is_file() && name.ends_with(".rs") {
            files.push(entry.path());
        }
    }
}

/// Complains about every file of more than `limit` lines.
pub fn check_lengths(sources: &[Source], limit: usize) -> Vec<String> {
    let too_long = |source: &Source| {
        let lines = source.text.lines().count();
        let path = &source.path;
        (lines > limit).then(|| format!("{path}: {lines} lines, the limit is {limit}: split it by its nouns"))
    };
    sources.iter().filter_map(too_long).collect()
}

#[cfg(test)]
mod tests;
