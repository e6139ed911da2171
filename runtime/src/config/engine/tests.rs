use super::*;

fn parse(text: &str) -> Result<EngineKind, String> {
    let config: Config = toml::from_str(text).unwrap();
    config.check().map(|settings| settings.engine).map_err(|error| error.to_string())
}

#[test]
fn the_engine_is_ours_unless_told() {
    assert_eq!(parse(""), Ok(EngineKind::Native));
    assert_eq!(parse("runtime.engine = \"native\""), Ok(EngineKind::Native));
    assert_eq!(parse("runtime.engine = \"kernel\""), Ok(EngineKind::Kernel));
    assert_eq!(
        parse("runtime.engine = \"tokio\"").unwrap_err(),
        "runtime.engine = \"tokio\": use native, kernel"
    );
}

#[test]
fn a_device_for_the_kernels_sockets_is_refused() {
    for (device, told) in [
        ("driver = \"xdp\"", "device.driver = \"xdp\": the engine kernel has no device: leave it out"),
        ("interface = \"eth0\"", "device.interface = \"eth0\": the engine kernel"),
        ("dpdk_device = \"net_null0\"", "device.dpdk_device = \"net_null0\": the engine kernel"),
        ("mtu = 1500", "device.mtu = 1500: the engine kernel"),
        ("ports = [80]", "device.ports = [80]: the engine kernel"),
    ] {
        let error = parse(&format!("[runtime]\nengine = \"kernel\"\n[device]\n{device}")).unwrap_err();
        assert!(error.starts_with(told), "{error}");
        assert!(parse(&format!("[device]\n{device}")).is_ok());
    }
}

#[test]
fn what_the_kernel_has_its_own_settings_for_is_named() {
    let text =
        "[runtime]\nengine = \"kernel\"\n[network]\naddresses = [\"10.0.0.2/24\"]\n[tcp]\nsomaxconn = 8";
    assert_eq!(parse(text), Ok(EngineKind::Kernel));
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!(unused(&config).collect::<Vec<_>>(), ["[network]", "[tcp]"]);
    assert_eq!(unused(&Config::default()).count(), 0);
}
