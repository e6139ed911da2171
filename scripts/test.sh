#!/usr/bin/env bash
# Everything that can be checked on this machine: `scripts/test.sh --help`.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh

# One line a stage: name, `short` or `long` (left out by --quick), its limit in seconds, title. The stage is the
# function stage_NAME, run in a process of its own at the root of the repository; its exit code 0 means passed, 77
# skipped (after `skip REASON`), all others failed. The results of cargo's tests in its output are added up, and so is
# a line `N passed, N failed, N skipped` (lib.sh: tally); a stage that prints neither counts as one.
STAGES=(
    "fmt      short   120  Formatting (cargo fmt)"
    "clippy   short  1200  Lints, warnings are errors (cargo clippy)"
    "doc      short   900  Documentation, warnings are errors (cargo doc)"
    "scripts  short   300  Scripts: lints (shellcheck), host.sh on made-up machines (scripts/host_test.sh)"
    "tests    short  2400  Tests of all the crates, with the structure test (cargo test)"
    "seeds    short  1200  A thousand seeded transfers between two stacks in virtual time (corelane-testkit)"
    "page     long    600  The page of a comparison in headless Chromium: phone and wide, light and dark (corelane-bench)"
    "examples short  1200  Examples on the in-memory link, client and server in one process"
    "instr    short   900  Instructions of the in-memory echo beside the stored ones (corelane-bench profile, valgrind)"
    "interop  long   1800  The kernel's own tools against corelane, over veth, TAP and DPDK (scripts/interop.sh)"
    "miri     long   1200  Undefined behaviour in buffers, tasks and what threads meet at (miri)"
    "loom     short   600  All orders in which threads can meet at mailboxes, channels and rings of frames (loom)"
    "fuzz     long    900  Random frames into live connections and conversations, 60 s, and 60 s more with coverage (cargo-fuzz)"
    "deny     long    900  Licenses and origins of dependencies (cargo-deny)"
)

# What the stages need beside Rust, as COMMAND:PACKAGE.
COMMANDS=(
    cc:build-essential g++:build-essential pkg-config git shellcheck
    ip:iproute2 ethtool nft:nftables tc:iproute2 ping:iputils-ping tcpdump
    curl wrk nc:netcat-openbsd nginx ps:procps taskset:util-linux valgrind
)

usage() {
    cat <<'HELP'
Usage: scripts/test.sh [--quick] [--only STAGE]... [--verbose] [--list] [--help]

Runs every check of the workspace that this machine allows. As root it installs the Debian packages that it lacks and
runs the tests that need network namespaces; as a plain user it skips these. What is skipped is listed at the end with
its reason. The last line reads `N passed, N failed, N skipped`; the exit code is 0 when nothing failed, else 1.

  --quick       leave the long stages out (they count as skipped)
  --only STAGE  run this stage; can be given several times
  --verbose     show the whole output of the stages, not only the results
  --list        list the stages
  --help        show this text

Needs bash and Rust (rustup). Outputs are kept in target/test-logs.
HELP
}

# ---- The stages ----

stage_fmt() {
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt || return 1
    cargo fmt --all --check -- --color=never
}

stage_clippy() {
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy || return 1
    cargo clippy --workspace --all-targets "${FEATURES[@]}" -- -D warnings
}

stage_doc() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace "${FEATURES[@]}" --no-deps
}

