#!/usr/bin/env bash
# The kernel's own tools and TCP against corelane over AF_XDP, TAP and DPDK, and corelane against itself over vhost-user.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh
. scripts/interop/beds.sh
. scripts/interop/checks.sh
. scripts/interop/cores.sh
. scripts/interop/dpdk.sh
. scripts/interop/hostile.sh
. scripts/interop/lossy.sh
. scripts/interop/vhost.sh

usage() {
    cat <<'HELP'
Usage: scripts/interop.sh [--quick] [--only BED] [--soak SECONDS] [--congestion NAME] [--report FOLDER] [--help]

Checks corelane from the kernel's side, in network namespaces of its own: ping, curl, wrk, nc and nginx, transfers
each way, transfers with lost frames, 10,000 connections, an idle server, a server that is killed. Over DPDK's
vhost-user pair it checks corelane against itself: every workload, both ends killed under load, clients that come and
go, and that nothing is copied. Through a forwarder that loses, delays, reorders and doubles segments it compares
corelane with the kernel: goodput, and how conversations end. A hostile peer floods it with SYNs, sweeps RSTs and SYNs
through a live connection, and sends bytes behind gaps. Needs root. It builds the examples and the bench, takes some
minutes, and removes everything that it made. What needs DPDK is skipped where libdpdk is missing.

  --quick         smaller transfers, fewer sizes, shorter idle times: some 3 minutes
  --only BED      only this one:
                    xdp        AF_XDP on a veth
                    busy       the same, polled by the worker's own core
                    cores      the same, two workers: on two queues, and on one
                    tap        TAP
                    dpdk       DPDK's net_tap
                    af-packet  DPDK's net_af_packet on a veth
                    af-xdp     DPDK's net_af_xdp on a veth
                    queues     DPDK's net_tap with two queues, a core each
                    vhost      DPDK's net_vhost and net_virtio_user, corelane at both ends; takes huge pages
                    soak       of that only the clients that come and go, for 600 s
                    lossy      TAP and the forwarder; by itself and without --quick every loss, delay and disorder
                               with 64 MiB each way, some 45 minutes
                    hostile    AF_XDP on a veth, the kernel's client at the other end, and forged frames beside it
  --soak SECONDS  how long they do [default: 20; with --only soak 600]
  --congestion NAME  congestion control of both ends of lossy [default: cubic]
  --report FOLDER    where lossy puts its table (lossy.md) and its figures (lossy.json)
  --help          show this text

The exit code is 0 when nothing failed, 1 when a check failed, 2 for a wrong call.
HELP
}

BUILT=${CARGO_TARGET_DIR:-target}/release
EXAMPLES=$BUILT/examples
BENCH=$BUILT/corelane-bench
OURS=10.78.0.3   # corelane's address
PEER=10.78.0.1   # the kernel's, at the other end
HOST=10.78.0.2   # the kernel's on the interface that AF_XDP shares with it

# Sizes and times; --quick makes them smaller.
PING_STEP=1
TRANSFER_MIB=1024
LOSS_MIB=100
NGINX_MIB=100
CONNECTIONS=10000
IDLE_SECONDS=10
WRK_SECONDS=5
KILLS=20
SOAK_SECONDS=20

# run_bed NAME TITLE
run_bed() {
    heading "$2"
    check "$1: set up" "bed_$1" || return
    if check "$1: http_hello starts" serve http_hello; then
        check "$1: ping, sizes 0 to 1472" ping_sizes
        check "$1: ping, 200 in a row" ping_flood
        check "$1: curl gets the right body" curl_body
        check "$1: curl gets 404 for another page" curl_not_found
        check "$1: wrk, 64 connections, no error" wrk_load
        [ "$1" != xdp ] || beside_the_host
        stop "$STARTED"
    fi
    if check "$1: echo starts" serve echo; then
        check "$1: nc echo, 4 MiB" nc_echo
        check "$1: an idle server uses less than 2 % of a core" idle_cost "$STARTED"
        check "$1: the first answer after idleness comes in less than 1 ms" idle_answer
        stop "$STARTED"
    fi
    TRANSFER_LIMIT=120
    check "$1: $TRANSFER_MIB MiB from the kernel" to_corelane "$WORK/large"
    check "$1: $TRANSFER_MIB MiB to the kernel" from_corelane "$WORK/large"
    check "$1: $CONNECTIONS connections opened, used and closed" many_connections
    # A TAP drops the bursts of so many already at the kernel (txqueuelen).
    [ "$1" != xdp ] || check "xdp: load on $CONNECTIONS connections at once" heavy_load
    start_nginx "$PEER_NS" "$WORK/www" 8080
    await_port "$PEER_NS" "$PEER" 8080
    check "$1: client of nginx, 1 B" get_from_nginx byte
    check "$1: client of nginx, 1 MiB" get_from_nginx mebibyte
    check "$1: client of nginx, $NGINX_MIB MiB" get_from_nginx large
    stop "$STARTED"
    check "$1: SIGKILL leaves the network as it was" killed
}

