# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # its variables are shared with interop.sh's other parts
# For interop.sh: corelane and the kernel with corelane-bench's forwarder between them, which loses, delays, reorders and
# doubles segments by a seed.

# What is measured, by how much: run_lossy chooses.
LOSSY_CONGESTION=cubic

# Half of the round-trip time is each direction's. As `corelane-bench lossy` has it: see bench/src/lossy/cell.rs.
# bed_forwarded LOSS_PERCENT RTT_MS off|on: corelane on a TAP, the forwarder beside it, the kernel behind a veth.
bed_forwarded() {
    local home peer faults
    make_namespace home lh && make_namespace peer lp || return 1
    ip -n "$home" tuntap add dev cl0 mode tap vnet_hdr || return 1
    ip -n "$home" link set cl0 addrgenmode none 2>/dev/null
    ip -n "$home" link set cl0 up && join "$home" fb - "$peer" cl1 "$PEER/24" || return 1
    inside "$home" ethtool -K fb tx off tso off gso off gro off || return 1
    inside "$peer" ethtool -K cl1 tx off tso off gso off gro off || return 1
    # Where the name is not allowed to all (tcp_allowed_congestion_control), nc sends with the system's.
    inside "$peer" sh -c "echo $LOSSY_CONGESTION >/proc/sys/net/ipv4/tcp_congestion_control" 2>/dev/null
    faults=(--loss "$1" --delay "$(awk "BEGIN { print $2 / 2 }")" --rate 100 --queue 825)
    [ "$3" = off ] || faults+=(--reorder 1 --duplicate 1 --reorder-delay "$(awk "BEGIN { print 1 + $2 / 10 }")")
    start "$WORK/forward.log" ip netns exec "$home" "$BENCH" forward --a cl0 --b fb "${faults[@]}"
    await 10 grep -q forwarding "$WORK/forward.log" || { cat "$WORK/forward.log"; return 1; }
    FORWARDER=$STARTED
    cat >"$WORK/forwarded.toml" <<TOML
[device]
driver = "tap"
interface = "cl0"
tap_offloads = false
[network]
addresses = ["$OURS/24"]
[tcp]
tcp_congestion_control = "$LOSSY_CONGESTION"
TOML
    HOME_NS=$home PEER_NS=$peer PEER_IF=cl1 JOIN=: FLAGS=(--config "$WORK/forwarded.toml")
}

# forwarded_transfers LOSS_PERCENT RTT_MS off|on FILE: the file there and back. This script calls itself for it: most of
# these transfers only wait, and so they run side by side.
forwarded_transfers() {
    local code=0
    work_dir
    bed_forwarded "$1" "$2" "$3" || return 1
    TRANSFER_LIMIT=3600
    echo "from the kernel:"
    to_corelane "$4" || code=1
    echo "to the kernel:"
    from_corelane "$4" || code=1
    stop "$FORWARDER"
    cat "$WORK/forward.log"
    return "$code"
}

# start_files "LOSSES" "RTTS" "DISORDERS" FILE: transfers of the file across each network, side by side.
start_files() {
    local loss rtt disorder
    for rtt in $2; do
        for loss in $1; do
            for disorder in $3; do
                FILE_LOGS+=("$WORK/forwarded-$loss-$rtt-$disorder.log")
                bash scripts/interop.sh --forwarded "$loss" "$rtt" "$disorder" "$4" "$LOSSY_CONGESTION" \
                    </dev/null >"${FILE_LOGS[-1]}" 2>&1 &
                FILE_PIDS+=($!)
                on_exit stop_lossy $!
                [ "$disorder" = off ] && disorder= || disorder=", 1 % reordered, 1 % twice"
                FILE_NAMES+=("lossy: a file each way, equal SHA-256: $loss % loss, $rtt ms$disorder")
            done
        done
    done
}

# Waits for all that was started.
await_files() {
    local i
    for i in "${!FILE_PIDS[@]}"; do
        check "${FILE_NAMES[i]}" await_lossy "${FILE_PIDS[i]}" "${FILE_LOGS[i]}"
        grep -E 'bytes|segments' "${FILE_LOGS[i]}" | sed 's/^/          /'
    done
    FILE_PIDS=() FILE_NAMES=() FILE_LOGS=()
}

conversations_end_alike() {
    "$BENCH" differ --congestion "$LOSSY_CONGESTION" --conversations "$1"
}

# measured_transfers FLAG...: corelane beside the kernel, cut after some seconds.
measured_transfers() {
    "$BENCH" lossy --congestion "$LOSSY_CONGESTION" --json "$WORK/lossy.json" --markdown "$WORK/lossy.md" "$@" 2>"$WORK/lossy.log"
    local code=$?
    [ "$code" -eq 0 ] || cat "$WORK/lossy.log" "$WORK/lossy.md"
    return "$code"
}

# run_lossy quick|whole: some minutes, or with whole files of 64 MiB and the whole matrix some 45.
run_lossy() {
    FILE_PIDS=() FILE_NAMES=() FILE_LOGS=()
    heading "The kernel across a network that loses, delays, reorders and doubles segments ($LOSSY_CONGESTION)"
    if [ "$1" = quick ]; then
        random_file "$WORK/file" 2
        start_files "1 5" "10 100" "on" "$WORK/file"
        check "lossy: conversations end as the kernel's do" conversations_end_alike 32
        await_files
        # So short a measurement beside other checks judges no speed: `--only lossy` does.
        check "lossy: transfers beside the kernel's arrive intact" \
            measured_transfers --mib 8 --seconds 5 --loss 0,1 --rtt 10,100 --jobs 4 --least 0
    else
        random_file "$WORK/file" 64
        start_files "0 0.1 1 5" "0 10" "off on" "$WORK/file"
        await_files
        start_files "0 0.1 1 5" "100" "off on" "$WORK/file"
        check "lossy: conversations end as the kernel's do" conversations_end_alike 320
        check "lossy: goodput of 0.8 x the kernel's or more" measured_transfers --jobs 4
        await_files
    fi
    cat "$WORK/lossy.md"
    [ -z "${LOSSY_REPORT:-}" ] || cp "$WORK/lossy.json" "$WORK/lossy.md" "$LOSSY_REPORT/"
}
