use super::*;

fn complain(names: &[&str]) -> Vec<String> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    check(&names, &["Cargo.toml", "bench"])
}

#[test]
fn listed_names_and_dot_files_pass() {
    assert_eq!(complain(&["Cargo.toml", "bench", ".gitignore"]), [""; 0]);
}

#[test]
fn another_name_fails() {
    assert!(complain(&["Cargo.toml", "bench", "notes.txt"])[0].starts_with("notes.txt: not for"));
}

#[test]
fn a_missing_name_fails() {
    assert!(complain(&["bench"])[0].starts_with("Cargo.toml: is missing"));
}

#[test]
fn the_top_level_is_read() {
    let names = top_level(&super::super::sources::root());
    assert!(names.iter().any(|name| name == "Cargo.toml"), "{names:?}");
    assert!(!names.iter().any(|name| name == "target"), "{names:?}");
}
