//! What stands at the top level.

use std::path::Path;
use std::process::Command;

/// The names at the top level: what git tracks, or, in a copy without git, what is there but build output.
pub fn top_level(root: &Path) -> Vec<String> {
    let git = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z"]).output();
    let mut names: Vec<String> = match git {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let listing = String::from_utf8_lossy(&output.stdout).into_owned();
            let paths = listing.split('\0').filter(|path| !path.is_empty());
            paths.map(|path| path.split('/').next().unwrap_or(path).to_owned()).collect()
        }
        _ => {
            let entries = std::fs::read_dir(root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
            let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.filter(|name| name != "target").collect()
        }
    };
    names.sort();
    names.dedup();
    names
}

/// Complains about names that are not in `listed`, dot-files aside, and about listed ones that are missing.
pub fn check(names: &[String], listed: &[&str]) -> Vec<String> {
    let extra = names.iter().filter(|name| !name.starts_with('.') && !listed.contains(&name.as_str()));
    let missing = listed.iter().filter(|listed| !names.iter().any(|name| name == *listed));
    extra
        .map(|name| format!("{name}: not for the top level (DESIGN.md 1): move it into a room"))
        .chain(missing.map(|name| format!("{name}: is missing at the top level")))
        .collect()
}

#[cfg(test)]
mod tests;
