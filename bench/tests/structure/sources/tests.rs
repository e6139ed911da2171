use super::*;

#[test]
fn a_file_at_the_limit_passes_and_one_line_more_fails() {
    let at = Source::new("a.rs", &"//\n".repeat(600));
    let above = Source::new("b.rs", &"//\n".repeat(601));
    let complaints = check_lengths(&[at, above], 600);
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].starts_with("b.rs: 601 lines"), "{complaints:?}");
}

#[test]
fn a_last_line_without_a_newline_counts() {
    let source = Source::new("a.rs", "//\n//\n//");
    assert_eq!(check_lengths(&[source], 2).len(), 1);
}

#[test]
fn the_walk_finds_this_file_and_no_build_output() {
    let sources = read_all(&root());
    assert!(sources.iter().any(|s| s.path == "bench/tests/structure/sources/tests.rs"));
    assert!(!sources.iter().any(|s| s.path.split('/').any(|part| part == "target")));
}

#[test]
fn tests_are_told_from_code_by_their_path() {
    assert!(Source::new("netstack/src/tcp/seq/tests.rs", "").is_tests());
    assert!(Source::new("runtime/tests/echo.rs", "").is_tests());
    assert!(!Source::new("netstack/src/tcp/seq.rs", "").is_tests());
    assert!(!Source::new("netstack/src/latests.rs", "").is_tests());
}
