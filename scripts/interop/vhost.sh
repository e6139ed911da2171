# shellcheck shell=bash
# For interop.sh: corelane at both ends of DPDK's vhost-user pair. No kernel is between the two, but huge pages are below.

SERVER_IP=10.99.0.1
CLIENT_IP=10.99.0.2
# MiB of packet memory of both ends, at the largest MTU that is used here.
PAIR_MIB=320

run_vhost() {
    local workload
    start_vhost || return
    for workload in echo crr http bulk bulk-up; do
        check "vhost: $workload" one_load "$workload"
        check "vhost: $workload, all in software" one_load "$workload" --no-offloads
        check "vhost: $workload, MTU 9000" one_load "$workload" --mtu 9000
    done
    for workload in bulk bulk-up; do
        check "vhost: $workload, frames of 64 KiB" one_uncut_load "$workload"
    done
    check "vhost: 1 GiB, nothing is copied" zero_copies
    check "vhost: an idle pair uses less than 10 % of a core at each end" idle_pair
    check "vhost: $KILLS ends killed under load" kill_ends
    check_soak
}

run_soak() { start_vhost && check_soak; }

check_soak() {
    check "vhost: clients come, go and die for $SOAK_SECONDS s, and nothing of them stays" soak
}

start_vhost() {
    heading "DPDK's net_vhost and net_virtio_user, corelane at both ends"
    dpdk_is_there && need_huge_pages "$PAIR_MIB" || return 1
    SOCKETS=0
}

# A new pair's $SOCKET: one that a killed server leaves behind would be in the way of the next.
new_socket() {
    SOCKETS=$((SOCKETS + 1))
    SOCKET="$WORK/vhost$SOCKETS"
}

# The client's device. Each time the same MAC address, as a machine that starts again has: a new one, as virtio-user picks
# it else, is not believed in the first second of another (Linux's locktime for ARP is the same).
virtio_user() { echo "net_virtio_user0,path=$SOCKET,queues=1,packed_vq=1,mac=02:00:00:00:00:02"; }

# serve_bench WORKLOAD [FLAG...]: at the vhost end of a new pair; its id is then in $SERVER.
serve_bench() {
    new_socket
    start "$WORK/serve.log" "$BENCH" serve --engine corelane --driver dpdk --workload "$1" \
        --interface "net_vhost0,iface=$SOCKET,queues=1${UNCUT:-}" --ip "$SERVER_IP/24" --addr "$SERVER_IP:7000" "${@:2}"
    SERVER=$STARTED
    await 20 grep -q '^listening' "$WORK/serve.log" && return
    cat "$WORK/serve.log"
    return 1
}

# load_command PORT WORKLOAD [FLAG...]: the client, in $LOAD.
load_command() {
    LOAD=("$BENCH" load --engine corelane --driver dpdk --interface "$(virtio_user)" --ip "$CLIENT_IP/24"
        --addr "$SERVER_IP:$1" --workload "$2" "${@:3}")
}

# load PORT WORKLOAD [FLAG...]: a client that must succeed without a wrong byte.
load() {
    local said code=0
    load_command "$@"
    said=$(timeout 60 "${LOAD[@]}" 2>&1) || code=$?
    echo "$said"
    [ "$code" -eq 0 ] && grep -q 'byte errors 0, connection errors 0, starved connections 0' <<<"$said"
}

# one_load WORKLOAD [FLAG...]: with the flags at both ends.
one_load() {
    local code=0 connections=16
    [[ $1 != bulk* ]] || connections=1
    serve_bench "$@" || return 1
    load 7000 "$1" --connections "$connections" --duration 1 "${@:2}" || code=1
    stop "$SERVER" || { echo "the server had to be killed"; code=1; }
    return "$code"
}

# one_uncut_load WORKLOAD: neither end cuts its frames.
one_uncut_load() { UNCUT=,tso=1 one_load "$@"; }

# start_load PORT: a client that would go on for a minute, and is measuring now; its id is then in $CLIENT.
start_load() {
    load_command "$1" echo --connections 16 --duration 60 --marks
    start "$WORK/load.log" "${LOAD[@]}"
    CLIENT=$STARTED
    await 20 grep -q '^start' "$WORK/load.log" && return
    cat "$WORK/load.log"
    return 1
}

# Killed at some point of a burst, the client and the server by turns. The one that stays serves the next client.
kill_ends() {
    local free i
    free=$(free_huge_pages)
    serve_bench echo || return 1
    for ((i = 1; i <= KILLS; i++)); do
        start_load 7000 || return 1
        sleep "0.$((RANDOM % 3 + 1))" # in the middle of it
        if ((i % 2)); then
            kill_hard "$CLIENT"
        else
            kill_hard "$SERVER"
            kill_hard "$CLIENT" # its peer does not come back
            serve_bench echo || return 1
        fi
        load 7000 echo --connections 16 --duration 0.1 || { echo "after kill $i"; return 1; }
    done
    stop "$SERVER"
    await 5 huge_pages_are "$free" || { echo "free huge pages: $(free_huge_pages), before: $free"; return 1; }
}

huge_pages_are() { [ "$(free_huge_pages)" = "$1" ]; }

