use clap::Parser;

use super::*;
use crate::cli::Cli;

#[test]
fn the_flags_of_a_pair_are_flags_that_serve_and_load_know() {
    let vhost = Vhost {
        folder: "/nonexistent/sockets".into(),
        pairs: Cell::new(0),
        _memory: HugePages::reserve(0).expect("none are needed"),
    };
    let [server, client] = vhost.pair(Some(9000));
    for (name, mut flags) in [("serve", server), ("load", client)] {
        assert!(flags.contains(&"--mtu=9000".to_owned()), "{flags:?}");
        assert!(flags.iter().any(|flag| flag.contains("/nonexistent/sockets/0,")), "{flags:?}");
        flags.extend(["--addr=10.80.0.2:7".to_owned()]);
        if name == "serve" {
            flags.push("--engine=corelane".to_owned());
        }
        let all = ["corelane-bench".to_owned(), name.to_owned()].into_iter().chain(flags);
        Cli::try_parse_from(all).expect("flags");
    }
    let [server, _] = vhost.pair(None);
    assert!(server.iter().any(|flag| flag.contains("/sockets/1,")), "each pair has its own socket");
    assert!(!server.iter().any(|flag| flag.starts_with("--mtu")));
}
