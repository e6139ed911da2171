use super::*;

#[test]
fn counters_have_the_names_of_nstat() {
    let text = "Ip: RetransSegs Other\nIp: 1 2\nTcp: MaxConn RetransSegs\nTcp: -1 77\n";
    assert_eq!(counters(text, "Tcp"), Counters::from([("TcpRetransSegs".to_owned(), 77)]));
    assert_eq!(counters(text, "Udp"), Counters::new());
}

#[test]
fn this_kernel_has_those_that_are_shown() {
    let counters = Kernel::default().counters().expect("procfs is there");
    for name in ["TcpRetransSegs", "TcpExtTCPTimeouts"] {
        assert!(counters.contains_key(name), "{name} isn't in {counters:?}");
    }
}
