use super::*;

#[test]
fn only_our_names_have_an_owner() {
    assert_eq!(owner("clbench123s"), Some(123));
    assert_eq!(owner("clbench123c"), Some(123));
    assert_eq!(owner("clbench123f7"), Some(123));
    for other in ["clbench123", "clbenchs", "clbench-1s", "clbench1-x", "prod", "xclbench1s"] {
        assert_eq!(owner(other), None, "{other}");
    }
}

#[test]
fn a_process_of_another_name_is_not_a_run() {
    assert!(!is_alive(1), "init");
    assert!(!is_alive(u32::MAX), "none");
}

#[test]
fn a_namespace_is_known_by_a_name_that_is_the_same_file() {
    let folder = std::env::temp_dir().join(format!("corelane-bench-netns-{}", std::process::id()));
    let names = folder.join("names");
    fs::create_dir_all(&names).expect("a folder");
    let (ours, other) = (folder.join("ours"), folder.join("other"));
    for file in [&ours, &other] {
        fs::write(file, "the same").expect("a file");
    }
    assert!(!has_name(&ours, &names), "no name at all");
    fs::hard_link(&other, names.join("other")).expect("a link");
    assert!(!has_name(&ours, &names), "another's name");
    fs::hard_link(&ours, names.join("mine")).expect("a link");
    assert!(has_name(&ours, &names));
    assert!(
        !has_name(&folder.join("hidden"), &names) && !has_name(&ours, &folder.join("none")),
        "fails closed"
    );
    fs::remove_dir_all(&folder).expect("it is ours");
}
