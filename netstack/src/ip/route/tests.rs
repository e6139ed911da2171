use super::*;
use crate::RouteConfig;

fn routes(addresses: &[&str], routes: &[(&str, &str)]) -> Routes {
    let config = Config {
        addresses: addresses.iter().map(|cidr| cidr.parse().unwrap()).collect(),
        routes: routes
            .iter()
            .map(|(destination, gateway)| RouteConfig {
                destination: destination.parse().unwrap(),
                gateway: gateway.parse().unwrap(),
            })
            .collect(),
        ..Config::default()
    };
    Routes::new(&config, &Addresses::new(&config.addresses))
}

#[track_caller]
fn check(routes: &Routes, destination: &str, expected: Option<(&str, &str)>) {
    let expected = expected.map(|(address, source)| NextHop {
        address: address.parse().unwrap(),
        source: source.parse().unwrap(),
    });
    assert_eq!(routes.lookup(destination.parse().unwrap()), expected, "{destination}");
}

#[test]
fn longest_prefix_wins_whatever_the_order() {
    let routes = routes(
        &["10.0.0.2/24", "192.168.0.2/16"],
        &[("0.0.0.0/0", "10.0.0.1"), ("10.9.0.0/16", "192.168.0.1"), ("10.9.9.0/24", "10.0.0.9")],
    );
    check(&routes, "10.0.0.77", Some(("10.0.0.77", "10.0.0.2")));
    check(&routes, "192.168.44.1", Some(("192.168.44.1", "192.168.0.2")));
    check(&routes, "8.8.8.8", Some(("10.0.0.1", "10.0.0.2")));
    check(&routes, "10.9.1.1", Some(("192.168.0.1", "192.168.0.2")));
    check(&routes, "10.9.9.1", Some(("10.0.0.9", "10.0.0.2")));
}

#[test]
fn without_a_route_there_is_no_hop() {
    check(&routes(&["10.0.0.2/24"], &[]), "8.8.8.8", None);
    check(&routes(&[], &[("0.0.0.0/0", "10.0.0.1")]), "8.8.8.8", None);
}

#[test]
fn gateway_off_our_networks_is_on_link() {
    check(
        &routes(&["10.0.0.2/32"], &[("0.0.0.0/0", "169.254.1.1")]),
        "8.8.8.8",
        Some(("169.254.1.1", "10.0.0.2")),
    );
}