# What else may go wrong when we poll the interface ourselves: bursts, sleeping, and being killed.
run_busy() {
    heading "AF_XDP on a veth, polled by the worker's own core (xdp_busy_poll)"
    check "busy: set up" bed_busy || return
    if check "busy: http_hello starts" serve http_hello; then
        check "busy: ping, 200 in a row" ping_flood
        check "busy: curl gets the right body" curl_body
        check "busy: wrk, 64 connections, no error" wrk_load
        stop "$STARTED"
    fi
    if check "busy: echo starts" serve echo; then
        check "busy: nc echo, 4 MiB" nc_echo
        check "busy: an idle server uses less than 2 % of a core" idle_cost "$STARTED"
        check "busy: the first answer after idleness comes in less than 1 ms" idle_answer
        stop "$STARTED"
    fi
    TRANSFER_LIMIT=120
    check "busy: $TRANSFER_MIB MiB from the kernel" to_corelane "$WORK/large"
    check "busy: $TRANSFER_MIB MiB to the kernel" from_corelane "$WORK/large"
    check "busy: $CONNECTIONS connections opened, used and closed" many_connections
    check "busy: load on $CONNECTIONS connections at once" heavy_load
    start_nginx "$PEER_NS" "$WORK/www" 8080
    await_port "$PEER_NS" "$PEER" 8080
    check "busy: client of nginx, $NGINX_MIB MiB" get_from_nginx large
    stop "$STARTED"
    check "busy: SIGKILL leaves the network as it was" killed
}

beside_the_host() {
    local server=$STARTED
    start_nginx "$HOME_NS" "$WORK/www" 8080
    local nginx=$STARTED
    await_port "$PEER_NS" "$HOST" 8080
    check "xdp: the host's own traffic goes on beside it" host_beside
    stop "$nginx"
    STARTED=$server
}

prepare() {
    is_root || { skip "namespaces need root: sudo scripts/interop.sh"; tally; exit 0; }
    need_commands ip:iproute2 ethtool nft:nftables ping:iputils-ping curl wrk nc:netcat-openbsd nginx ps:procps ||
        die "missing: apt-get install ${MISSING[*]}" 1
    need_cargo
    heading "Building"
    need_dpdk || note "missing: libdpdk-dev, 22.11 or later"
    choose_features
    cargo build --release -q -p corelane "${FEATURES[@]}" --examples || exit 1
    local bench=()
    ! have_dpdk || bench=(--features dpdk)
    cargo build --release -q -p corelane-bench "${bench[@]}" || exit 1
    work_dir
    chmod 755 "$WORK" # nginx's workers are another user
    mkdir -p "$WORK/www"
    random_file "$WORK/large" "$TRANSFER_MIB"
    random_file "$WORK/lossy" "$LOSS_MIB"
    random_file "$WORK/www/large" "$NGINX_MIB"
    random_file "$WORK/www/mebibyte" 1
    printf x >"$WORK/www/byte"
}

main() {
    local beds=(xdp busy cores tap dpdk af-packet af-xdp queues vhost lossy hostile) soak="" lossy=quick quick=""
    while [ $# -gt 0 ]; do
        case $1 in
            --quick)
                PING_STEP=32 TRANSFER_MIB=64 LOSS_MIB=4 NGINX_MIB=10 CONNECTIONS=2000 IDLE_SECONDS=3 WRK_SECONDS=1
                FLOOD_SECONDS=2 quick=yes
                ;;
            --only)
                [[ " ${beds[*]} soak " == *" ${2:-none} "* ]] || die "--only ${2:-}: give ${beds[*]} or soak"
                beds=("$2") && shift
                ;;
            --soak)
                [[ ${2:-} =~ ^[1-9][0-9]{0,5}$ ]] || die "--soak ${2:-}: give seconds, 1 to 999999"
                soak=$2 && shift
                ;;
            --congestion)
                [[ ${2:-} =~ ^[a-z0-9_-]{1,15}$ ]] || die "--congestion ${2:-}: give a name such as cubic"
                LOSSY_CONGESTION=$2 && shift
                ;;
            --report)
                [ -d "${2:-}" ] || die "--report ${2:-}: give a folder that exists"
                LOSSY_REPORT=$2 && shift
                ;;
            --connections) # this script calls itself
                use_connections "$2" "$3" "$4"
                exit
                ;;
            --losses)
                lossy_transfers "$2" "$3" "$4"
                exit
                ;;
            --forwarded)
                LOSSY_CONGESTION=$6
                forwarded_transfers "$2" "$3" "$4" "$5"
                exit
                ;;
            --help | -h) usage && exit ;;
            *) die "unknown option '$1': see --help" ;;
        esac
        shift
    done
    [ "${beds[*]}" != soak ] || SOAK_SECONDS=600
    [ -z "$soak" ] || SOAK_SECONDS=$soak
    [ "${beds[*]}${quick}" != lossy ] || lossy=whole
    prepare
    for bed in "${beds[@]}"; do
        case $bed in
            xdp) run_bed xdp "AF_XDP on a veth, beside the kernel" ;;
            busy) run_busy ;;
            cores) run_cores ;;
            dpdk) run_vdev dpdk "DPDK's net_tap, on ordinary memory" ;;
            af-packet) run_vdev af-packet "DPDK's net_af_packet on a veth" ;;
            af-xdp) run_vdev af-xdp "DPDK's net_af_xdp on a veth" ;;
            queues) run_queues ;;
            vhost) run_vhost ;;
            soak) run_soak ;;
            lossy) run_lossy "$lossy" ;;
            hostile) run_hostile ;;
            tap) run_bed tap "TAP with vnet header" ;;
        esac
    done
    losses "${beds[@]}"
    heading "Result"
    tally
}

[ "${SOURCED:-}" = 1 ] || main "$@"
