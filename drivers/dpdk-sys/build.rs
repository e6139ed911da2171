//! Compiles the shim against the installed libdpdk, and links it.

fn main() {
    for name in ["eal.c", "port.c", "pool.c", "burst.c", "slot.h"] {
        println!("cargo:rerun-if-changed=src/{name}");
    }
    println!("cargo:rerun-if-changed=src/shim.h");
    #[cfg(feature = "link")]
    link();
}

/// The libraries that the shim calls itself. `pkg-config` lists some 50 more; drivers are loaded as plugins.
#[cfg(feature = "link")]
const LIBRARIES: [&str; 5] = ["rte_ethdev", "rte_mbuf", "rte_mempool", "rte_eal", "rte_bus_vdev"];

/// The oldest release whose headers were looked at.
#[cfg(feature = "link")]
const OLDEST: &str = "22.11";

#[cfg(feature = "link")]
fn link() {
    let found = pkg_config::Config::new().atleast_version(OLDEST).cargo_metadata(false).probe("libdpdk");
    let library = match found {
        Ok(library) => library,
        Err(error) => {
            eprintln!(
                "libdpdk {OLDEST} or later is needed for the feature `dpdk`: run `apt-get install libdpdk-dev`, or build \
                 without that feature.\n{error}"
            );
            std::process::exit(1);
        }
    };
    let mut shim = cc::Build::new();
    // What pkg-config's list of flags has beside the paths: each header of DPDK expects it.
    shim.files(["eal", "port", "pool", "burst"].map(|name| format!("src/{name}.c")))
        .flag("-include")
        .flag("rte_config.h")
        .warnings(true)
        .extra_warnings(true);
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        shim.flag("-march=corei7");
    }
    for path in library.include_paths.iter().filter(|path| path.as_os_str() != "/usr/include") {
        shim.flag("-isystem").flag(path.display().to_string());
    }
    shim.compile("corelane_dpdk_shim");
    for path in &library.link_paths {
        println!("cargo:rustc-link-search=native={}", path.display());
    }
    for name in LIBRARIES {
        println!("cargo:rustc-link-lib=dylib={name}");
    }
}
