use super::*;
use corelane_sim::{LinkConfig, cross_thread_pair};

fn message(builder: Builder) -> String {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    error.to_string()
}

#[test]
fn an_address_must_be_given() {
    let (nic, _peer) = cross_thread_pair(&LinkConfig::default()).unwrap();
    assert!(message(Builder::new().nic(nic)).starts_with("network.addresses = []: give our address"));
}

#[test]
fn wrong_values_from_code_are_named_as_in_files() {
    assert!(message(Builder::new().address("10.0.0.2")).starts_with("network.addresses = \"10.0.0.2\": "));
    assert!(
        message(Builder::new().address("10.0.0.2/24").gateway("x")).starts_with("network.gateway = \"x\": ")
    );
    assert!(
        message(Builder::new().address("10.0.0.2/24").driver("eth")).starts_with("device.driver = \"eth\": ")
    );
}

#[test]
fn more_queues_than_the_device_has_are_refused() {
    let (nic, _peer) = cross_thread_pair(&LinkConfig::default()).unwrap();
    let message = message(Builder::new().nic(nic).address("10.0.0.2/24").queues(2));
    assert!(message.contains("device.queues = 2: sim-a has 1"), "{message}");
}

#[test]
fn a_core_that_is_not_there_is_named() {
    let (nic, _peer) = cross_thread_pair(&LinkConfig::default()).unwrap();
    let message = message(Builder::new().nic(nic).address("10.0.0.2/24").cores([100_000]));
    assert!(message.contains("core 100000 can't be used"), "{message}");
}

#[test]
fn each_worker_has_a_core_of_its_own() {
    let cores: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).take(2).collect();
    if cores.len() < 2 {
        println!("SKIPPED: two cores are needed");
        return;
    }
    let (nic, _peer) = cross_thread_pair(&LinkConfig { queues: 2, ..LinkConfig::default() }).unwrap();
    let mut runtime = Builder::new().nic(nic).address("10.0.0.2/24").cores(cores.clone()).build().unwrap();
    let pinned = runtime.block_on_all(|| async {
        core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect::<Vec<_>>()
    });
    assert_eq!(pinned.unwrap(), [[cores[0]], [cores[1]]]);
}

#[test]
fn a_file_gives_all_settings_and_code_changes_them() {
    let path = std::env::temp_dir().join(format!("corelane-builder-{}.toml", std::process::id()));
    std::fs::write(&path, "[network]\naddresses = [\"10.0.0.2/24\"]\n[device]\nslots = 128\n").unwrap();
    let builder = Builder::new().config_file(&path).map(|builder| builder.slots(256));
    std::fs::remove_file(&path).unwrap();
    let builder = builder.unwrap();
    assert_eq!(builder.config.network.addresses, ["10.0.0.2/24"]);
    assert_eq!(builder.config.device.slots, 256);
}
