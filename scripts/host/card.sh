# shellcheck shell=bash
# Network cards on the PCI bus, and who drives them, for host.sh.

PCI_DEVICES=/sys/bus/pci/devices
FULL_ADDRESS='^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$'

# ---- Finding them ----

is_interface() { [[ $1 =~ ^[^/[:space:]]{1,15}$ && $1 != .* ]] && [ -d "$SYS/class/net/$1" ]; }

# card_of INTERFACE: its PCI address; false when it has none. A virtio interface is a device behind the card.
card_of() {
    local path
    [ -e "$SYS/class/net/$1/device" ] && path=$(readlink -f "$SYS/class/net/$1/device") || return 1
    while [[ $path == */* ]]; do
        [[ ! ${path##*/} =~ $FULL_ADDRESS ]] || { echo "${path##*/}"; return; }
        path=${path%/*}
    done
    return 1
}

# interfaces_of CARD: one a line; none when the kernel doesn't drive it.
interfaces_of() {
    local folder
    for folder in "$HOST_ROOT$PCI_DEVICES/$1"/net/* "$HOST_ROOT$PCI_DEVICES/$1"/virtio*/net/*; do
        [ ! -d "$folder" ] || echo "${folder##*/}"
    done
}

driver_of() { link_name "$HOST_ROOT$PCI_DEVICES/$1/driver"; }
group_of() { link_name "$HOST_ROOT$PCI_DEVICES/$1/iommu_group"; }
class_of() { value "$HOST_ROOT$PCI_DEVICES/$1/class"; }
is_network_card() { [[ $(class_of "$1") == 0x02* ]]; }

# find_card OPTION TEXT: the address goes to $CARD.
find_card() {
    local text=${2,,}
    [[ ! $text =~ ^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]] || text=0000:$text
    if [[ $text =~ $FULL_ADDRESS ]]; then
        [ -e "$HOST_ROOT$PCI_DEVICES/$text" ] || die "$1 $2: there is no such PCI device; for those there are: scripts/host.sh"
    elif is_interface "$2"; then
        text=$(card_of "$2") || die "$1 $2: this interface is no PCI card: open it by AF_XDP, see --xdp"
    elif ! text=$(taken_card "$2"); then
        die "$1 $2: neither an interface nor a PCI address; for those there are: scripts/host.sh"
    fi
    is_network_card "$text" || die "$1 $2: no network card (PCI class $(class_of "$text")); for those there are: scripts/host.sh"
    CARD=$text
}

# taken_card INTERFACE: the address of the card that had this interface until it was bound.
taken_card() {
    local entry card interfaces
    load_journal
    for entry in "${ENTRIES[@]}"; do
        [[ $entry == card\|* ]] || continue
        IFS='|' read -r _ card _ _ interfaces <<<"$entry"
        [[ " $interfaces " != *" $1 "* ]] || { echo "$card"; return; }
    done
    return 1
}

# ---- The default route ----

