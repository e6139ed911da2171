use std::fs;

use super::*;

#[test]
fn an_interface_that_does_not_defer_is_refused_with_the_commands() {
    let directory = std::env::temp_dir().join(format!("corelane-deferral-{}", std::process::id()));
    let eth0 = directory.join("eth0");
    fs::create_dir_all(&eth0).expect("a directory");
    let set = |name: &str, value: &str| fs::write(eth0.join(name), value).expect("written");
    let ask = || deferral_in(&directory, "eth0");

    set("napi_defer_hard_irqs", "0\n");
    set("gro_flush_timeout", "0\n");
    let error = ask().expect_err("interrupts come at once");
    assert_eq!(error.to_string(), "busy polling of eth0, whose napi_defer_hard_irqs is 0");
    assert!(error.remedy().contains("echo 10000000 > gro_flush_timeout"), "{}", error.remedy());

    set("napi_defer_hard_irqs", "5\n");
    let error = ask().expect_err("no timer ends the deferral");
    assert_eq!(error.to_string(), "busy polling of eth0, whose gro_flush_timeout is 0");

    set("gro_flush_timeout", "20000\n");
    assert_eq!(ask().expect("both are set"), 5);
    assert_eq!(deferral_in(&directory, "eth1").expect("trusted where sysfs can't tell"), 2);
    fs::remove_dir_all(&directory).expect("ours");
}
