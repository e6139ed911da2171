use std::path::Path;
use std::process::Command;

use super::*;

#[test]
fn interface_names_fit_into_the_kernels_fifteen_characters() {
    for (name, _) in [KERNEL_SERVER, KERNEL_CLIENT, CORELANE_SERVER, CORELANE_CLIENT, TAP_SERVER] {
        assert!(name.len() <= 15, "{name}");
    }
}

#[test]
fn namespaces_and_pairs_go_away_with_the_value() {
    if !crate::sys::is_root() {
        eprintln!("SKIPPED: network namespaces need root");
        return;
    }
    let namespaces = match Namespaces::make() {
        Ok(namespaces) => namespaces,
        Err(error) => {
            eprintln!("SKIPPED: {error:#}");
            return;
        }
    };
    let names = [&namespaces.server, &namespaces.client].map(|namespace| namespace.name().to_owned());
    assert!(names.iter().all(|name| Namespace::exists(name)));
    namespaces.join_kernel(Some("reno")).expect("the kernel's pair");
    if Command::new("ethtool").arg("--version").output().is_ok() {
        namespaces.join_corelane(None).expect("corelane's pair");
        let offloads = namespaces.client_offloads(CORELANE_CLIENT.0);
        assert!(offloads.contains(&"tcp-segmentation-offload: off".to_owned()), "{offloads:?}");
        let offloads = namespaces.client_offloads(KERNEL_CLIENT.0);
        assert!(offloads.contains(&"tcp-segmentation-offload: on".to_owned()), "{offloads:?}");
    } else {
        eprintln!("SKIPPED (corelane's pair): ethtool is missing");
    }
    if Path::new("/dev/net/tun").exists() {
        namespaces.join_tap().expect("a TAP device");
    } else {
        eprintln!("SKIPPED (TAP): /dev/net/tun is missing: modprobe tun");
    }
    drop(namespaces);
    assert!(!names.iter().any(|name| Namespace::exists(name)));
}
