# shellcheck shell=bash
# For interop.sh: the checks. Each says what it saw, and is false when that is wrong.

# finish PID LOG: waits for a transfer to end by itself; false, with what it said, when it failed.
finish() {
    await 20 is_gone "$1" || { echo "it does not end"; cat "$2"; return 1; }
    wait "$1" || { cat "$2"; return 1; }
    grep -v '^listening' "$2"
}

same_digest() {
    [ "$1" = "$2" ] && return 0
    echo "SHA-256 differ: $1, $2"
    return 1
}


ping_sizes() {
    # shellcheck disable=SC2016 # the inner shell expands it
    inside "$PEER_NS" bash -c '
        for ((size = 0; size <= 1472; size += $2)); do
            said=$(ping -n -c 1 -W 2 -M do -s "$size" "$1") || { echo "size $size: $said"; exit 1; }
            [[ $said != *"wrong data"* ]] || { echo "size $size: $said"; exit 1; }
        done' _ "$OURS" "$PING_STEP"
}

ping_flood() {
    # 200 at once: below the stack's limit of 1000 ICMP messages a second.
    inside "$PEER_NS" ping -n -q -c 200 -i 0.002 -s 1472 "$OURS" | grep ' 0% packet loss'
}

curl_body() {
    local body
    body=$(inside "$PEER_NS" curl -sS --max-time 10 "http://$OURS/") || return 1
    [ "$body" = "Hello from corelane" ] || { echo "the body is: $body"; return 1; }
}

