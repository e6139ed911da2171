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
