# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # its variables are shared with interop.sh's other parts
# For interop.sh: corelane over AF_XDP, the kernel's client, and beside it a hostile peer, corelane-bench's `attack`. Its
# forged sources are in 198.18.0.0/15, to which the kernel is corelane's router, and which it forwards nowhere.

FLOOD_SECONDS=10      # --quick: 2
FLOOD_RATE=20000
LINGER_SECONDS=35     # until the last SYN-ACK was sent again: 31 s after the flood
FULL_KIB=6144         # what the server's memory may grow by until its SYN queue is full
FLAT_KIB=1024         # and then
SYN_QUEUE=4096        # half-open connections at most

bed_hostile() {
    bed_veth h || return 1
    FLAGS+=(--gateway "$PEER")
    inside "$PEER_NS" sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward' || return 1
    # The kernel's client connects more often than it has ports for a minute.
    inside "$PEER_NS" sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse' || return 1
    ip -n "$HOME_NS" route add 198.18.0.0/15 via "$PEER" # for the kernel's own server
}

# measured NAME COMMAND [ARGUMENT...]: a check, with what was measured below it.
measured() {
    local name=$1
    shift
    check "$name" told "$@" || return
    sed 's/^/          /' "$WORK/told"
}

told() {
    local code=0
    "$@" >"$WORK/told" 2>&1 || code=$?
    cat "$WORK/told"
    return "$code"
}

# start_attack LOG ADDRESS FLAG...: returns when it has begun.
start_attack() {
    local log=$1 address=$2
    shift 2
    : >"$log"
    start "$log" ip netns exec "$PEER_NS" "$BENCH" attack --interface "$PEER_IF" --target "$address:7" "$@"
    await 10 grep -qE '^attacking' "$log" || { cat "$log"; return 1; }
}

# await_attack PID LOG SECONDS: false when it failed.
await_attack() {
    await "$3" is_gone "$1" || { echo "the attack does not end"; return 1; }
    wait "$1" || { cat "$2"; return 1; }
}

# attacked LOG FIELD: a figure of its report; a fractional one is cut.
attacked() { field "$2" <"$1"; }

# field NAME: the first one of this name in JSON.
field() { grep -oE "\"$1\": *[a-z0-9]+" | head -n 1 | grep -oE '[a-z0-9]+$'; }

# counter NAME: of a server with --stats, or 0.
counter() { awk -v name="$1" '$2 == name { sum += $3 } END { print sum + 0 }' "$WORK/stats"; }

# level NAME: of $WORK/levels, as fresh_levels gives them.
level() { awk -v name="$1" '$1 == name { print $2 }' "$WORK/levels"; }

# at_most WHAT VALUE LIMIT, at_least WHAT VALUE LIMIT: says it; false when it is beyond.
at_most() { echo "$1: ${2:-none}, at most $3"; [ "${2:-999999999}" -le "$3" ]; }
at_least() { echo "$1: ${2:-none}, at least $3"; [ "${2:-0}" -ge "$3" ]; }

# resident PID: its memory in KiB.
resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }

# connects_all_along PID LOG SERVER: connections of the kernel, ten after each other and again, until the attack has sent
# all its frames. The longest of each ten, in microseconds, and the server's memory then are in $WORK/connects.
connects_all_along() {
    : >"$WORK/connects"
    until is_gone "$1" || grep -q '^sent' "$2"; do
        inside "$PEER_NS" timeout 20 "$BENCH" load --addr "$OURS:7" --workload crr --client-closes --requests 10 \
            --json "$WORK/crr.json" >"$WORK/crr.log" 2>&1 || { cat "$WORK/crr.log"; return 1; }
        echo "$(field max <"$WORK/crr.json") $(resident "$3")" >>"$WORK/connects"
    done
    grep -q '^sent' "$2" || { echo "the attack ended early"; cat "$2"; return 1; }
}

# A SYN or its answer that the devices lose is sent again after a second: that would be told as more than one.
# flood_lets_others_in SERVER
flood_lets_others_in() {
    local tens median code=0
    connects_all_along "$STARTED" "$WORK/flood.log" "$1" || return 1
    tens=$(wc -l <"$WORK/connects")
    sort -n "$WORK/connects" | cut -d ' ' -f 1 >"$WORK/sorted"
    median=$(sed -n "$(((tens + 1) / 2))p" "$WORK/sorted")
    echo "connections: ${tens}0; of half of the tens the longest took less than $median us"
    at_least "tens of connections" "$tens" 5 || code=1
    at_most "the longest of all, us" "$(tail -n 1 "$WORK/sorted")" 1000000 || code=1
    return "$code"
}

