# shellcheck shell=bash disable=SC2034,SC2153 # its variables are shared with interop.sh's other parts
# For interop.sh: where corelane meets the kernel, and starting a server there.
#
# A bed sets $DRIVER, $DEVICE and the examples' $FLAGS for them, $HOME_NS where corelane runs, $PEER_NS and $PEER_IF
# where the kernel is its peer, and $JOIN, what is done when the server has started.

bed_xdp() { bed_veth x; }

# bed_veth PREFIX: of the names of the namespaces, which live until the end.
bed_veth() {
    local home peer
    make_namespace home "$1h" && make_namespace peer "$1p" || return 1
    join "$home" cl0 "$HOST/24" "$peer" cl1 "$PEER/24" || return 1
    DRIVER=xdp DEVICE=cl0 HOME_NS=$home PEER_NS=$peer PEER_IF=cl1
    name_device
    many_ports
}

# As xdp, with the settings of the comparison: the worker's own core polls the interface.
bed_busy() {
    bed_veth b || return 1
    inside "$HOME_NS" sh -c \
        "cd /sys/class/net/$DEVICE && echo 2 >napi_defer_hard_irqs && echo 10000000 >gro_flush_timeout" || return 1
    cat >"$WORK/busy.toml" <<TOML
[device]
driver = "xdp"
interface = "$DEVICE"
xdp_busy_poll = true
[network]
addresses = ["$OURS/24"]
TOML
    FLAGS=(--config "$WORK/busy.toml")
}

bed_tap() {
    local home
    make_namespace home tp || return 1
    ip -n "$home" tuntap add dev cl0 mode tap || return 1
    ip -n "$home" link set cl0 addrgenmode none 2>/dev/null
    ip -n "$home" address add "$PEER/24" dev cl0 && ip -n "$home" link set cl0 up || return 1
    DRIVER=tap DEVICE=cl0 HOME_NS=$home PEER_NS=$home PEER_IF=cl0
    name_device
    many_ports
}

name_device() { JOIN=: FLAGS=(--driver "$DRIVER" --interface "$DEVICE" --address "$OURS/24"); }

# The kernel's clients keep tens of thousands of connections in TIME-WAIT here, on ports that no server takes.
many_ports() { inside "$PEER_NS" sh -c 'echo 10240 65535 >/proc/sys/net/ipv4/ip_local_port_range'; }

# serve EXAMPLE [ARGUMENT...]: starts it on the bed's device and waits until it listens; its id is then in $STARTED.
serve() {
    local example=$1 log="$WORK/$1.log"
    shift
    start "$log" ip netns exec "$HOME_NS" "$EXAMPLES/$example" "${FLAGS[@]}" "$@"
    if await 10 grep -q '^listening' "$log"; then
        "$JOIN"
        return
    fi
    cat "$log"
    return 1
}
