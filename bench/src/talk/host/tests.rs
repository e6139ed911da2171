use super::*;

#[test]
fn a_counter_is_found_by_its_name_in_its_section() {
    let text = "Ip: RetransSegs Other\nIp: 1 2\nTcp: MaxConn RetransSegs\nTcp: -1 77\n";
    assert_eq!(counter(text, "Tcp:", "RetransSegs"), Some(77));
    assert_eq!(counter(text, "Ip:", "Other"), Some(2));
    assert_eq!(counter(text, "Tcp:", "Other"), None);
    assert_eq!(counter(text, "Udp:", "RetransSegs"), None);
}

#[test]
fn this_kernel_has_the_counters() {
    Kernel::default().counters().expect("both of them");
}
