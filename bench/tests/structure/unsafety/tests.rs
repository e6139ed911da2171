use super::*;

fn complain(text: &str, listed: &[&str]) -> String {
    check(&[Source::new("drivers/x/src/a.rs", text)], listed).join("\n")
}

#[test]
fn unsafe_outside_the_list_fails_and_says_what_to_do() {
    let complaint = complain("fn f() {\n    unsafe { g() }\n}", &[]);
    assert!(complaint.starts_with("drivers/x/src/a.rs:2: `unsafe`"), "{complaint}");
    assert!(complaint.contains("UNSAFE_FILES"), "{complaint}");
}

#[test]
fn every_shape_of_unsafe_is_seen() {
    for text in [
        "unsafe fn f() {}",
        "unsafe impl Send for A {}",
        "unsafe extern \"C\" { fn f(); }",
        "#[unsafe(no_mangle)] fn f() {}",
        "macro_rules! m { () => { unsafe { f() } } }",
        "fn f() { vec![unsafe { g() }]; }",
        "#![allow(unsafe_code)]",
        "#[expect(dead_code, unsafe_code)] mod m;",
    ] {
        assert_ne!(complain(text, &[]), "", "not seen: {text}");
    }
}

#[test]
fn words_in_comments_strings_and_names_pass() {
    let text =
        "#![forbid(unsafe_code)]\n//! unsafe\n/* unsafe */ fn not_unsafe() -> &'static str { \"unsafe {}\" }";
    assert_eq!(complain(text, &[]), "");
}

#[test]
fn a_listed_file_may_and_must_use_it() {
    let listed = ["drivers/x/src/a.rs"];
    assert_eq!(complain("#![allow(unsafe_code)]\nfn f() { unsafe { g() } }", &listed), "");
    assert!(complain("#![allow(unsafe_code)]\nfn f() {}", &listed).contains("take it off UNSAFE_FILES"));
}

#[test]
fn a_listed_file_that_is_gone_fails() {
    assert!(complain("", &["drivers/x/src/b.rs"]).contains("b.rs: is gone"));
}
