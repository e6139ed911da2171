use std::{env, process};

use super::*;

#[test]
fn a_field_is_found_by_its_whole_name() {
    let text = "model name\t: A CPU: 3 GHz\nflags\t\t: fpu hypervisor\nname : no\n";
    assert_eq!(field(text, "model name").as_deref(), Some("A CPU: 3 GHz"));
    assert_eq!(field(text, "name").as_deref(), Some("no"));
    assert_eq!(field(text, "model"), None);
}

#[test]
fn what_the_processor_is_not_affected_by_is_left_out() {
    let folder = env::temp_dir().join(format!("corelane-bench-{}-vulnerabilities", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    for (name, said) in
        [("spectre_v2", "Mitigation: Retpolines\n"), ("mds", "Not affected\n"), ("l1tf", "Vulnerable\n")]
    {
        fs::write(folder.join(name), said).expect("a file");
    }
    let found = mitigations(&folder);
    fs::remove_dir_all(&folder).expect("the folder again");
    assert_eq!(found, ["l1tf: Vulnerable", "spectre_v2: Mitigation: Retpolines"]);
    assert!(mitigations(&folder).is_empty(), "no folder");
}

#[test]
fn only_what_moves_figures_is_kept_of_the_command_line() {
    let line = "root=UUID=1234 isolcpus=2-3 nosmt quiet mitigations=off isolcpus2=1\n";
    assert_eq!(tuning(line), ["isolcpus=2-3", "nosmt", "mitigations=off"]);
}

#[test]
fn what_is_not_told_is_unknown() {
    assert_eq!(known(" \n"), "unknown");
    assert_eq!(known("performance\n"), "performance");
}
