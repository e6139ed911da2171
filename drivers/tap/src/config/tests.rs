use std::io::ErrorKind;

use corelane_nic::MacAddress;

use crate::{TapConfig, TapNic, TapOffloads};

#[test]
fn a_wrong_value_is_named_before_any_device_is_touched() {
    let good = TapConfig::new("cltap0");
    assert!(good.check().is_ok());
    let half = TapOffloads { checksum: false, tso: true };
    let wrong = [
        ("16", TapConfig { name: "abcdefghijklmnop".to_string(), ..good.clone() }),
        ("1 to 15", TapConfig { name: String::new(), ..good.clone() }),
        ("a b", TapConfig { name: "a b".to_string(), ..good.clone() }),
        ("a/b", TapConfig { name: "a/b".to_string(), ..good.clone() }),
        ("..", TapConfig { name: "..".to_string(), ..good.clone() }),
        ("mtu", TapConfig { mtu: Some(67), ..good.clone() }),
        ("vnet_header", TapConfig { vnet_header: 11, ..good.clone() }),
        ("rx_offloads", TapConfig { vnet_header: 0, ..good.clone() }),
        ("tx_offloads", TapConfig { tx_offloads: half, ..good.clone() }),
        ("queues", TapConfig { queues: 0, ..good.clone() }),
        ("queues", TapConfig { queues: 257, ..good.clone() }),
        ("headroom", TapConfig { headroom: 1025, ..good.clone() }),
        ("mac", TapConfig { mac: Some(MacAddress::BROADCAST), ..good }),
    ];
    for (named, config) in wrong {
        let error = TapNic::open(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(named), "`{named}` is not in: {error}");
    }
}
