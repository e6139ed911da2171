use super::*;
use serde_json::json;

const TABLE: &[Row] = &[
    Row { name: "nic", imports: &[], tests_import: &[] },
    Row { name: "stack", imports: &["nic"], tests_import: &["sim"] },
];

fn complain(package: &str, dependency: &Value) -> String {
    let metadata = json!({ "packages": [{ "name": package, "dependencies": [dependency] }] });
    check(&metadata, TABLE).join("\n")
}

#[test]
fn arrows_of_the_table_pass() {
    assert_eq!(complain("stack", &json!({ "name": "nic", "kind": null, "path": "/w/nic" })), "");
    assert_eq!(complain("stack", &json!({ "name": "nic", "kind": "build", "path": "/w/nic" })), "");
    assert_eq!(complain("stack", &json!({ "name": "sim", "kind": "dev", "path": "/w/sim" })), "");
}

#[test]
fn crates_of_others_are_not_our_business() {
    assert_eq!(complain("nic", &json!({ "name": "libc", "kind": null, "path": null })), "");
    assert_eq!(complain("nic", &json!({ "name": "libc", "kind": null })), "");
}

#[test]
fn wrong_arrows_fail() {
    for (kind, who) in [(json!(null), "it may"), (json!("build"), "it may"), (json!("dev"), "its tests may")]
    {
        let complaint = complain("nic", &json!({ "name": "stack", "kind": kind, "path": "/w/stack" }));
        assert!(complaint.starts_with(&format!("nic imports stack: {who} import only")), "{complaint}");
    }
    // What only tests may import is not for the code.
    assert_ne!(complain("stack", &json!({ "name": "sim", "kind": null, "path": "/w/sim" })), "");
}

#[test]
fn a_crate_without_a_row_fails() {
    assert!(
        complain("news", &json!({ "name": "nic", "kind": null, "path": "/w/nic" })).contains("add its row")
    );
}

#[test]
fn a_crate_that_only_one_file_may_name_is_kept_there() {
    let sources = [
        Source::new("runtime/src/builder.rs", "use corelane_drivers::open;"),
        Source::new("runtime/src/net.rs", "// corelane_drivers\nfn f() { corelane_drivers::open(); }"),
        Source::new("runtime/src/poll.rs", "// corelane_drivers"),
        Source::new("runtime/src/net/tests.rs", "use corelane_drivers::open;"),
    ];
    let complaints = check_named_only_in(&sources, "runtime/", "corelane_drivers", &["runtime/src/builder"]);
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].starts_with("runtime/src/net.rs: names corelane_drivers"), "{complaints:?}");
}
