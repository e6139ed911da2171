# shellcheck shell=bash
# An interface's queues, offloads and busy polling, for host.sh.

# ---- Which one ----

# check_interface OPTION TEXT
check_interface() {
    is_interface "$2" || die "$1 $2: no such interface here; for those there are: scripts/host.sh"
    [ "$(value "$SYS/class/net/$2/type")" = 1 ] || die "$1 $2: no Ethernet interface; for those there are: scripts/host.sh"
}

is_virtual() { [[ $(readlink -f "$SYS/class/net/$1") == */devices/virtual/* ]]; }

# kind_of INTERFACE: its driver, or what it is when it has none.
kind_of() {
    local folder=$SYS/class/net/$1 line kind
    link_name "$folder/device/driver" && return
    if [ -e "$folder/tun_flags" ]; then echo tap; return; fi
    if [ -d "$folder/bridge" ]; then echo bridge; return; fi
    while IFS= read -r line; do
        [[ $line != DEVTYPE=* ]] || { echo "${line#*=}"; return; }
    done < <(cat "$folder/uevent" 2>/dev/null)
    while read -r line kind; do
        [ "$line" != driver: ] || [ -z "$kind" ] || { echo "$kind"; return; }
    done < <(ask ethtool -i "$1")
    # Of what has none of these marks, a veth alone leads to another interface.
    if is_virtual "$1" && [ "$(value "$folder/iflink")" != "$(value "$folder/ifindex")" ]; then echo veth; return; fi
    echo -
}

# queues_of INTERFACE: of receiving and sending, the fewer.
queues_of() {
    local rx=("$SYS/class/net/$1/queues"/rx-*) tx=("$SYS/class/net/$1/queues"/tx-*)
    if [ ! -e "${rx[0]}" ] || [ ! -e "${tx[0]}" ]; then echo 0; return; fi
    echo $((${#rx[@]} < ${#tx[@]} ? ${#rx[@]} : ${#tx[@]}))
}

# peer_of INTERFACE: the other end of a veth; false when it is in another network namespace.
peer_of() {
    local index link folder
    # The numbers of another namespace may be the same by chance; `ip` knows.
    [[ $(ask ip -o link show dev "$1") != *"@if"* ]] || return 1
    index=$(value "$SYS/class/net/$1/ifindex") link=$(value "$SYS/class/net/$1/iflink")
    for folder in "$SYS"/class/net/*; do
        [[ ${folder##*/} != "$1" && $(value "$folder/ifindex") == "$link" ]] || continue
        [ "$(value "$folder/iflink")" = "$index" ] || continue
        echo "${folder##*/}"
        return
    done
    return 1
}

# place_of INTERFACE: `NAMESPACE|NAME|INDEX`, by which --undo finds it again.
place_of() { echo "$(namespace)|$1|$(value "$SYS/class/net/$1/ifindex")"; }

namespace() { stat -L -c %i "$PROC/self/ns/net" 2>/dev/null || echo -; }

# find_place NAMESPACE NAME INDEX: 0 when it is here, 1 when it is gone, 2 when it is in another namespace.
find_place() {
    local where
    if [ "$1" = "$(namespace)" ]; then
        [ "$(value "$SYS/class/net/$2/ifindex")" = "$3" ] || return 1
        return 0
    fi
    # stat fails for processes that end meanwhile, which is no matter.
    where=$(grep -m 1 "^$1 " < <(stat -L -c '%i %n' "$HOST_ROOT"/run/netns/* "$PROC"/[0-9]*/ns/net 2>/dev/null)) || return 1
    where=${where#* }
    case $where in
        */run/netns/*) where="ip netns exec ${where##*/} scripts/host.sh --undo" ;;
        *) where=${where#"$PROC"/} && where="nsenter -t ${where%%/*} -n -m scripts/host.sh --undo" ;;
    esac
    say_once "$2 is in another network namespace: $where"
    return 2
}

# ---- Offloads ----

long_name() {
    case $1 in
        lro) echo large-receive-offload ;;
        gro) echo generic-receive-offload ;;
        tso) echo tcp-segmentation-offload ;;
        gso) echo generic-segmentation-offload ;;
        rxvlan) echo rx-vlan-offload ;;
        *) echo "$1" ;;
    esac
}

# feature_of INTERFACE SHORT_NAME: `on`, `off`, or with ` [fixed]` behind it.
feature_of() {
    local line name
    name=$(long_name "$2")
    while read -r line; do
        [[ $line != "$name: "* ]] || { echo "${line#*: }"; return; }
    done < <(ask ethtool -k "$1")
    return 1
}

# set_feature INTERFACE SHORT_NAME on|off
set_feature() {
    local now
    now=$(feature_of "$1" "$2") || return 0
    [ "${now%% *}" != "$3" ] || return 0
    if [[ $now == *"[fixed]"* ]]; then
        warn "$1: $(long_name "$2") can't be turned $3"
        return 0
    fi
    remember feature "$(place_of "$1")" "$2" "${now%% *}"
    run ethtool -K "$1" "$2" "$3" || { forget_last; return 1; }
}

# undo_feature NAMESPACE NAME INDEX SHORT_NAME FORMER
undo_feature() {
    local now
    now=$(feature_of "$2" "$4") || return 0
    [ "${now%% *}" = "$5" ] || run ethtool -K "$2" "$4" "$5"
}

