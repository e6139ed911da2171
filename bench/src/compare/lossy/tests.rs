use super::*;

/// Links as a report has them.
fn links() -> Links {
    let link = r#"{"network": {"loss": 1.0, "rtt_ms": 10.0, "disorder": false, "rate_mbit": 100}, "direction": "out",
        "kernel_mbit": SPREAD, "corelane_mbit": SPREAD, "ratio": 1.0, "intact": true}"#;
    let spread = spread(vec![20.0, 30.0, 10.0]).expect("figures");
    let link = link.replace("SPREAD", &serde_json::to_string(&spread).expect("JSON"));
    let link: Link = serde_json::from_str(&link).expect("a link");
    Links { links: vec![link], ..Links::default() }
}

#[test]
fn a_link_says_its_network_and_its_way() {
    let table = render(Some(&links()));
    assert!(table.contains("| 1 % loss, 10 ms | from corelane | "), "{table}");
    assert!(table.contains(" 20.00 (10.00..30.00) "), "{table}");
    assert_eq!(render(None), "");
}

#[test]
fn a_wrong_byte_or_a_failed_round_is_not_clean() {
    let mut links = links();
    assert!(links.is_clean() && links.troubles().is_empty());
    links.links[0].intact = false;
    assert!(!links.is_clean());
    assert_eq!(
        links.troubles(),
        ["lossy link, 1 % loss, 10 ms, from corelane: a byte was wrong or a connection broke"]
    );
    links.links[0].intact = true;
    links.failures.push("no ethtool".to_owned());
    assert!(!links.is_clean());
    assert_eq!(links.troubles(), ["lossy links: a round failed: no ethtool"]);
}
