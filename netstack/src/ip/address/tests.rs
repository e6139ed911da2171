use super::*;

fn addresses() -> Addresses {
    let cidrs = ["10.0.0.2/24", "192.168.1.1/16", "172.16.0.1/32", "10.0.0.3/24", "172.17.0.0/31"];
    Addresses::new(&cidrs.map(|cidr| cidr.parse().unwrap()))
}

#[test]
fn ours_are_local_and_no_peers() {
    for address in ["10.0.0.2", "10.0.0.3", "192.168.1.1", "172.16.0.1", "172.17.0.0"] {
        let address = address.parse().unwrap();
        assert!(addresses().is_local(address) && !addresses().is_peer(address), "{address}");
    }
    assert!(!addresses().is_local(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(addresses().any(), Some(Ipv4Addr::new(10, 0, 0, 2)));
}

#[test]
fn what_no_host_can_have_is_no_peer() {
    let refused = [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.255.255",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "10.0.0.255",
        "192.168.255.255",
    ];
    for address in refused {
        assert!(!addresses().is_peer(address.parse().unwrap()), "{address}");
    }
    // /31 and /32 have no broadcast address; 10.0.1.255 is another network's.
    for address in ["10.0.0.1", "8.8.8.8", "172.17.0.1", "172.16.0.2", "10.0.1.255", "223.255.255.255"] {
        assert!(addresses().is_peer(address.parse().unwrap()), "{address}");
    }
}