# ---- Queues ----

# channels INTERFACE: `MAX_RX MAX_TX MAX_COMBINED RX TX COMBINED`, 0 for what it doesn't have.
channels() {
    local line name numbers=()
    while read -r name line; do
        [[ $name == RX: || $name == TX: || $name == Combined: ]] || continue
        [[ $line =~ ^[0-9]+$ ]] || line=0
        numbers+=("$line")
    done < <(ask ethtool -l "$1")
    [ ${#numbers[@]} -eq 6 ] && echo "${numbers[*]}"
}

# A veth counts both directions apart.
set_queues() {
    local max_rx max_tx max_combined rx tx combined
    read -r max_rx max_tx max_combined rx tx combined < <(channels "$1")
    if [ "$max_combined" -gt 0 ]; then
        [ "$combined" -ne "$2" ] || return 0
        remember channels "$(place_of "$1")" combined "$combined"
        run ethtool -L "$1" combined "$2" || { forget_last; return 1; }
    else
        [ "$rx,$tx" != "$2,$2" ] || return 0
        remember channels "$(place_of "$1")" rx,tx "$rx,$tx"
        run ethtool -L "$1" rx "$2" tx "$2" || { forget_last; return 1; }
    fi
}

# undo_channels NAMESPACE NAME INDEX KIND FORMER
undo_channels() {
    local rx tx combined
    read -r _ _ _ rx tx combined < <(channels "$2")
    if [ "$4" = combined ]; then
        [ "$combined" = "$5" ] || run ethtool -L "$2" combined "$5"
    else
        [ "$rx,$tx" = "$5" ] || run ethtool -L "$2" rx "${5%,*}" tx "${5#*,}"
    fi
}

# ---- Settings in sysfs ----

# change_setting INTERFACE FILE VALUE: change, remembered with the interface's namespace.
change_setting() {
    local path=/sys/class/net/$1/$2 former
    former=$(value "$HOST_ROOT$path") || { warn "$1: this kernel has no $2"; return 1; }
    [ "$former" != "$3" ] || return 0
    remember setting "$(place_of "$1")" "$2" "$former" "$3"
    put "$path" "$3" || { forget_last; return 1; }
}

# undo_setting NAMESPACE NAME INDEX FILE FORMER SET
undo_setting() { undo_value "/sys/class/net/$2/$4" "$5" "$6"; }

# ---- AF_XDP ----

check_xdp() {
    local max_rx max_tx max_combined most kind
    check_interface --xdp "$1"
    kind=$(kind_of "$1")
    [ "$kind" != tap ] || die "--xdp $1: a TAP is opened by --driver tap --interface $1, without any setting"
    [ -n "$HOST_ROOT" ] || need_commands ethtool || die "--xdp $1 needs ethtool: apt-get install ethtool" 1
    [ -n "$QUEUES" ] || return 0
    [[ $QUEUES =~ ^[1-9][0-9]{0,4}$ ]] || die "--queues $QUEUES: give a number, 1 or more"
    read -r max_rx max_tx max_combined _ < <(channels "$1") || die "--queues $QUEUES: the queues of $1 can't be set: leave --queues out"
    most=$((max_combined > 0 ? max_combined : max_rx < max_tx ? max_rx : max_tx))
    [ "$QUEUES" -le "$most" ] || die "--queues $QUEUES: $1 has $most at most"
}

do_xdp() {
    local feature features=(lro rx-gro-hw gro rxvlan) code=0 kind
    kind=$(kind_of "$1")
    [ -z "$QUEUES" ] || set_queues "$1" "$QUEUES" || code=1
    # Merged frames don't fit a chunk of packet memory, and some drivers refuse XDP while the card merges. (GRO merges
    # before XDP in skb mode alone, which a veth never needs.)
    [ "$kind" != veth ] || features=(lro rxvlan)
    # A VLAN tag that the card takes out of a frame is nowhere in an AF_XDP frame.
    for feature in "${features[@]}"; do
        set_feature "$1" "$feature" off || code=1
    done
    [ "$kind" != veth ] || set_peer "$1" || code=1
    if [ "$BUSY_POLL" = yes ]; then
        change_setting "$1" napi_defer_hard_irqs 2 && change_setting "$1" gro_flush_timeout 10000000 || code=1
    fi
    say "open it with: --driver xdp --interface $1$([ "$BUSY_POLL" = no ] || echo ', and xdp_busy_poll = true'); queues: ${QUEUES:-$(queues_of "$1")}"
    [ "$(value "$SYS/class/net/$1/operstate")" != down ] || say "$1 is down: ip link set $1 up"
    return "$code"
}

# Over a veth our frames come from the peer, as it cuts them. Its partial checksums corelane knows, so they may stay.
set_peer() {
    local peer code=0
    if ! peer=$(peer_of "$1"); then
        say "the peer of $1 is in another network namespace; there: ethtool -K PEER tso off gso off gro on"
        return
    fi
    set_feature "$peer" tso off || code=1
    set_feature "$peer" gso off || code=1
    set_feature "$peer" gro on || code=1 # more than one queue needs it
    return "$code"
}
