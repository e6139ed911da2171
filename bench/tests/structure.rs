//! The structure test: the rules of the house that a compiler doesn't know.
//!
//! Each rule is a function in `structure/`, tested there with examples that break it; this file holds the lists.

mod structure {
    pub mod arrows;
    pub mod functions;
    pub mod layout;
    pub mod placement;
    pub mod sources;
    pub mod unsafety;
}

use structure::arrows::Row;
use structure::{arrows, functions, layout, placement, sources, unsafety};

/// Lines of a file, tests too.
const FILE_LIMIT: usize = 600;

/// Lines of a function, from `fn` to its closing brace, tests too.
const FUNCTION_LIMIT: usize = 70;

/// Functions that may be longer: (file, `Type::name`, lines). This list only shrinks.
const LONG_FUNCTIONS: &[functions::Exception] = &[];

/// The files that may hold `unsafe`, one a line: what owns memory, and what calls the system.
#[rustfmt::skip] // adding one adds a line
const UNSAFE_FILES: &[&str] = &[
    "bench/src/sys.rs",
    "bench/src/sys/packet.rs",
    "bench/src/sys/perf.rs",
    "bench/src/sys/uring.rs",
    "drivers/dpdk-sys/src/lib.rs",
    "drivers/dpdk/src/ffi.rs",
    "drivers/dpdk/src/ffi/burst.rs",
    "drivers/dpdk/src/ffi/mempool.rs",
    "drivers/dpdk/src/ffi/port.rs",
    "drivers/dpdk/src/mbufs.rs",
    "drivers/nic/src/advice.rs",
    "drivers/nic/src/packet.rs",
    "drivers/nic/src/pool.rs",
    "drivers/nic/src/pool/tests.rs",
    "drivers/tap/src/syscall.rs",
    "drivers/xdp/src/bpf.rs",
    "drivers/xdp/src/ring.rs",
    "drivers/xdp/src/syscall.rs",
    "drivers/xdp/src/umem.rs",
    "netstack/packetdrill/src/ffi.rs",
];

/// What stands at the top level, beside dot-files.
const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "bench",
    "deny.toml",
    "drivers",
    "netstack",
    "runtime",
    "scripts",
];

/// Who may import whom: the table of DESIGN.md section 1. The tests of netstack never import the runtime or a
/// backend, the tests of a backend never import netstack.
const ARROWS: &[Row] = &[
    Row { name: "corelane-nic", imports: &[], tests_import: &[] },
    Row { name: "corelane-sim", imports: &["corelane-nic"], tests_import: &[] },
    Row { name: "corelane-tap", imports: &["corelane-nic"], tests_import: &["corelane-sim"] },
    Row { name: "corelane-xdp", imports: &["corelane-nic"], tests_import: &["corelane-sim"] },
    Row { name: "dpdk-sys", imports: &[], tests_import: &[] },
    Row { name: "corelane-dpdk", imports: &["corelane-nic", "dpdk-sys"], tests_import: &["corelane-sim"] },
    Row {
        name: "corelane-drivers",
        imports: &["corelane-nic", "corelane-sim", "corelane-tap", "corelane-xdp", "corelane-dpdk"],
        tests_import: &[],
    },
    Row {
        name: "corelane-netstack",
        imports: &["corelane-nic"],
        tests_import: &["corelane-testkit", "corelane-sim"],
    },
    Row {
        name: "corelane-packetdrill",
        imports: &["corelane-netstack", "corelane-nic"],
        tests_import: &["corelane-testkit", "corelane-sim"],
    },
    Row {
        name: "corelane-testkit",
        imports: &["corelane-nic", "corelane-netstack", "corelane-sim"],
        tests_import: &[],
    },
    Row {
        name: "corelane-netstack-fuzz",
        imports: &["corelane-nic", "corelane-netstack", "corelane-sim", "corelane-testkit"],
        tests_import: &[],
    },
    Row {
        name: "corelane",
        // sim is the link of #[corelane::test], behind the feature test-util.
        imports: &[
            "corelane-nic",
            "corelane-netstack",
            "corelane-drivers",
            "corelane-macros",
            "corelane-sim",
        ],
        tests_import: &["corelane-testkit", "corelane-sim"],
    },
    Row { name: "corelane-macros", imports: &[], tests_import: &[] },
    // The in-memory engine drives a stack over a link by hand, as smoltcp is driven beside it: it is the stack
    // that is measured there, without the runtime. Hence nic and netstack, which the table doesn't name.
    Row {
        name: "corelane-bench",
        imports: &["corelane", "corelane-drivers", "corelane-nic", "corelane-netstack"],
        tests_import: &["corelane-testkit", "corelane-sim"],
    },
];

/// Fails with every complaint on a line of its own.
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn files_are_short() {
    assert_none(&sources::check_lengths(&sources::read_all(&sources::root()), FILE_LIMIT));
}

#[test]
fn functions_are_short() {
    assert_none(&functions::check(&sources::read_all(&sources::root()), FUNCTION_LIMIT, LONG_FUNCTIONS));
}

#[test]
fn unsafe_stays_in_the_listed_files() {
    assert_none(&unsafety::check(&sources::read_all(&sources::root()), UNSAFE_FILES));
}

#[test]
fn crates_import_only_what_the_table_allows() {
    // cargo-fuzz wants a workspace of its own.
    for manifest in ["Cargo.toml", "netstack/fuzz/Cargo.toml"].map(|path| sources::root().join(path)) {
        if manifest.exists() {
            assert_none(&arrows::check(&arrows::metadata(&manifest), ARROWS));
        }
    }
}

#[test]
fn only_the_builder_of_the_runtime_names_the_drivers() {
    let sources = sources::read_all(&sources::root());
    let allowed = ["runtime/src/builder.rs", "runtime/src/builder/"];
    assert_none(&arrows::check_named_only_in(&sources, "runtime/src/", "corelane_drivers", &allowed));
}

#[test]
fn the_top_level_holds_only_what_it_should() {
    assert_none(&layout::check(&layout::top_level(&sources::root()), TOP_LEVEL));
}

#[test]
fn netstack_names_no_clock_socket_or_thread() {
    assert_none(&placement::check_no_std(&sources::read_all(&sources::root()), "netstack/src/"));
}

#[test]
fn tests_live_beside_what_they_test() {
    assert_none(&placement::check_tests(&sources::read_all(&sources::root())));
}