stage_scripts() {
    local code=0
    if have shellcheck; then
        check shellcheck shellcheck --external-sources .ci/run scripts/*.sh scripts/host/*.sh scripts/interop/*.sh || code=1
    else
        skip "shellcheck is missing: apt-get install shellcheck"
    fi
    tally
    scripts/host_test.sh || code=1
    return "$code"
}

stage_tests() {
    # Thousands of simulated transfers are slow without any optimisation; overflow checks stay on.
    export CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_TEST_DEBUG=line-tables-only
    export CORELANE_HISTORIES=10000
    # --show-output: what passing tests printed, such as the reason for which they skipped something. What needs a browser
    # has a stage of its own.
    cargo test --workspace "${FEATURES[@]}" --no-fail-fast -- --show-output --skip in_chromium_ || return 1
    have_dpdk || skip "DPDK: libdpdk 22.11 or later is missing: apt-get install libdpdk-dev"
}

stage_page() {
    # Profile and features of stage_tests, whose build serves here too. Without a browser the test says that it skips.
    export CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_TEST_DEBUG=line-tables-only
    need_commands chromium
    cargo test --workspace "${FEATURES[@]}" --test page -- --show-output
}

stage_seeds() {
    cargo run --release -q -p corelane-testkit --bin corelane-testkit -- --seeds 0..1000
}

stage_examples() {
    local file name
    cargo build --release -p corelane "${FEATURES[@]}" --examples || return 1
    for file in runtime/examples/*.rs; do
        name=$(basename "$file" .rs)
        check "$name --driver sim" timeout 120 \
            cargo run --release -q -p corelane "${FEATURES[@]}" --example "$name" -- --driver sim
    done
    tally
}

stage_instr() {
    have valgrind || { skip "valgrind is missing: apt-get install valgrind"; return 77; }
    # Without features: they are what the stored counts are of.
    local said code=0
    said=$(cargo run --release -q -p corelane-bench -- profile --baseline bench/instructions.json 2>&1) || code=$?
    printf '%s\n' "$said"
    if [ "$code" -eq 0 ] && grep -q "^not judged: " <<<"$said"; then
        skip "$(grep "^not judged: " <<<"$said")"
        return 77
    fi
    return "$code"
}

stage_interop() {
    [ -e scripts/interop.sh ] || { skip "scripts/interop.sh is not written yet"; return 77; }
    is_root || { skip "namespaces need root: sudo scripts/test.sh --only interop"; return 77; }
    scripts/interop.sh
}

stage_miri() {
    need_nightly miri rust-src || return 77
    cargo +nightly miri setup || return 1
    # Of the runtime what needs no socket and no sleep; what loom runs has no unsafe code.
    local code=0 parts=(core::lane:: core::mailbox:: core::spawn:: core::worker:: sync:: task:: time::)
    cargo +nightly miri test -p corelane-nic --no-fail-fast -- --show-output || code=1
    cargo +nightly miri test -p corelane --lib --no-fail-fast -- --show-output "${parts[@]}" --skip loom_ || code=1
    return "$code"
}

stage_loom() {
    # Profile and features of stage_tests, whose build serves here too.
    export CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_TEST_DEBUG=line-tables-only
    # LOOM_MAX_PREEMPTIONS goes deeper than the models' own bounds; with 6, two senders at a time take minutes.
    cargo test -p corelane "${FEATURES[@]}" --lib -- loom_
}

stage_fuzz() {
    local seconds=60 target targets seeds
    work_dir
    # On the stable toolchain: random and mutated frames into stacks with live connections, which must work on.
    check "frames into live connections, conversations, $seconds s" \
        cargo run --release -q -p corelane-testkit --bin fuzz_frames -- --seconds "$seconds"
    # With coverage and the address sanitizer, where a nightly toolchain can be had.
    if ! need_nightly || ! need_tool cargo-fuzz; then
        tally
        return
    fi
    mapfile -t targets < <(cd netstack && cargo +nightly fuzz list)
    [ ${#targets[@]} -gt 0 ] || { echo "cargo fuzz list names no target"; return 1; }
    for target in "${targets[@]}"; do
        # What it finds interesting goes to the first folder: not into the repository.
        mkdir -p "$WORK/$target"
        seeds=netstack/fuzz/corpus/$target
        check "fuzz $target" fuzz_target "$target" $((seconds / ${#targets[@]})) "$WORK/$target" "$PWD/$seeds"
    done
    tally
}

# fuzz_target TARGET SECONDS NEW_FOLDER SEEDS_FOLDER
fuzz_target() {
    local seeds=()
    [ ! -d "$4" ] || seeds=("$4")
    (cd netstack && cargo +nightly fuzz run "$1" "$3" "${seeds[@]}" -- -max_total_time="$2")
}

stage_deny() {
    need_tool cargo-deny || return 77
    cargo deny check bans licenses sources
}

# need_nightly [COMPONENT]...: a nightly toolchain with these; false, with the reason said, when it can't be had.
need_nightly() {
    have rustup || { skip "a nightly toolchain is needed, and there is no rustup to get it"; return 1; }
    # An installed one is not updated: it may be there by choice.
    if ! cargo +nightly --version >/dev/null 2>&1; then
        rustup toolchain install nightly --profile minimal --no-self-update ||
            { skip "rustup can't install the nightly toolchain"; return 1; }
    fi
    [ $# -eq 0 ] || rustup component add --toolchain nightly "$@" ||
        { skip "rustup can't add to the nightly toolchain: $*"; return 1; }
}

# need_tool CARGO_SUBCOMMAND: from PATH, or built into target/tools.
need_tool() {
    PATH="$PWD/target/tools/bin:$PATH"
    have "$1" && return 0
    cargo install --locked --root target/tools "$1" && return 0
    skip "$1 can't be installed: cargo install --locked $1"
    return 1
}

# ---- Running them ----

LOGS=target/test-logs
SUMMARY=() REASONS=() FAILURES=()
TOTAL_PASSED=0 TOTAL_FAILED=0 TOTAL_SKIPPED=0
# Continuous integration ends this after an hour; a result that names what was slow comes before.
DEADLINE=1000000
[ "${CI:-false}" = false ] || DEADLINE=3480

# run_stage NAME LIMIT TITLE
run_stage() {
    local name=$1 limit=$2 log="$LOGS/$1.log" started=$SECONDS code pattern viewer
    heading "$3"
    [ $((DEADLINE - SECONDS)) -gt "$limit" ] || limit=$((DEADLINE - SECONDS))
    if [ "$limit" -le 0 ]; then
        finish_stage "$name" 124 0 0 /dev/null
        return
    fi
    : >"$log"
    timeout --kill-after=30 "$limit" "$BASH" scripts/test.sh --run-stage "$name" </dev/null >"$log" 2>&1 &
    STAGE=$!
    pattern='^(test result|error|warning|SKIPPED|ok  |FAILED|test .* FAILED|Diff in)|^ +(Running|Doc-tests) '
    [ "$VERBOSE" = no ] || pattern=''
    tail -s 0.2 -n +1 -f --pid="$STAGE" "$log" | grep -E --line-buffered -e "$pattern" | sed -u 's/^/   /' &
    viewer=$!
    wait "$STAGE"
    code=$?
    STAGE=
    wait "$viewer"
    finish_stage "$name" "$code" "$limit" $((SECONDS - started)) "$log"
}

# A stage outlives an interrupted script otherwise: `timeout` gives it a process group of its own.
STAGE=
stop_stage() { [ -z "$STAGE" ] || stop "$STAGE" 30; }

# finish_stage NAME CODE LIMIT TIME LOG: adds up what it printed.
finish_stage() {
    local name=$1 code=$2 limit=$3 time=$4 log=$5 passed=0 failed=0 skipped=0 line result=passed
    while IFS= read -r line; do
        case $line in
            "counts "*) read -r _ passed failed skipped <<<"$line" ;;
            "reason "*) REASONS+=("$name: ${line#reason }") ;;
        esac
    done < <(read_log "$log")
    if [ "$code" -eq 77 ]; then
        result=skipped passed=0 failed=0 skipped=1
    elif [ "$code" -ne 0 ]; then
        result=FAILED
        [ "$failed" -gt 0 ] || failed=1
    elif [ $((passed + failed + skipped)) -eq 0 ]; then
        passed=1
    elif [ "$failed" -gt 0 ]; then
        result=FAILED
    fi
    if [ "$result" = FAILED ]; then
        [ "$VERBOSE" = yes ] || show_failure "$log" | sed 's/^/   | /'
        FAILURES+=("$name: $(show_failure "$log" | tail -n 60)")
        [ "$code" -ne 124 ] || note "stopped after $limit s: it takes too long"
        note "the whole output: $log"
    fi
    TOTAL_PASSED=$((TOTAL_PASSED + passed)) TOTAL_FAILED=$((TOTAL_FAILED + failed))
    TOTAL_SKIPPED=$((TOTAL_SKIPPED + skipped))
    line=$(printf '%-9s %-8s %5d s   %d passed, %d failed, %d skipped' \
        "$name" "$result" "$time" "$passed" "$failed" "$skipped")
    SUMMARY+=("$line")
    note "$line"
}

# show_failure LOG: what the tests and checks that failed said; without such, the end of the output.
show_failure() {
    local said
    said=$(awk '
        /^failures:$/ { test = 1 }
        /^FAILED / { check = 1; print; next }
        !/^        \| / { check = 0 }
        test || check { print }
        /^test result: / { test = 0 }
    ' "$1")
    if [ -n "$said" ]; then head -n 200 <<<"$said"; else tail -n 60 "$1"; fi
}

# read_log LOG: prints `counts PASSED FAILED SKIPPED` and a line `reason ...` for each thing that was skipped.
# A test that prints `SKIPPED: why` passes for cargo; here it counts as skipped.
read_log() {
    awk '
        /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5; next }
        /^test result: / { passed += $4; failed += $6; skipped += $8; test = ""; next }
        /^test .* \.\.\. ignored/ {
            why = $0; sub(/^.* \.\.\. ignored(, )?/, "", why)
            print "reason " $2 ": ignored" (why == "" ? "" : ", " why)
        }
        /^successes:$/ { good = 1; test = "" }
        /^failures:$/ { good = 0; test = "" }
        /^---- .* stdout ----$/ { test = $2; said = 0; next }
        /^SKIPPED: / {
            why = substr($0, 10)
            print "reason " (test == "" ? why : test ": " why)
            if (test != "" && good && !said) { said = 1; passed -= 1; skipped += 1 }
        }
        END { print "counts", passed + 0, failed + 0, skipped + 0 }
    ' "$1"
}

report() {
    local line
    heading "Summary, $((SECONDS / 60)) min $((SECONDS % 60)) s"
    for line in "${SUMMARY[@]}"; do note "$line"; done
    if [ ${#REASONS[@]} -gt 0 ]; then
        heading "Skipped"
        for line in "${REASONS[@]}"; do note "$line"; done
    fi
    # Once more at the end: whoever keeps only that of a long output can still tell what failed.
    if [ ${#FAILURES[@]} -gt 0 ]; then
        heading "Failed"
        for line in "${FAILURES[@]}"; do note "${line//$'\n'/$'\n   '}"; done
    fi
    echo
    printf '%d passed, %d failed, %d skipped\n' "$TOTAL_PASSED" "$TOTAL_FAILED" "$TOTAL_SKIPPED"
    [ "$TOTAL_FAILED" -eq 0 ]
}

list_stages() {
    local stage name when limit title
    for stage in "${STAGES[@]}"; do
        read -r name when limit title <<<"$stage"
        printf '%-9s %-6s at most %4d s   %s\n' "$name" "$when" "$limit" "$title"
    done
}

main() {
    local stage name when limit title
    QUICK=no VERBOSE=no ONLY=()
    while [ $# -gt 0 ]; do
        case $1 in
            --quick) QUICK=yes ;;
            --verbose) VERBOSE=yes ;;
            --only)
                [ $# -gt 1 ] || die "--only needs the name of a stage: see --list"
                [[ " $(list_stages | cut -d ' ' -f 1 | tr '\n' ' ')" == *" $2 "* ]] || die "no stage '$2': see --list"
                ONLY+=("$2") && shift
                ;;
            --list) list_stages && exit ;;
            --help | -h) usage && exit ;;
            --run-stage) # this script calls itself, so that `timeout` can end a stage
                choose_features
                "stage_$2"
                exit
                ;;
            *) die "unknown option '$1': see --help" ;;
        esac
        shift
    done
    heading "Preparing"
    is_root || note "not root: packages are not installed, tests that need namespaces are skipped"
    need_commands "${COMMANDS[@]}" || note "missing: ${MISSING[*]}"
    need_dpdk || note "missing: libdpdk-dev, 22.11 or later: what needs DPDK is left out"
    need_cargo
    export CARGO_TERM_COLOR=never
    note "$(cargo --version), Linux $(uname -r), $(nproc) cores"
    mkdir -p "$LOGS" || die "can't write to target: is the clone yours?" 1
    on_exit stop_stage
    for stage in "${STAGES[@]}"; do
        read -r name when limit title <<<"$stage"
        if [ ${#ONLY[@]} -gt 0 ]; then
            [[ " ${ONLY[*]} " == *" $name "* ]] || continue
        elif [ "$when" = long ] && [ "$QUICK" = yes ]; then
            REASONS+=("$name: left out by --quick")
            SUMMARY+=("$(printf '%-9s skipped' "$name")")
            TOTAL_SKIPPED=$((TOTAL_SKIPPED + 1))
            continue
        fi
        run_stage "$name" "$limit" "$title"
    done
    report
}

main "$@"
