use super::*;

fn tests_in(path: &str, text: &str) -> usize {
    check_tests(&[Source::new(path, text)]).len()
}

#[test]
fn inline_tests_fail() {
    assert_eq!(tests_in("a/src/x.rs", "mod tests { }"), 1);
    assert_eq!(tests_in("a/src/x.rs", "#[cfg(test)] mod checks { }"), 1);
    assert_eq!(tests_in("a/src/x.rs", "mod inner { #[test] fn f() {} }"), 1);
    assert_eq!(tests_in("a/src/x.rs", "#[tokio::test] async fn f() {}"), 1);
}

#[test]
fn tests_in_their_own_file_pass() {
    assert_eq!(tests_in("a/src/x.rs", "#[cfg(test)] mod tests; mod inner { fn f() {} }"), 0);
    assert_eq!(tests_in("a/src/x/tests.rs", "#[test] fn f() {}"), 0);
    assert_eq!(tests_in("a/tests/x.rs", "#[test] fn f() {}"), 0);
}

fn no_std(root: &str, other: &str) -> String {
    let sources = [Source::new("n/src/lib.rs", root), Source::new("n/src/tcp.rs", other)];
    check_no_std(&sources, "n/src/").join("\n")
}

const GOOD_ROOT: &str = "//! Docs.\n#![no_std]\n#![forbid(unsafe_code)]\n#[cfg(test)] extern crate std;";

#[test]
fn a_good_root_passes() {
    assert_eq!(no_std(GOOD_ROOT, "use core::fmt; use alloc::vec::Vec; fn std() { let std = 1; }"), "");
}

#[test]
fn a_root_without_its_attributes_fails() {
    assert!(no_std("#![forbid(unsafe_code)]", "").contains("says no `#![no_std]`"));
    assert!(no_std("#![no_std]", "").contains("says no `#![forbid(unsafe_code)]`"));
    assert!(no_std("#![no_std]\n#![deny(unsafe_code)]", "").contains("says no `#![forbid(unsafe_code)]`"));
    assert!(no_std("#![cfg_attr(not(test), no_std)]\n#![forbid(unsafe_code)]", "").contains("`#![no_std]`"));
    assert!(check_no_std(&[], "n/src/").join("").contains("is gone"));
}

#[test]
fn every_shape_of_std_is_seen() {
    for text in [
        "use std::time::Instant;",
        "use ::std::fmt;",
        "use {core::fmt, std::io};",
        "use std as s;",
        "extern crate std;",
        "fn f() -> std::io::Result<()> { Ok(()) }",
        "fn f() { std::println!(\"x\"); }",
        "fn f() { assert!(std::env::args().len() > 1); }",
    ] {
        assert!(no_std(GOOD_ROOT, text).starts_with("n/src/tcp.rs:1: names `std`"), "not seen: {text}");
    }
}

#[test]
fn tests_of_netstack_may_use_std() {
    let sources =
        [Source::new("n/src/lib.rs", GOOD_ROOT), Source::new("n/src/tcp/tests.rs", "use std::fmt;")];
    assert_eq!(check_no_std(&sources, "n/src/"), [""; 0]);
}