# flood_costs_no_memory SERVER BEFORE_KIB BUFFERS: $WORK/connects has what it took meanwhile.
flood_costs_no_memory() {
    local code=0 now half
    now=$(resident "$1")
    # The middle of the flood, when the queue has long been full.
    half=$(cut -d ' ' -f 2 "$WORK/connects" | sed -n "$((($(wc -l <"$WORK/connects") + 1) / 2))p")
    echo "resident: $2 KiB before, $half KiB in the middle, $now KiB after"
    at_most "growth, KiB" $((now - $2)) "$FULL_KIB" || code=1
    at_most "growth in the second half, KiB" $((now - half)) "$FLAT_KIB" || code=1
    fresh_levels "$WORK/stats" 2 >"$WORK/levels" || return 1
    at_most "buffers in use" "$(level BuffersInUse)" "$3" || code=1
    at_most "half-open connections" "$(level HalfOpen)" "$SYN_QUEUE" || code=1
    echo "dropped: $(counter RxDropped) frames received, $(counter TxDropped) to send; buffers refused: $(counter PoolRefused)"
    return "$code"
}

# flood_is_answered: by at most five SYN-ACKs for each SYN, nearly all of which were heard.
flood_is_answered() {
    local log="$WORK/flood.log" code=0 sent
    await_attack "$1" "$log" $((FLOOD_SECONDS * 4 + LINGER_SECONDS + 10)) || return 1
    tail -n 1 "$log"
    sent=$(attacked "$log" sent)
    at_least "SYNs sent" "$sent" $((FLOOD_RATE * FLOOD_SECONDS)) || code=1
    echo "SYNs a second: $((sent * 1000 / $(attacked "$log" milliseconds)))"
    at_least "SYNs answered" "$(attacked "$log" answered)" $((sent * 99 / 100)) || code=1
    at_most "SYN-ACKs for one SYN" "$(attacked "$log" most_for_one)" 5 || code=1
    at_most "answers to nobody's SYN" "$(attacked "$log" wrong)" 0 || code=1
    return "$code"
}

# What came of a flood, as Linux counts it: names of nstat.
FLOOD_COUNTERS=(TcpExtTCPReqQFullDoCookies TcpExtSyncookiesSent TcpExtSyncookiesRecv TcpExtSyncookiesFailed
    TcpExtTCPReqQFullDrop TcpExtListenOverflows TcpExtListenDrops)

# kernel_counter NAME: of the namespace's kernel.
kernel_counter() {
    inside "$HOME_NS" cat /proc/net/netstat | awk -v name="${1#TcpExt}" '
        $1 == "TcpExt:" && !names { for (i = 2; i <= NF; i++) if ($i == name) at = i; names = 1; next }
        $1 == "TcpExt:" { print (at ? $at : 0) }'
}

# The same flood for a server of the kernel's, beside a client: what moves there moves here, and nothing else.
flood_is_counted() {
    local code=0 name ours theirs
    start "$WORK/kernel.log" ip netns exec "$HOME_NS" "$BENCH" serve --engine epoll --addr "$HOST:7"
    local server=$STARTED
    await_port "$PEER_NS" "$HOST" 7 || { cat "$WORK/kernel.log"; return 1; }
    start_attack "$WORK/kernel-flood.log" "$HOST" --kind syn-flood --rate "$FLOOD_RATE" --seconds 2 || return 1
    local attack=$STARTED
    until is_gone "$attack"; do
        inside "$PEER_NS" timeout 20 "$BENCH" load --addr "$HOST:7" --workload crr --client-closes --requests 10 >/dev/null
    done
    await_attack "$attack" "$WORK/kernel-flood.log" 10 || return 1
    stop "$server"
    for name in "${FLOOD_COUNTERS[@]}"; do
        ours=$(counter "$name") theirs=$(kernel_counter "$name")
        echo "$name: corelane $ours, kernel $theirs"
        [ $((ours > 0)) = $((theirs > 0)) ] || { echo "one moved, the other did not"; code=1; }
    done
    [ "$(counter TcpExtSyncookiesSent)" = "$(counter TcpExtTCPReqQFullDoCookies)" ] || code=1
    at_least "cookies sent" "$(counter TcpExtSyncookiesSent)" $((FLOOD_RATE * FLOOD_SECONDS / 4)) || code=1
    return "$code"
}

