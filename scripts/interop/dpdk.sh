# shellcheck shell=bash disable=SC2034,SC2153 # its variables are shared with interop.sh's other parts
# For interop.sh: DPDK's virtual devices, with the kernel at the other end.

# dpdk_config FILE DEVICE ADDRESS/BITS on|off [LINE...]: a server's or client's settings; with `off` the device does
# nothing in the stack's place. The lines go to the section [device].
dpdk_config() {
    local file=$1 device=$2 address=$3 offloads=$4
    shift 4
    {
        printf '[device]\ndriver = "dpdk"\ndpdk_device = "%s"\n' "$device"
        [ $# -eq 0 ] || printf '%s\n' "$@"
        if [ "$offloads" = off ]; then
            echo "[device.dpdk_offloads]"
            printf '%s = false\n' rx_checksum tx_checksum tso multi_segment vlan rx_interrupt
        fi
        printf '[network]\naddresses = ["%s"]\n' "$address"
    } >"$file"
}

# use_offloads on|off: of the bed's device, which needs no huge pages, since it is in this process alone.
use_offloads() {
    dpdk_config "$WORK/dpdk.toml" "$VDEV" "$OURS/24" "$1" "dpdk_huge_pages = false"
    FLAGS=(--config "$WORK/dpdk.toml")
}

# DPDK makes the interface: join_dpdk sets the kernel's end up.
bed_dpdk() {
    local home
    make_namespace home dp || return 1
    DRIVER=dpdk DEVICE=cl0 HOME_NS=$home PEER_NS=$home PEER_IF=cl0 JOIN=join_dpdk
    VDEV="net_tap0,iface=$DEVICE"
    use_offloads on
    many_ports
}

join_dpdk() {
    ip -n "$HOME_NS" address add "$PEER/24" dev "$DEVICE" && ip -n "$HOME_NS" link set "$DEVICE" up
}

# A packet socket drops what its ring has no room for: the 512 frames of the default are less than a window.
bed_af-packet() { bed_on_veth ap net_af_packet0 ,framecnt=4096; }
bed_af-xdp() { bed_on_veth ax net_af_xdp0; }

# bed_on_veth PREFIX DRIVER [,ARGUMENT]: on one end of a veth pair.
bed_on_veth() {
    local home peer
    make_namespace home "$1h" && make_namespace peer "$1p" || return 1
    join "$home" cl0 - "$peer" cl1 "$PEER/24" || return 1
    # A kernel that leaves its checksums and its cutting to the veth sends frames with the sum of the pseudo-header only
    # and of up to 64 KiB. Packet sockets and AF_XDP would tell, or drop the frames; neither PMD passes on that a checksum
    # is partial, and so to corelane it is wrong.
    inside "$peer" ethtool -K cl1 tx off tso off gso off >/dev/null || return 1
    DRIVER=dpdk DEVICE=cl0 HOME_NS=$home PEER_NS=$peer PEER_IF=cl1 JOIN=:
    VDEV="$2,iface=$DEVICE${3:-}"
    use_offloads on
    many_ports
}

# run_vdev BED TITLE: everything with what the device offers; the transfers without it, too.
run_vdev() {
    heading "$2"
    dpdk_is_there || return
    check "$1: set up" "bed_$1" || return
    if check "$1: http_hello starts" serve http_hello; then
        [ "$1" != dpdk ] || check "$1: ping, sizes 0 to 1472" ping_sizes
        check "$1: curl gets the right body" curl_body
        check "$1: wrk, 64 connections, no error" wrk_load
        stop "$STARTED"
    fi
    if check "$1: echo starts" serve echo; then
        check "$1: nc echo, 4 MiB" nc_echo
        stop "$STARTED"
    fi
    TRANSFER_LIMIT=120
    check "$1: $TRANSFER_MIB MiB from the kernel" to_corelane "$WORK/large"
    check "$1: $TRANSFER_MIB MiB to the kernel" from_corelane "$WORK/large"
    [ "$1" != dpdk ] || check "$1: $CONNECTIONS connections opened, used and closed" many_connections
    use_offloads off
    check "$1, all in software: $TRANSFER_MIB MiB from the kernel" to_corelane "$WORK/large"
    check "$1, all in software: $TRANSFER_MIB MiB to the kernel" from_corelane "$WORK/large"
}

dpdk_is_there() {
    have_dpdk || { skip "libdpdk 22.11 or later is missing: apt-get install libdpdk-dev"; return 1; }
}

# ---- Two queues, two cores ----

# The kernel's tun sends a flow to the queue that has last sent for it, as a card with RSS does.
run_queues() {
    heading "DPDK's net_tap with two queues, a core each"
    dpdk_is_there || return
    [[ $(cores_of_this) == *,0,1,* ]] || { skip "cores 0 and 1 are needed for two workers"; return; }
    check "queues: set up" bed_queues || return
    if check "queues: http_hello starts on two cores" serve http_hello --stats "$WORK/stats"; then
        check "queues: wrk, 64 connections, no error" wrk_load
        check "queues: both cores worked, and each connection stayed on one" both_work
        check "queues: curl gets the right body" curl_body
        stop "$STARTED"
    fi
}

# The cores that this process may use, as ,0,1,2,
cores_of_this() {
    awk '$1 == "Cpus_allowed_list:" {
        count = split($2, parts, ",")
        for (i = 1; i <= count; i++) {
            last = split(parts[i], ends, "-")
            for (core = ends[1]; core <= ends[last]; core++) printf ",%d", core
        }
        print ","
    }' /proc/self/status
}

bed_queues() {
    local home
    make_namespace home dq || return 1
    DRIVER=dpdk DEVICE=cl0 HOME_NS=$home PEER_NS=$home PEER_IF=cl0 JOIN=join_dpdk
    dpdk_config "$WORK/queues.toml" "net_tap0,iface=$DEVICE" "$OURS/24" on "dpdk_huge_pages = false" "queues = 2"
    printf '[runtime]\ncores = [0, 1]\n' >>"$WORK/queues.toml"
    FLAGS=(--config "$WORK/queues.toml")
    many_ports
}

# A segment that comes to the other core finds no connection there, and a RST answers it.
both_work() {
    local worker name
    rm -f "$WORK/stats"
    await 5 test -s "$WORK/stats" || { echo "no stats are written"; return 1; }
    cp "$WORK/stats" "$WORK/stats-then" # one point in time
    grep -E ' (RxFrames|TxFrames|TcpPassiveOpens|TcpOutRsts|TcpRetransSegs|TcpInErrs) ' "$WORK/stats-then"
    for worker in 0 1; do
        for name in RxFrames TxFrames TcpPassiveOpens; do
            [ "$(count "$worker" "$name")" -gt 0 ] || { echo "worker $worker has no $name"; return 1; }
        done
        [ "$(count "$worker" TcpOutRsts)" = 0 ] || { echo "segments without a connection"; return 1; }
    done
}

# count WORKER NAME
count() { awk -v worker="$1" -v name="$2" '$1 == worker && $2 == name { print $3 }' "$WORK/stats-then"; }