# default_routes: the interfaces that carry one of IPv4 or IPv6, one a line.
default_routes() {
    {
        local name to flags mask
        while read -r name to _ flags _ _ _ mask _; do
            # RTF_UP, and not RTF_REJECT
            [ "$to$mask" = 0000000000000000 ] && (((16#$flags & 0x201) == 1)) && echo "$name"
        done < <(tail -n +2 "$PROC/net/route" 2>/dev/null)
        while read -r to mask _ _ _ _ _ _ flags name; do
            [ "$to" = 00000000000000000000000000000000 ] && [ "$mask" = 00 ] &&
                (((16#$flags & 0x201) == 1)) && echo "$name"
        done < <(cat "$PROC/net/ipv6_route" 2>/dev/null)
        # Further tables, and the further hops of one route, are not in those files.
        { ask ip route show table all default; ask ip -6 route show table all default; } |
            grep -v '^unreachable' | grep -oE 'dev [^ ]+' | cut -d ' ' -f 2
    } | sort -u
}

# below INTERFACE: it, and those that its frames go through: a bond's, a bridge's, a VLAN's.
below() {
    local link name
    echo "$1"
    for link in "$SYS/class/net/$1"/lower_* "$SYS/class/net/$1"/brif/*; do
        [ -e "$link" ] || [ -L "$link" ] || continue
        name=${link##*/}
        below "${name#lower_}"
    done
}

# carries_default INTERFACE: what carries the default route over it goes to stdout; false when nothing does.
carries_default() {
    local route
    for route in $(default_routes); do
        ! grep -qxF -e "$1" < <(below "$route") || { echo "$route"; return; }
    done
    # Open vSwitch doesn't tell sysfs what its own interfaces lie on.
    [ "$(link_name "$SYS/class/net/$1/master")" = ovs-system ] && echo ovs-system
}

# card_carries_default CARD: `it carries...`, or false.
card_carries_default() {
    local name route
    for name in $(interfaces_of "$1"); do
        route=$(carries_default "$name") || continue
        if [ "$route" = "$name" ]; then
            echo "$name carries the default route"
        else
            echo "$name carries the default route, which $route has"
        fi
        return
    done
    return 1
}

# ---- Binding ----

# DPDK's drivers for these work through the kernel's.
is_bifurcated() { [[ $1 == mlx5_core || $1 == mlx4_core ]]; }

no_iommu_is_on() { [ "$(value "$SYS/module/vfio/parameters/enable_unsafe_noiommu_mode")" = Y ]; }

check_bind() {
    local driver why
    find_card --bind "$1"
    driver=$(driver_of "$CARD")
    [ "$driver" != vfio-pci ] || return 0
    if is_bifurcated "$driver"; then
        die "--bind $1: DPDK drives $driver cards beside the kernel, and not by vfio-pci: leave it, and open it by --driver dpdk --interface $CARD"
    fi
    if [ "$FORCE" = no ]; then
        why=$(card_carries_default "$CARD") &&
            die "--bind $1: $why, without it this machine may be cut off: take another card, or add --force"
        [ "$(number "$HOST_ROOT$PCI_DEVICES/$CARD/sriov_numvfs")" -eq 0 ] ||
            die "--bind $1: its virtual functions would go with it: end them (echo 0 > $PCI_DEVICES/$CARD/sriov_numvfs), or add --force"
    fi
    [ -n "$(group_of "$CARD")" ] || [ "$NO_IOMMU" = yes ] ||
        die "--bind $1: it is behind no IOMMU: switch that on in the firmware and by intel_iommu=on in the boot loader, or add --no-iommu"
}

do_bind() {
    find_card --bind "$1"
    if [ "$(driver_of "$CARD")" = vfio-pci ]; then
        say "$CARD is at vfio-pci already"
        return
    fi
    tell_group "$CARD"
    load_vfio "$CARD" || return 1
    give_to_vfio "$CARD" || return 1
    say "open it with: --driver dpdk --interface $CARD (needs huge pages: --hugepages 512)"
}

# A group is one to the IOMMU: VFIO opens no card of it while the kernel drives another.
tell_group() {
    local group member driver action taken=" "
    group=$(group_of "$1") || return 0
    for action in "${ACTIONS[@]}"; do
        [[ $action != bind\ * ]] || { find_card --bind "${action#* }"; taken+="$CARD "; }
    done
    CARD=$1
    for member in "$SYS/kernel/iommu_groups/$group/devices"/*; do
        member=${member##*/}
        # Bridges may stay.
        [[ $taken == *" $member "* || $(class_of "$member") == 0x06* ]] && continue
        driver=$(driver_of "$member") || continue
        [[ $driver != vfio-pci && $driver != pci-stub ]] || continue
        if is_network_card "$member"; then
            warn "$1 can't be opened before $member ($driver), of the same IOMMU group $group, comes along: --bind $member"
        else
            warn "$1 can't be opened while $driver has $member, of the same IOMMU group $group: use another slot"
        fi
    done
}

VFIO_LOADED=no NO_IOMMU_SET=no # by this run, so that a dry run doesn't do it for each card

load_vfio() {
    if [ ! -d "$SYS/bus/pci/drivers/vfio-pci" ] && [ "$VFIO_LOADED" = no ]; then
        remember module vfio-pci
        run modprobe vfio-pci || { forget_last; return 1; }
        VFIO_LOADED=yes
    fi
    [ -z "$(group_of "$1")" ] && ! no_iommu_is_on && [ "$NO_IOMMU_SET" = no ] || return 0
    warn "no IOMMU: this card, and so the program that drives it, can write to all of the memory"
    change /sys/module/vfio/parameters/enable_unsafe_noiommu_mode Y || return 1
    NO_IOMMU_SET=yes
}

# former_override CARD: what driver_override holds; the kernel writes (null) for nothing.
former_override() {
    local override
    override=$(value "$HOST_ROOT$PCI_DEVICES/$1/driver_override")
    [ "$override" = "(null)" ] || echo "$override"
}

give_to_vfio() {
    local folder=$PCI_DEVICES/$1 driver name
    driver=$(driver_of "$1")
    for name in $(interfaces_of "$1"); do
        say "$name goes away, with its addresses and routes"
    done
    remember card "$1" "${driver:--}" "$(former_override "$1")" "$(interfaces_of "$1" | tr '\n' ' ')"
    put "$folder/driver_override" vfio-pci &&
        { [ -z "$driver" ] || put "$folder/driver/unbind" "$1"; } &&
        put /sys/bus/pci/drivers_probe "$1"
    [ "$DRY_RUN" = no ] || return 0
    [ "$(driver_of "$1")" != vfio-pci ] || return 0
    warn "vfio-pci doesn't take $1 (dmesg may say why): giving it back"
    load_journal
    undo_entry "${ENTRIES[-1]}" && forget_last
    return 1
}

# ---- Giving back ----

check_unbind() {
    find_card --unbind "$1"
    [ -n "$(card_entry "$CARD")" ] || [ "$(driver_of "$CARD")" = vfio-pci ] ||
        die "--unbind $1: it isn't at vfio-pci but at $(driver_of "$CARD" || echo "no driver")"
}

# card_entry CARD: its index in the journal.
card_entry() {
    local i
    load_journal
    for i in "${!ENTRIES[@]}"; do
        [[ ${ENTRIES[i]} != "card|$1|"* ]] || { echo "$i"; return; }
    done
}

do_unbind() {
    local index
    find_card --unbind "$1"
    index=$(card_entry "$CARD")
    if [ -z "$index" ]; then
        undo_card "$CARD" "" "" "" # somebody else's: the kernel knows which driver fits
        return
    fi
    load_journal
    undo_entry "${ENTRIES[index]}" || return 1
    unset 'ENTRIES[index]'
    [ "$DRY_RUN" = yes ] || save_journal
}

# undo_card CARD DRIVER OVERRIDE INTERFACES: DRIVER is `-` when it had none, and empty when that isn't known.
undo_card() {
    local folder=$PCI_DEVICES/$1 now user
    [ -e "$HOST_ROOT$folder" ] || { say "gone, so nothing to take back: $1"; return 0; }
    now=$(driver_of "$1")
    if [ "$now" = vfio-pci ] && user=$(vfio_user "$1"); then
        # The kernel would wait for it, and this script with the kernel.
        warn "process $user has $1 open: end it first"
        return 1
    fi
    [ "$(former_override "$1")" = "$3" ] || put "$folder/driver_override" "$3" || return 1
    if [ "$now" = vfio-pci ]; then
        put "$folder/driver/unbind" "$1" || return 1
    elif [ -n "$now" ]; then
        [ "$now" = "$2" ] || say "$1 is at $now, which is somebody else's doing: left there"
        return 0
    fi
    [ "$2" != - ] || return 0
    put /sys/bus/pci/drivers_probe "$1" || return 1
    [ "$DRY_RUN" = no ] || return 0
    now=$(driver_of "$1")
    if [ -n "$2" ] && [ "$now" != "$2" ]; then
        warn "$1 is at ${now:-no driver} and not at $2 again: modprobe $2, then scripts/host.sh --undo"
        return 1
    fi
    say "$1 is at ${now:-no driver} again"
    [ -z "$4" ] || say "addresses of ${4% } are the network configuration's to set again"
}

# vfio_user CARD: a process that holds the card's group.
vfio_user() {
    local group fd
    group=$(group_of "$1") || return 1
    [ "$(value "$SYS/kernel/iommu_groups/$group/name")" != vfio-noiommu ] || group=noiommu-$group
    [ -e "$HOST_ROOT/dev/vfio/$group" ] || return 1
    for fd in "$PROC"/[0-9]*/fd/*; do
        [[ $fd -ef $HOST_ROOT/dev/vfio/$group ]] || continue
        fd=${fd#"$PROC"/}
        echo "${fd%%/*}"
        return
    done
    return 1
}

undo_module() {
    # Its users are those that somebody else bound meanwhile: theirs it is then.
    [ -d "$SYS/module/${1//-/_}" ] || return 0
    run modprobe -r "$1" || say "$1 stays loaded: somebody uses it"
}