curl_not_found() {
    [ "$(inside "$PEER_NS" curl -sS --max-time 10 -o /dev/null -w '%{http_code}' "http://$OURS/none")" = 404 ]
}

wrk_load() {
    local said
    said=$(inside "$PEER_NS" timeout $((WRK_SECONDS + 20)) wrk -t 1 -c 64 -d "${WRK_SECONDS}s" "http://$OURS/")
    echo "$said"
    grep -qE '^Requests/sec: +[1-9]' <<<"$said" && ! grep -qE 'Socket errors|Non-2xx' <<<"$said"
}

nc_echo() {
    random_file "$WORK/echo" 4
    inside "$PEER_NS" timeout 60 nc -N "$OURS" 7 <"$WORK/echo" >"$WORK/echoed" &&
        cmp "$WORK/echo" "$WORK/echoed"
}

# to_corelane FILE: the kernel sends, corelane receives.
to_corelane() {
    local copy="$WORK/copy" code=0
    serve transfer --timeout "$TRANSFER_LIMIT" --listen 9 --receive "$copy" || return 1
    inside "$PEER_NS" timeout "$TRANSFER_LIMIT" nc -N "$OURS" 9 <"$1" || { echo "nc failed"; code=1; }
    finish "$STARTED" "$WORK/transfer.log" && same_digest "$(digest "$1")" "$(digest "$copy")" || code=1
    stop "$STARTED"
    rm -f "$copy"
    return "$code"
}

# from_corelane FILE: corelane sends, the kernel receives.
from_corelane() {
    local got code=0
    serve transfer --timeout "$TRANSFER_LIMIT" --listen 9 --send "$1" || return 1
    got=$(inside "$PEER_NS" timeout "$TRANSFER_LIMIT" nc -d "$OURS" 9 | sha256sum | cut -d ' ' -f 1)
    finish "$STARTED" "$WORK/transfer.log" && same_digest "$(digest "$1")" "$got" || code=1
    stop "$STARTED"
    return "$code"
}

# get_from_nginx NAME: corelane is the client of a kernel server.
get_from_nginx() {
    local file="$WORK/www/$1" got
    got=$(ip netns exec "$HOME_NS" timeout 60 "$EXAMPLES/client_get" "${FLAGS[@]}" \
        --server "$PEER:8080" --path "/$1" | tail -c "$(stat -c %s "$file")" | sha256sum | cut -d ' ' -f 1)
    same_digest "$(digest "$file")" "$got"
}

# lossy_transfers BED PER_MILLE FILE: the file there and back while this share of the frames is lost each way. This
# script calls itself for it: transfers that mostly wait run side by side, each on a bed of its own.
lossy_transfers() {
    local code=0
    work_dir
    "bed_$1" && lose_frames "$PEER_NS" "$PEER_IF" "$2" && lose_frames_out "$PEER_NS" "$PEER_IF" "$2" || return 1
    TRANSFER_LIMIT=400
    echo "from the kernel:"
    to_corelane "$3" || code=1
    echo "to the kernel:"
    from_corelane "$3" || code=1
    inside "$PEER_NS" nft list ruleset | grep drop
    return "$code"
}

# Ends one of those; what it waits for first, or it would not listen.
stop_lossy() {
    local pid
    for pid in $(ps -o pid= --ppid "$1"); do kill -TERM "$pid"; done
    stop "$1" 15
}

await_lossy() {
    local code=0
    wait "$1" || code=1
    cat "$2"
    return "$code"
}

# losses BED...
losses() {
    local bed share pids=() names=() logs=() i
    [[ " $* " == *" xdp "* || " $* " == *" tap "* ]] || return 0
    heading "Transfers of $LOSS_MIB MiB each way with lost frames"
    for bed in "$@"; do
        [[ $bed == xdp || $bed == tap ]] || continue # what is lost is not the driver's to bring back
        for share in 10 50; do
            logs+=("$WORK/losses-$bed-$share.log")
            bash scripts/interop.sh --losses "$bed" "$share" "$WORK/lossy" </dev/null >"${logs[-1]}" 2>&1 &
            pids+=($!)
            on_exit stop_lossy $!
            names+=("$bed: $LOSS_MIB MiB each way, $((share / 10)) % of the frames lost")
        done
    done
    for i in "${!pids[@]}"; do
        check "${names[i]}" await_lossy "${pids[i]}" "${logs[i]}"
        grep -E 'bytes|segments' "${logs[i]}" | sed 's/^/          /'
    done
}

# Beside the server the kernel keeps its own address on the same interface, and all that comes for it.
host_beside() {
    local code=0 got
    start "$WORK/wrk.log" ip netns exec "$PEER_NS" wrk -t 1 -c 16 -d 3s "http://$OURS/"
    inside "$PEER_NS" ping -n -q -c 20 -i 0.05 "$HOST" | grep ' 0% packet loss' || code=1
    got=$(inside "$PEER_NS" curl -sS --max-time 20 "http://$HOST:8080/large" | sha256sum | cut -d ' ' -f 1)
    same_digest "$(digest "$WORK/www/large")" "$got" || code=1
    await 15 is_gone "$STARTED" && wait "$STARTED"
    cat "$WORK/wrk.log"
    grep -qE '^Requests/sec: +[1-9]' "$WORK/wrk.log" && ! grep -qE 'Socket errors' "$WORK/wrk.log" || code=1
    return "$code"
}

# The kernel tells up to a second later that nobody holds a TAP any more.
carrier_is_lost() { ip -n "$HOME_NS" link show "$DEVICE" | grep -q NO-CARRIER; }
state_is() { [ "$(network_state "$HOME_NS")" = "$1" ]; }

# A killed server leaves nothing: links, addresses, routes are as before, and it can start again at once.
killed() {
    local before code=0
    [ "$DRIVER" = xdp ] || await 3 carrier_is_lost || { echo "who holds the TAP?"; code=1; }
    before=$(network_state "$HOME_NS")
    serve echo || return 1
    [ "$(network_state "$HOME_NS")" != "$before" ] || { echo "the server shows nowhere: is this check blind?"; code=1; }
    inside "$PEER_NS" timeout 10 nc -N "$OURS" 7 <<<hello | grep -q hello || { echo "no echo before the kill"; code=1; }
    kill -KILL "$STARTED"
    wait "$STARTED" 2>/dev/null
    if ! await 3 state_is "$before"; then
        diff <(echo "$before") <(network_state "$HOME_NS")
        echo "the network is not as it was"
        code=1
    fi
    if [ "$DRIVER" = xdp ]; then
        inside "$PEER_NS" ping -n -q -c 2 -i 0.1 -W 1 "$HOST" || { echo "the kernel's address is cut off"; code=1; }
    fi
    serve echo || return 1
    inside "$PEER_NS" timeout 10 nc -N "$OURS" 7 <<<again | grep -q again || { echo "no echo after it"; code=1; }
    stop "$STARTED"
    return "$code"
}

# Opened all at once, used and closed, and nothing of them is left: the levels of the stats are at their baseline again.
many_connections() {
    local stats="$WORK/stats" baseline code=0
    serve echo --stats "$stats" || return 1
    inside "$PEER_NS" timeout 10 nc -N "$OURS" 7 <<<warm | grep -q warm || code=1
    baseline=$(fresh_levels "$stats" 2) || { echo "no stats are written"; code=1; }
    ulimit -Sn $((CONNECTIONS + 100)) || { echo "too few descriptors: ulimit -n $((CONNECTIONS + 100))"; code=1; }
    inside "$PEER_NS" timeout 120 bash scripts/interop.sh --connections "$OURS" 7 "$CONNECTIONS" || code=1
    # One after the other, a new one for each request.
    inside "$PEER_NS" timeout 60 "$BENCH" load --addr "$OURS:7" --workload crr --client-closes --requests "$CONNECTIONS" || code=1
    echo "baseline: $(tr '\n' ' ' <<<"$baseline")"
    await 10 levels_are "$stats" "$baseline" || { echo "not back at the baseline:"; code=1; }
    echo "now:      $(fresh_levels "$stats" 1 | tr '\n' ' ')"
    grep -E ' (TcpPassiveOpens|TcpExtListen[A-Za-z]*|TcpEstabResets|OutNoBuffers|PoolRefused|RxDropped) ' "$stats"
    [ "$(awk '$2 == "TcpPassiveOpens" { print $3 }' "$stats")" -gt $((CONNECTIONS * 2)) ] || code=1
    stop "$STARTED"
    return "$code"
}

# use_connections ADDRESS PORT COUNT: opens them with the kernel's sockets, has a line echoed on each, looks that all are
# open at once, closes them. This script calls itself for it: the descriptors are those of a process.
use_connections() {
    local i fd said fds=()
    for ((i = 0; i < $3; i++)); do
        exec {fd}<>"/dev/tcp/$1/$2" || { echo "connection $i is not opened"; return 1; }
        fds+=("$fd")
    done
    for fd in "${fds[@]}"; do
        said=
        echo "line $fd" >&"$fd" && IFS= read -r -t 5 said <&"$fd"
        [ "$said" = "line $fd" ] || { echo "no echo on descriptor $fd"; return 1; }
    done
    for fd in "${fds[@]}"; do exec {fd}>&-; done
    echo "$3 connections were open at once, and each was used"
}

# All at once, taking turns. A veth holds 256 frames; what it can't take, the kernel's client tries again every half second
# and gives up after 15 times (tcp_probe_timer, NET_XMIT_DROP). With more in flight than it holds, who asks is luck.
heavy_load() {
    local said code=0
    serve echo || return 1
    said=$(inside "$PEER_NS" timeout 60 "$BENCH" load --addr "$OURS:7" --connections "$CONNECTIONS" --in-flight 128 \
        --duration 10) || code=1
    echo "$said"
    grep -q 'byte errors 0, connection errors 0, starved connections 0' <<<"$said" || code=1
    stop "$STARTED"
    return "$code"
}

# fresh_levels FILE TIMES: the levels, after the file was written so often.
fresh_levels() {
    local i
    for ((i = 0; i < $2; i++)); do
        rm -f "$1"
        await 5 test -s "$1" || return 1
    done
    awk '$2 == "InFrames" { exit } { print $2, $3 }' "$1"
}

levels_are() { [ "$(fresh_levels "$1" 1)" = "$2" ]; }

# Processor time of a process in ticks: utime and stime of proc(5), behind its name in brackets.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# idle_cost PID [PERCENT]: an idle server sleeps: it uses less than 2 % of a core, or so many.
idle_cost() {
    local before after limit percent=${2:-2}
    sleep 1 # what came before is over
    before=$(ticks "$1")
    sleep "$IDLE_SECONDS"
    after=$(ticks "$1")
    limit=$(($(getconf CLK_TCK) * IDLE_SECONDS * percent / 100))
    echo "$((after - before)) ticks in $IDLE_SECONDS s, allowed: less than $limit"
    [ $((after - before)) -lt "$limit" ]
}

# The first answer after idleness: connect, request, answer, close, all in less than 1 ms. The best of three, since
# the machine may do something else just then.
idle_answer() {
    local round best=1000000 us
    for round in 1 2 3; do
        [ "$round" = 1 ] || sleep "$IDLE_SECONDS"
        inside "$PEER_NS" timeout 10 "$BENCH" load --addr "$OURS:7" --workload crr --client-closes --requests 1 \
            --json "$WORK/idle.json" || return 1
        us=$(grep -oE '"max": *[0-9]+' "$WORK/idle.json" | head -n 1 | grep -oE '[0-9]+')
        echo "round $round: ${us:-?} us"
        [ "${us:-1000000}" -ge "$best" ] || best=$us
    done
    [ "$best" -lt 1000 ]
}
