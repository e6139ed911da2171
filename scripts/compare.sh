#!/usr/bin/env bash
# The same work on corelane and on the kernel's ways, side by side: `scripts/compare.sh --help`.

caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh

usage() {
    cat <<'HELP'
Usage: scripts/compare.sh [--quick] [FLAG...]

Builds corelane-bench and runs `corelane-bench compare`: server and client in two network namespaces joined by a veth
pair, each pinned to a core; the engines in interleaved rounds; one table of req/s, latencies, CPU of the server's core,
context switches and byte errors. As root it installs the Debian packages that it lacks. Without root it measures what
can be had without: the kernel engines on loopback, corelane on an in-memory link; it says what it left out and why.

In full, without --quick and --bed, it measures on all beds that the machine can have, all engines on veth, latency by
load at 128 connections, and instructions in memory: one report, in less than half an hour after the build.

  --quick             short measurements on veth: everything in under 5 minutes after the build
  --rounds N          rounds; in each round every engine is measured once
  --seconds S         seconds of one measurement
  --engines LIST      of bio, bio-pool, epoll, epoll-level, epoll-spin, epoll-tuned, io_uring, mio, tokio, tokio-multi,
                      corelane-kernel, corelane, with commas
  --workloads LIST    of echo, http, http-close (a connection a request), json, crr, bulk, bulk-up; json is an axum router, on
                      tokio, corelane-kernel, corelane
  --client CLIENT     epoll, or wrk (http, http-close and json)
  --connections LIST  numbers of connections
  --size LIST         bytes of a request and of its answer (echo, crr), or of an answer (http, http-close)
  --idle N            connections beside those that are measured, idle (echo, http and json)
  --slow N            connections beside those that are measured whose client reads slowly (echo)
  --lossy             transfers across lossy links too, of corelane and of the kernel
  --bed LIST          of veth, tap, vhost, loopback and memory, with commas; vhost (corelane at both ends of DPDK's vhost-user
                      pair) needs root, libdpdk-dev and huge pages, which are given back at the end
  --open-loop         latency by load for all that was measured on 16 connections and more
  --json FILE         the report, instead of target/compare/DATE.json; the page, with charts, is beside it and ends in .html
  --help              show this text

All flags go to `corelane-bench compare`, whose --help has more of them. The exit code is 0 when every measurement
succeeded without a wrong byte, 1 when not, 2 when a flag is wrong. Run nothing else meanwhile: a build beside it halves
the figures. Needs bash and Rust (rustup).
HELP
}

# remove_if_empty FILE...: a report that was never written is no report.
remove_if_empty() {
    local file
    for file in "$@"; do [ -s "$file" ] || rm -f "$file"; done
}

report=
full=yes # all the beds that can be had, unless a flag says otherwise
dpdk=no
memory=no
features=()
packages=(ip:iproute2 ethtool)
for flag in "$@"; do
    case $flag in
        --quick | --bed | --bed=*) full=no ;;
    esac
    case ,${flag#--bed=}, in
        *,vhost,*) dpdk=yes ;;&
        *,memory,*) memory=yes ;;
    esac
    case $flag in
        json | *,json | json,* | *,json,* | --workloads=*json*) features+=(--features axum) ;;
        wrk | --client=wrk) packages+=(wrk) ;;
        --help | -h) usage; exit 0 ;;
        --json | --json=*) report=given ;;
    esac
done

heading "What it needs"
need_cargo
if is_root; then
    if [ "$dpdk$full" != nono ]; then
        if need_dpdk; then
            features+=(--features dpdk)
        elif [ "$dpdk" = yes ]; then
            die "libdpdk 22.11 or later is missing: apt-get install libdpdk-dev" 1
        else
            note "libdpdk 22.11 or later is missing: vhost is left out; for it: apt-get install libdpdk-dev"
        fi
    fi
    need_commands "${packages[@]}" || die "missing: apt-get install ${MISSING[*]}" 1
else
    note "no root: network namespaces, and so veth and AF_XDP, are left out; for them run: sudo scripts/compare.sh $*"
fi

if [ "$memory$full" != nono ] && ! need_commands valgrind; then
    note "valgrind is missing, and so no instructions are counted: apt-get install valgrind"
fi

heading "Building (cargo build --release)"
cargo build --release --locked -p corelane-bench "${features[@]}" || die "the build failed, see above" 1

heading "Measuring"
bench=$(realpath "${CARGO_TARGET_DIR:-target}/release/corelane-bench") || die "cargo built it elsewhere" 1
if [ -z "$report" ]; then
    report=$PWD/target/compare/$(date -u +%Y-%m-%dT%H%M%SZ).json
    mkdir -p target/compare || die "can't make the folder target/compare" 1
    set -- "$@" --json "$report"
    on_exit remove_if_empty "$report" "${report%.json}.html"
fi
# From the caller's folder, where a FILE that was given belongs; in the background, so that a signal to this script
# reaches it at once: it then cleans up and ends.
(cd "$caller" && exec "$bench" compare "$@") &
compare=$!
on_exit stop "$compare" 20
wait "$compare"
