# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # its variables are shared with interop.sh's other parts
# For interop.sh: two workers behind one address, over AF_XDP on a veth of two queues, and of one that software shares out.
#
# A veth hashes nothing: the queue that the kernel sends a frame by is the one that it arrives at. The kernel draws a hash
# for each of its sockets (sk_txhash), so a connection's frames stay together and nobody can tell where. Of those that
# corelane opens half of the answers come to the other worker, and have to find home.

MANY=2000   # connections each way, of two workers together
AT_ONCE=500 # of the kernel's; all end at once, and no ring overflows when a worker is not on its core meanwhile

run_cores() {
    heading "AF_XDP on a veth, two workers with a queue each, and with one for both"
    [[ $(cores_of_this) == *,0,1,* ]] || { skip "cores 0 and 1 are needed for two workers"; return; }
    check "cores: set up" bed_cores || return
    start "$WORK/kernel-echo.log" ip netns exec "$PEER_NS" "$BENCH" serve --engine epoll --addr "$PEER:7"
    await_port "$PEER_NS" "$PEER" 7
    local server=$STARTED queues
    for queues in 2 1; do
        check "cores, $queues queue(s): the devices have as many" set_queues "$queues" || continue
        FLAGS=(--driver xdp --interface "$DEVICE" --address "$OURS/24" --queues "$queues" --cores "0,1")
        if check "cores, $queues queue(s): echo starts on two cores" serve echo --stats "$WORK/stats"; then
            check "cores, $queues queue(s): ping, 200 in a row" ping_flood
            measured "cores, $queues queue(s): $MANY connections, $AT_ONCE at once, share the workers" shared_out
            stop "$STARTED"
        fi
        measured "cores, $queues queue(s): $MANY connections to the kernel, all come home" come_home "$queues"
    done
    stop "$server"
}

bed_cores() { bed_veth c; }

# set_queues COUNT: of both ends; the kernel starts no XDP where the peer may send by more than it has.
set_queues() {
    inside "$HOME_NS" ethtool -L "$DEVICE" rx "$1" tx "$1" && inside "$PEER_NS" ethtool -L "$PEER_IF" rx "$1" tx "$1"
}

# The kernel's connections spread within a fifth, and none is lost or reset.
shared_out() {
    local code=0 round first second
    for ((round = 0; round < MANY / AT_ONCE; round++)); do
        inside "$PEER_NS" timeout 60 bash scripts/interop.sh --connections "$OURS" 7 "$AT_ONCE" || code=1
    done
    fresh_levels "$WORK/stats" 2 >/dev/null || { echo "no stats are written"; return 1; }
    cp "$WORK/stats" "$WORK/stats-then" # one point in time
    first=$(count 0 TcpPassiveOpens) second=$(count 1 TcpPassiveOpens)
    echo "accepted: $first and $second"
    [ $((first + second)) = "$MANY" ] || { echo "not all, or one twice"; code=1; }
    at_most "five times the difference" $((first > second ? (first - second) * 5 : (second - first) * 5)) \
        $((first + second)) || code=1
    [ "$(both Connections)" = 0 ] || { echo "not all are closed: $(both Connections)"; code=1; }
    nothing_is_lost || code=1
    return "$code"
}

# come_home QUEUES: corelane connects from both workers; each answer must be heard where it was asked.
come_home() {
    local code=0 name=Misrouted worker
    rm -f "$WORK/stats-then"
    inside "$HOME_NS" timeout 60 "$EXAMPLES/cores" "${FLAGS[@]}" --server "$PEER:7" --connections $((MANY / 2)) \
        --stats "$WORK/stats-then" || return 1
    for worker in 0 1; do
        [ "$(count "$worker" TcpActiveOpens)" = $((MANY / 2)) ] || { echo "worker $worker did not open them all"; code=1; }
    done
    # With one queue the worker that has it hands the other's on; none goes to the wrong one first.
    [ "$1" = 2 ] || { name=Spread; [ "$(both Misrouted)" = 0 ] || { echo "frames were handed on wrongly"; code=1; }; }
    at_least "frames that came to the other worker" "$(both "$name")" "$MANY" || code=1
    nothing_is_lost || code=1
    return "$code"
}

# What was sent again is told, not judged: a machine that is busy with other things is late.
nothing_is_lost() {
    local name code=0
    for name in TcpOutRsts TcpEstabResets TcpAttemptFails TcpInErrs RxDropped TxDropped MisroutedDropped SpreadDropped \
        NoticesDropped; do
        [ "$(both "$name")" = 0 ] || { echo "$name: $(both "$name")"; code=1; }
    done
    [ "$code" = 1 ] || echo "nothing lost or reset"
    echo "frames astray: $(both Misrouted), spread: $(both Spread), segments sent again: $(both TcpRetransSegs)"
    return "$code"
}

# both NAME: of both workers. A count that is not there must not pass for 0.
both() { awk -v name="$1" '$2 == name { sum += $3; n++ } END { print n == 2 ? sum : "missing" }' "$WORK/stats-then"; }