# sweep KIND RATE SEGMENTS: in two seconds through the window of a live connection of the kernel's.
sweep() {
    local log="$WORK/$1.log" code=0 challenges counted
    challenges=$(counter TcpExtTCPChallengeACK)
    start_attack "$log" "$OURS" --kind "$1" --rate "$2" --seconds 2 || return 1
    await_attack "$STARTED" "$log" 30 || return 1
    tail -n 1 "$log"
    fresh_levels "$WORK/stats" 2 >/dev/null || return 1
    counted=$(($(counter TcpExtTCPChallengeACK) - challenges))
    at_least "segments swept" "$(attacked "$log" sent)" $(($2 * 2)) || code=1
    at_most "challenge ACKs" "$(attacked "$log" challenges)" 400 || code=1
    at_least "challenge ACKs" "$(attacked "$log" challenges)" 1 || code=1
    # One more is the other connection's.
    at_most "challenge ACKs that the server counted" "$counted" 401 || code=1
    at_most "other answers to the victim" "$(attacked "$log" strangers)" 0 || code=1
    [ "$(attacked "$log" victim_echoes)" = true ] || { echo "the connection is dead"; code=1; }
    [ "$(attacked "$log" other_challenged)" = true ] || { echo "another connection's limit was used up"; code=1; }
    [ "$(attacked "$log" other_echoes)" = true ] || { echo "the other connection is dead"; code=1; }
    return "$code"
}

# 90,000 bytes behind gaps while another connection echoes. The machine may do something else just then: the best of three.
gaps_starve_nobody() {
    local log="$WORK/gaps.log" round p99=none
    for round in 1 2 3; do
        start_attack "$log" "$OURS" --kind gaps --rate 30000 --seconds 3 || return 1
        inside "$PEER_NS" timeout 20 "$BENCH" load --addr "$OURS:7" --duration 2 --json "$WORK/echo.json" || return 1
        await_attack "$STARTED" "$log" 20 || return 1
        tail -n 1 "$log"
        p99=$(field p99 <"$WORK/echo.json")
        at_least "bytes sent" "$(attacked "$log" sent)" 90000 || return 1
        at_least "bytes echoed when a gap is filled" "$(attacked "$log" echoed)" 1 || return 1
        at_most "round $round: 99 of 100 echoes beside it, us" "$p99" 10000 && return 0
    done
    return 1
}

run_hostile() {
    local pid flood before levels buffers
    heading "A hostile peer on a veth, AF_XDP"
    check "hostile: set up" bed_hostile || return
    check "hostile: echo starts" serve echo --stats "$WORK/stats" || return
    pid=$STARTED
    check "hostile: nc echo, 4 MiB" nc_echo
    fresh_levels "$WORK/stats" 2 >"$WORK/levels"
    levels=$(cat "$WORK/levels") buffers=$(level BuffersInUse)
    before=$(resident "$pid")
    measured "hostile: 20,000 RSTs through a window: it lives, few challenges" sweep rst-sweep 10000
    measured "hostile: 4,000 SYNs through a window: it lives, few challenges" sweep syn-sweep 2000
    measured "hostile: 90,000 gapped bytes: another echoes within 10 ms" gaps_starve_nobody
    if check "hostile: a flood of $FLOOD_RATE SYNs a second begins" start_attack "$WORK/flood.log" "$OURS" \
        --kind syn-flood --rate "$FLOOD_RATE" --seconds "$FLOOD_SECONDS" --linger "$LINGER_SECONDS"; then
        flood=$STARTED
        measured "hostile: during $FLOOD_SECONDS s of it the kernel connects and echoes within 1 s" flood_lets_others_in "$pid"
        measured "hostile: the flood costs no memory and no buffer" flood_costs_no_memory \
            "$pid" "$before" "$buffers"
        measured "hostile: the flood is counted as the kernel counts it" flood_is_counted
        measured "hostile: at most 5 SYN-ACKs for each SYN" flood_is_answered "$flood"
        check "hostile: nothing is left of it" await 10 levels_are "$WORK/stats" "$levels"
    fi
    stop "$pid"
}