# One server; its clients end, or are killed in mid-load: of such a one no FIN comes. Keep-alive finds it out when all was
# answered, else the retransmissions do; both are set to seconds here. So are those of orphans, whose last ACK went with
# their client: Linux's eight take 102 s. (A client that comes meanwhile has the same
# address: then its RST ends what the dead one left.) In the end the server's levels are as after its first client.
soak() {
    local stats="$WORK/soak-stats" baseline rss now end round=0 killed=0
    start_soak "$stats" && load 7 echo --connections 16 --duration 0.5 || return 1
    await 30 nothing_is_open "$stats" || { echo "the first client's connections do not end"; return 1; }
    baseline=$(fresh_levels "$stats" 1) || { echo "no stats are written"; return 1; }
    rss=$(resident "$SERVER")
    end=$((SECONDS + SOAK_SECONDS))
    while [ "$SECONDS" -lt "$end" ]; do
        round=$((round + 1))
        if ((round % 3)); then
            load 7 echo --connections $((round % 64 + 1)) --duration 1 >"$WORK/round" || { cat "$WORK/round"; return 1; }
        else
            start_load 7 || return 1
            sleep "0.$((RANDOM % 9 + 1))"
            kill_hard "$CLIENT"
            killed=$((killed + 1))
        fi
    done
    now=$(resident "$SERVER")
    echo "$round clients, $killed of them killed; the server's memory: $rss KiB, then $now KiB"
    echo "baseline: $(tr '\n' ' ' <<<"$baseline")"
    await 60 levels_are "$stats" "$baseline" || { echo "not back at the baseline:"; fresh_levels "$stats" 1; return 1; }
    [ $((now - rss)) -lt 8192 ] || { echo "the server grows"; return 1; }
    load 7 echo --connections 16 --duration 0.5 || return 1
    stop "$SERVER"
}

start_soak() {
    new_socket
    dpdk_config "$WORK/soak.toml" "net_vhost0,iface=$SOCKET,queues=1" "$SERVER_IP/24" on
    printf '[tcp]\ntcp_retries2 = 4\ntcp_orphan_retries = 4\n' >>"$WORK/soak.toml"
    start "$WORK/soak.log" "$EXAMPLES/echo" --config "$WORK/soak.toml" --keepalive 2 --stats "$1"
    SERVER=$STARTED
    await 20 grep -q '^listening' "$WORK/soak.log" && return
    cat "$WORK/soak.log"
    return 1
}

# Neither end spins when there is nothing to do: not even the server whose first client was killed, and whose second one has
# come without sending a frame. Below 10 % of a core: what has no interrupt looks once a millisecond.
idle_pair() {
    local code=0
    start_soak "$WORK/idle-stats" && start_load 7 || return 1
    kill_hard "$CLIENT"
    dpdk_config "$WORK/idle.toml" "$(virtio_user)" "$CLIENT_IP/24" on
    start "$WORK/idle.log" "$EXAMPLES/echo" --config "$WORK/idle.toml"
    CLIENT=$STARTED
    await 20 grep -q '^listening' "$WORK/idle.log" || { cat "$WORK/idle.log"; return 1; }
    await 30 nothing_is_open "$WORK/idle-stats" || { echo "what the killed client left does not end"; code=1; }
    idle_cost "$SERVER" 10 || code=1
    idle_cost "$CLIENT" 10 || code=1
    stop "$CLIENT"
    stop "$SERVER"
    return "$code"
}

nothing_is_open() { fresh_levels "$1" 1 | grep -qx 'Connections 0'; }

# KiB of memory that a process has.
resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }

# What the sender owns is sent from where it is: `transfer --owned` reads the file right into the device's buffers. What the
# receiver gets are the buffers that the device has filled, until it writes them to its file.
zero_copies() {
    local copy="$WORK/copy" code=0 receiver
    [ -e "$WORK/gibibyte" ] || random_file "$WORK/gibibyte" 1024
    new_socket
    dpdk_config "$WORK/to.toml" "net_vhost0,iface=$SOCKET,queues=1" "$SERVER_IP/24" on
    dpdk_config "$WORK/from.toml" "$(virtio_user)" "$CLIENT_IP/24" on "dpdk_copy_below = 0"
    start "$WORK/to.log" "$EXAMPLES/transfer" --config "$WORK/to.toml" --listen 9 --receive "$copy"
    receiver=$STARTED
    await 20 grep -q '^listening' "$WORK/to.log" || { cat "$WORK/to.log"; return 1; }
    timeout 120 "$EXAMPLES/transfer" --config "$WORK/from.toml" --connect "$SERVER_IP:9" --owned \
        --send "$WORK/gibibyte" >"$WORK/from.log" 2>&1 || code=1
    finish "$receiver" "$WORK/to.log" || code=1
    echo "the sender:" && cat "$WORK/from.log"
    same_digest "$(digest "$WORK/gibibyte")" "$(digest "$copy")" || code=1
    grep -qx 'copied for sending: 0 B by the stack, 0 B by the driver' "$WORK/from.log" || code=1
    grep -qx 'copied on receiving: 0 B by the stack, 0 B by the driver' "$WORK/to.log" || code=1
    rm -f "$copy"
    return "$code"
}
