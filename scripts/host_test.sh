#!/usr/bin/env bash
# Checks of host.sh on machines that are made up: trees of files that stand for /sys and /proc. Needs no root.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh
. scripts/host/machine.sh

# ---- Ways to look at it ----

# host ARGUMENT...: host.sh on the machine in $M; what it says goes to $OUT and $ERR, its exit code to $CODE.
host() {
    OUT=$(HOST_ROOT=$M CORELANE_STATE=$STATE_FOLDER scripts/host.sh "$@" 2>"$WORK/err")
    CODE=$?
    ERR=$(cat "$WORK/err")
}

# kernel ARGUMENT...: the same as if by root, with a kernel that obeys (scripts/host/machine.sh).
kernel() {
    OUT=$(HOST_ROOT=$M CORELANE_STATE=$STATE_FOLDER bash -c '
        SOURCED=1
        . scripts/host.sh
        . scripts/host/machine.sh
        obey
        main "$@"' scripts/host.sh "$@" 2>"$WORK/err")
    CODE=$?
    ERR=$(cat "$WORK/err")
}

same() {
    [ "$1" = "$2" ] && return 0
    diff <(echo "$1") <(echo "$2") | sed 's/^</wanted: /; s/^>/came:   /'
    return 1
}

contains() {
    [[ $1 == *"$2"* ]] && return 0
    printf 'wanted: %s\nin:     %s\n' "$2" "$1"
    return 1
}

code_is() {
    [ "$CODE" -eq "$1" ] && return 0
    printf 'exit code %d, wanted %d\n%s\n%s\n' "$CODE" "$1" "$OUT" "$ERR"
    return 1
}

# commands EXPECTED ARGUMENT...: what a dry run prints, to the letter; the machine stays as it was.
commands() {
    local expected=$1 before
    shift
    before=$(picture)
    host --dry-run "$@"
    code_is 0 && same "$expected" "$OUT" && same "$before" "$(picture)"
}

# refuses TEXT ARGUMENT...: one line with this text, exit code 2, and not a word more.
refuses() {
    local text=$1
    shift
    host --dry-run "$@"
    code_is 2 && same "" "$OUT" && contains "$ERR" "$text" && same 1 "$(wc -l <<<"$ERR")"
}

picture() { (cd "$M" && find . -printf '%p %l\n' -type f -exec sha256sum {} + | sort); }

bind_commands() {
    echo "echo vfio-pci > /sys/bus/pci/devices/$1/driver_override"
    echo "echo $1 > /sys/bus/pci/devices/$1/driver/unbind"
    echo "echo $1 > /sys/bus/pci/drivers_probe"
}

# ---- Which card ----

cards() {
    local wanted name
    wanted="modprobe vfio-pci
$(bind_commands 0000:07:00.0)"
    for name in 0000:07:00.0 07:00.0 eth5; do
        check "bind $name" commands "$wanted" --bind "$name"
    done
    check "capitals in an address" commands "modprobe vfio-pci
$(bind_commands 0000:0a:00.0)" --bind 0A:00.0
    check "an unknown name is refused" refuses "--bind eth9: neither an interface nor a PCI address" --bind eth9
    check "a path is refused" refuses "--bind ../net/eth5: neither" --bind ../net/eth5
    check "an unknown address is refused" refuses "--bind 09:00.0: there is no such PCI device" --bind 09:00.0
    check "what is no network card is refused" refuses "0000:06:00.0: no network card (PCI class 0x010802)" --bind 0000:06:00.0
    check "a veth is refused" refuses "--bind va: this interface is no PCI card" --bind va
    check "a Mellanox card is refused" refuses "beside the kernel, and not by vfio-pci" --bind eth3
    check "a Mellanox card is refused with --force" refuses "beside the kernel" --bind eth3 --force
    check "a card with virtual functions is refused" virtual_functions
    check "no IOMMU is refused" refuses "--bind eth4: it is behind no IOMMU" --bind eth4
    check "no IOMMU with --no-iommu" commands "modprobe vfio-pci
echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode
$(bind_commands 0000:05:00.0)" --bind eth4 --no-iommu
    check "no IOMMU warns" warned "can write to all of the memory" --bind eth4 --no-iommu
    check "--no-iommu behind an IOMMU changes nothing" commands "$wanted" --bind eth5 --no-iommu
    check "two cards load vfio-pci once" commands "$wanted
$(bind_commands 0000:0a:00.0)" --bind eth5 --bind 0a:00.0
    check "unbinding what is at its driver is refused" refuses "it isn't at vfio-pci but at ixgbe" --unbind eth5
}

virtual_functions() {
    local code=0
    echo 2 >"$M/sys/bus/pci/devices/0000:07:00.0/sriov_numvfs"
    refuses "its virtual functions would go with it" --bind eth5 || code=1
    echo 0 >"$M/sys/bus/pci/devices/0000:07:00.0/sriov_numvfs"
    return "$code"
}

warned() {
    local text=$1
    shift
    host --dry-run "$@"
    code_is 0 && contains "$ERR" "$text"
}

# A member of a group that holds others: told, and told no more when it comes along.
groups() {
    default_route eth3
    check "members of the group are told" warned \
        "0000:03:00.0 can't be opened before 0000:03:00.1 (i40e), of the same IOMMU group 12, comes along: --bind 0000:03:00.1" \
        --bind eth1
    check "members that come along are not told" silent 0000:03:00.1 --bind eth1 --bind 03:00.1
    check "another device of the group is told" warned "while nvme has 0000:06:00.0, of the same IOMMU group 16" --bind 0a:00.0
    check "a bridge of the group is not told" silent 0000:00:02.0 --bind eth5
    default_route bond0
}

silent() {
    local text=$1
    shift
    host --dry-run "$@"
    code_is 0 || return 1
    [[ $ERR != *"$text can't be"* && $ERR != *"before $text"* && $ERR != *"has $text"* ]] || { echo "$ERR"; return 1; }
}

# ---- The default route ----

routes() {
    local why="carries the default route"
    check "through a bond" refuses "eth1 $why, which bond0 has" --bind eth1
    check "through a bond, by address" refuses "eth1 $why, which bond0 has" --bind 03:00.0
    check "not through the bond" silent eth2 --bind eth5
    default_route eth5
    check "itself" refuses "eth5 $why, without it" --bind eth5
    check "--force" silent eth5 --bind eth5 --force
    default_route br0
    check "through a bridge" refuses "eth2 $why, which br0 has" --bind eth2
    default_route eth5.7
    check "through a VLAN" refuses "eth5 $why, which eth5.7 has" --bind eth5
    default_route bond0.7
    check "through a VLAN on a bond" refuses "eth1 $why, which bond0.7 has" --bind eth1
    default_route none
    check "no default route" silent eth5 --bind eth5
    default_route6 eth5
    check "of IPv6" refuses "eth5 $why" --bind eth5
    default_route6 eth5 00200200
    check "an unreachable one of IPv6 is none" silent eth5 --bind eth5
    default_route6 none
    answer ip route show table all default <<<"default proto static
	nexthop via 10.0.0.1 dev eth3 weight 1
	nexthop via 10.0.1.1 dev eth5 weight 1"
    check "a second hop" refuses "eth5 $why" --bind eth5
    rm -rf "$M/answers"
    default_route bond0
}

# ---- The rest of what can be set ----

pages() {
    local folder=/sys/kernel/mm/hugepages/hugepages
    check "64 pages" commands "echo 64 > $folder-2048kB/nr_hugepages" --hugepages 64
    check "a leading zero is no octal" commands "echo 64 > $folder-2048kB/nr_hugepages" --hugepages 064
    check "2 pages of 1 GiB" commands "echo 2 > $folder-1048576kB/nr_hugepages" --hugepages 2x1G
    check "as many as there are" commands "" --hugepages 16
    # 4096 MiB are available: 2048 pages more than the 16 that are there.
    check "all of the free memory" commands "echo 2064 > $folder-2048kB/nr_hugepages" --hugepages 2064
    check "more than the free memory" refuses "--hugepages 2065: 4130 MiB don't fit into free memory: give 2064 or fewer" --hugepages 2065
    check "more than the free memory, of 1 GiB" refuses "give 4 or fewer" --hugepages 5x1G
    check "fewer than there are warns" warned "fewer than the 16 that there are" --hugepages 8
    check "fewer than are in use" refuses "--hugepages 5: 6 are in use" --hugepages 5
    check "no number" refuses "--hugepages many: give a number of pages" --hugepages many
    check "a negative number" refuses "--hugepages needs a number of pages" --hugepages -1
    check "a huge number" refuses "--hugepages 99999999999999999999" --hugepages 99999999999999999999
    check "an unknown size" refuses "--hugepages 4x3M: give" --hugepages 4x3M
}

cores() {
    check "interrupts, queue by queue" commands "echo 2 > /proc/irq/40/smp_affinity_list
echo 2 > /proc/irq/41/smp_affinity_list
echo 3 > /proc/irq/42/smp_affinity_list" --irqs eth5 --cores 2-3
    check "irqbalance is warned of" warned "irqbalance runs" --irqs eth5 --cores 2-3
    check "an interface without interrupts" refuses "--irqs va: it has no interrupts of its own" --irqs va --cores 1
    check "an unknown core" refuses "--cores 2-9: no core 8-9: this machine has 0-7" --cores 2-9
    check "no list" refuses "--cores two: give a list such as 2,4-7" --cores two
    check "a backward range" refuses "--cores 3-2: an empty range" --cores 3-2
    check "all cores" refuses "leave the kernel one of 0-7" --cores 0-7
    check "what the boot loader wants" isolation 6,2-4 \
        "isolcpus=managed_irq,domain,2-4,6 nohz_full=2-4,6 rcu_nocbs=2-4,6 irqaffinity=0-1,5,7"
    check "cores that are free already" isolation 7 "the cores 7 are kept free: nothing to do"
}

isolation() {
    host --cores "$1"
    code_is 0 && contains "$OUT" "$2"
}

interfaces() {
    answers_of_ethtool eth5
    answers_of_ethtool va
    answers_of_ethtool vb
    check "AF_XDP" commands "ethtool -K eth5 lro off
ethtool -K eth5 gro off
ethtool -K eth5 rxvlan off" --xdp eth5
    check "queues" commands "ethtool -L eth5 combined 4
ethtool -K eth5 lro off
ethtool -K eth5 gro off
ethtool -K eth5 rxvlan off
echo 2 > /sys/class/net/eth5/napi_defer_hard_irqs
echo 10000000 > /sys/class/net/eth5/gro_flush_timeout" --xdp eth5 --queues 4 --busy-poll
    check "too many queues" refuses "--queues 9: eth5 has 8 at most" --xdp eth5 --queues 9
    check "no queue" refuses "--queues 0: give a number" --xdp eth5 --queues 0
    check "a veth and its peer" commands "ethtool -K va lro off
ethtool -K va rxvlan off
ethtool -K vb tso off
ethtool -K vb gso off" --xdp va
    check "a veth whose peer is elsewhere" warned "the peer of vc is in another network namespace" --xdp vc
    answer ip -o link show dev va <<<"20: va@if21: <BROADCAST,MULTICAST,UP> mtu 1500"
    check "a veth whose peer's number is another's here" warned "the peer of va is in another network namespace" --xdp va
    check "an unknown interface" refuses "--xdp eth9: no such interface" --xdp eth9
    check "the loopback" refuses "--xdp lo: no Ethernet interface" --xdp lo
    check "a TAP" refuses "--driver tap --interface tap0" --xdp tap0
    rm -rf "$M/answers"
}

words() {
    check "an unknown option" refuses "unknown option '--hugepage': see --help" --hugepage 4
    check "an option without its value" refuses "--bind needs a PCI address or an interface" --bind
    check "--queues without --xdp" refuses "--queues 4 belongs to --xdp" --queues 4
    check "--busy-poll without --xdp" refuses "belongs to --xdp" --busy-poll --hugepages 1
    check "--force without --bind" refuses "belong to --bind" --force --hugepages 64
    check "--undo with something else" refuses "call them one by one" --undo --hugepages 64
    check "--dry-run of nothing" refuses "--dry-run of what?"
    check "a slip in the last word changes nothing" refuses "eth9" --hugepages 64 --bind eth9
    check "another machine's tree is not changed" not_this_machine
    check "--help" help_text
}

not_this_machine() {
    host --hugepages 64
    code_is 2 && contains "$ERR" "is not this machine: add --dry-run"
}

help_text() {
    host --help
    code_is 0 && contains "$OUT" "Usage: scripts/host.sh"
}

overview() {
    answer pkg-config --modversion libdpdk <<<22.11.11
    answer pkg-config --variable=libdir libdpdk <<</usr/lib
    file usr/lib/dpdk/pmds-23.0/librte_net_i40e.so ""
    file usr/lib/dpdk/pmds-23.0/librte_net_mlx5.so ""
    host
    code_is 0 || return 1
    contains "$OUT" "eth1            0000:03:00.0 i40e         0    up 40G   8      12    default route, by bond0" &&
        contains "$OUT" "eth4            0000:05:00.0 virtio_net   -    up       8      -     " &&
        contains "$OUT" "-               0000:0a:00.0 ixgbe        1    -        -      16    " &&
        contains "$OUT" "br0             -            bridge       -    up       8      -     over eth2" &&
        contains "$OUT" "eth1            dpdk  no: eth1 carries the default route, which bond0 has" &&
        contains "$OUT" "eth2            dpdk  sudo scripts/host.sh --bind 0000:03:00.1" &&
        contains "$OUT" "eth3            dpdk  --driver dpdk --interface 0000:04:00.0, beside the kernel's driver: never bind it" &&
        contains "$OUT" "'librte-net-virtio*', then sudo scripts/host.sh --bind 0000:05:00.0 --no-iommu" &&
        contains "$OUT" "libdpdk 22.11.11" && contains "$OUT" "    i40e mlx5" &&
        contains "$OUT" "va              xdp   sudo scripts/host.sh --xdp va" &&
        contains "$OUT" "2 MiB    node1           8        5       16 MiB" &&
        contains "$OUT" "hugetlbfs is mounted on /dev/hugepages (rw,pagesize=2M)" &&
        contains "$OUT" "on: 6 groups" &&
        contains "$OUT" "isolated: 7" &&
        contains "$OUT" "isolcpus=7" &&
        contains "$OUT" "8192 KiB"
}

# ---- Doing it, and taking it back ----

# taken_back ARGUMENT...: done, seen, undone: the machine is as it was.
taken_back() {
    local before
    before=$(picture)
    kernel "$@"
    code_is 0 || return 1
    [ "$before" != "$(picture)" ] || { echo "it changed nothing: is this check blind?"; return 1; }
    kernel --undo
    code_is 0 && same "$before" "$(picture)" && [ ! -e "$STATE_FOLDER" ]
}

undone_in_order() {
    local node0=/sys/devices/system/node/node0 node1=/sys/devices/system/node/node1
    local pages=hugepages/hugepages-2048kB/nr_hugepages
    kernel --hugepages 64 --bind eth5
    code_is 0 && same vfio-pci "$(driver 0000:07:00.0)" || return 1
    kernel --hugepages 128
    host --undo --dry-run
    code_is 0 && same "echo 32 > $node1/$pages
echo 32 > $node0/$pages
echo > /sys/bus/pci/devices/0000:07:00.0/driver_override
echo 0000:07:00.0 > /sys/bus/pci/devices/0000:07:00.0/driver/unbind
echo 0000:07:00.0 > /sys/bus/pci/drivers_probe
modprobe -r vfio-pci
echo 8 > $node1/$pages
echo 8 > $node0/$pages" "$OUT" || return 1
    kernel --undo
    code_is 0 && same ixgbe "$(driver 0000:07:00.0)" && same 16 "$(cat "$M$PAGES_2M")" || return 1
    kernel --undo
    code_is 0 && contains "$OUT" "nothing to take back"
}

unbound_by_name() {
    kernel --bind eth5 && kernel --hugepages 64 && kernel --unbind eth5
    code_is 0 && same ixgbe "$(driver 0000:07:00.0)" || return 1
    host --undo --dry-run
    [[ $OUT != *0000:07:00.0* ]] || { echo "the card is in the journal still: $OUT"; return 1; }
    kernel --undo
    code_is 0
}

# An override that was there is set again, and an idle card is idle again.
former_state() {
    local device=$M/sys/bus/pci/devices/0000:07:00.0 code=0
    echo ixgbe >"$device/driver_override"
    taken_back --bind eth5 || code=1
    same ixgbe "$(cat "$device/driver_override")" || code=1
    echo "(null)" >"$device/driver_override"
    rm "$device/driver" && mv "$device/net" "$device/idle" || return 1
    taken_back --bind 07:00.0 || code=1
    mv "$device/idle" "$device/net" && ln -s ../../../bus/pci/drivers/ixgbe "$device/driver"
    return "$code"
}

given_back() {
    local code=0
    touch "$M/vfio-refuses"
    kernel --bind eth5
    code_is 1 && contains "$ERR" "vfio-pci doesn't take 0000:07:00.0" && same ixgbe "$(driver 0000:07:00.0)" || code=1
    rm "$M/vfio-refuses"
    kernel --undo
    return "$code"
}

what_is_gone() {
    kernel --bind eth5 && kernel --irqs eth1 --cores 5
    mv "$M/sys/bus/pci/devices/0000:07:00.0" "$M/away" && mv "$M/proc/interrupts" "$M/interrupts"
    kernel --undo
    mv "$M/away" "$M/sys/bus/pci/devices/0000:07:00.0" && mv "$M/interrupts" "$M/proc/interrupts"
    code_is 0 && contains "$OUT" "gone, so nothing to take back: 0000:07:00.0" &&
        contains "$OUT" "gone, so nothing to take back: interrupt 50" && [ ! -e "$STATE_FOLDER" ]
}

# A process that has the card open: unbinding would hang.
in_use() {
    local code=0
    kernel --bind eth5
    mkdir -p "$M/dev/vfio" "$M/proc/77/fd" && touch "$M/dev/vfio/14" && ln -s "$M/dev/vfio/14" "$M/proc/77/fd/5"
    kernel --undo
    code_is 1 && contains "$ERR" "process 77 has 0000:07:00.0 open" && same vfio-pci "$(driver 0000:07:00.0)" || code=1
    rm -r "${M:?}/dev" "$M/proc/77"
    kernel --undo
    code_is 0 && same ixgbe "$(driver 0000:07:00.0)" || code=1
    return "$code"
}

too_few_pages() {
    echo 40 >"$M/most-pages"
    kernel --hugepages 64
    rm "$M/most-pages"
    code_is 1 && contains "$ERR" "no more than 40 pages" || return 1
    kernel --undo
    code_is 0 && same 16 "$(cat "$M$PAGES_2M")"
}

# Somebody else's change in between is theirs.
set_by_others() {
    local irq=$M/proc/irq/41/smp_affinity_list
    kernel --hugepages 64 --irqs eth5 --cores 2
    code_is 0 && echo 6 >"$irq" || return 1
    file sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages 500
    kernel --undo
    code_is 0 && contains "$OUT" "/proc/irq/41/smp_affinity_list is 6, and not the 2" &&
        same "6 0-7" "$(cat "$irq") $(cat "$M/proc/irq/42/smp_affinity_list")" &&
        same "500 8" "$(cat "$M"/sys/devices/system/node/node[01]/hugepages/hugepages-2048kB/nr_hugepages | tr '\n' ' ' | sed 's/ $//')"
}

another_boot() {
    kernel --hugepages 64
    echo other >"$M/proc/sys/kernel/random/boot_id"
    host --undo --dry-run
    echo one >"$M/proc/sys/kernel/random/boot_id"
    code_is 0 && same "" "$OUT" && kernel --undo
}

another_namespace() {
    local code=0
    kernel --xdp eth5 --busy-poll
    code_is 0 || return 1
    mkdir -p "$M/run/netns" && mv "$M/proc/self/ns/net" "$M/run/netns/blue" && touch "$M/proc/self/ns/net"
    kernel --undo
    code_is 1 && contains "$OUT" "eth5 is in another network namespace: ip netns exec blue scripts/host.sh --undo" || code=1
    mv "$M/run/netns/blue" "$M/proc/self/ns/net" && rm -r "$M/run"
    kernel --undo
    code_is 0 && same 0 "$(cat "$M/sys/class/net/eth5/napi_defer_hard_irqs")" || code=1
    return "$code"
}

# anew CHECK...: on a machine that nothing has happened to yet.
anew() {
    rm -rf "$M" "$STATE_FOLDER"
    cp -a "$WORK/untouched" "$M"
    "$@"
}

doing() {
    check "huge pages, and back" anew taken_back --hugepages 64
    check "a card, and back" anew taken_back --bind eth5
    check "a card without an IOMMU, and back" anew taken_back --bind eth4 --no-iommu
    check "both cards of a group, and back" anew taken_back --bind eth1 --bind eth2 --force
    check "interrupts, and back" anew taken_back --irqs eth5 --cores 2-3
    check "busy polling, and back" anew taken_back --xdp eth5 --busy-poll
    check "all at once, and back" anew taken_back --hugepages 2x1G --irqs eth5 --cores 4 --bind eth4 --no-iommu --hugepages 32
    check "undone in order, and once" anew undone_in_order
    check "--unbind by the name that is gone" anew unbound_by_name
    check "a former override, a card without a driver" anew former_state
    check "a card that vfio-pci doesn't take is given back" anew given_back
    check "what is gone is no failure" anew what_is_gone
    check "a card in use stays" anew in_use
    check "fewer pages than asked for" anew too_few_pages
    check "what others have set meanwhile stays" anew set_by_others
    check "a journal from before a reboot is void" anew another_boot
    check "an interface in another namespace waits" anew another_namespace
}

PAGES_2M=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

work_dir
M=$WORK/machine STATE_FOLDER=$WORK/state
build_machine
cp -a "$M" "$WORK/untouched"
cards
groups
routes
pages
cores
interfaces
words
check "the overview" overview
doing
tally
