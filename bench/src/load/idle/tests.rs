use super::*;

fn cidr(text: &str) -> Cidr {
    text.parse().expect("a network")
}

fn addresses(sources: &Sources, count: usize) -> Vec<String> {
    (0..count)
        .map(|index| sources.of(index).map_or_else(String::new, |address| address.to_string()))
        .collect()
}

#[test]
fn connections_come_from_as_many_addresses_as_they_need_in_turns() {
    let sources = Sources { range: Some(range(cidr("10.7.0.128/28"), 3)) };
    assert_eq!(addresses(&sources, 4), ["10.7.0.128", "10.7.0.129", "10.7.0.130", "10.7.0.128"]);
    let few = Sources { range: Some(range(cidr("10.7.0.130/31"), 3)) };
    assert_eq!(addresses(&few, 3), ["10.7.0.130", "10.7.0.131", "10.7.0.130"]);
    let one = Sources { range: Some(range(cidr("10.7.0.9/32"), 3)) };
    assert_eq!(addresses(&one, 2), ["10.7.0.9", "10.7.0.9"]);
    assert_eq!(range(cidr("0.0.0.0/0"), 1), (0, 1));
}

#[test]
fn without_addresses_the_route_has_one() {
    assert_eq!(Sources { range: None }.of(7), None);
}
