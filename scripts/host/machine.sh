# shellcheck shell=bash
# A machine that is made up, for host_test.sh: the files in $M that host.sh reads, and a kernel that obeys it.

# file PATH TEXT: in the machine's tree.
file() { mkdir -p "$M/${1%/*}" && printf '%s\n' "$2" >"$M/$1"; }

driver() { basename "$(readlink "$M/sys/bus/pci/devices/$1/driver")"; }

# make_card ADDRESS CLASS DRIVER GROUP NODE: GROUP is - where there is no IOMMU.
make_card() {
    local path=sys/devices/pci0000:00/$1
    file "$path/class" "$2"
    file "$path/numa_node" "$5"
    file "$path/driver_override" "(null)"
    file "$path/sriov_numvfs" 0
    file "$path/native" "$3"
    mkdir -p "$M/sys/bus/pci/devices" "$M/sys/bus/pci/drivers/$3"
    ln -s "../../../bus/pci/drivers/$3" "$M/$path/driver"
    ln -s "../../../devices/pci0000:00/$1" "$M/sys/bus/pci/devices/$1"
    [ "$4" != - ] || return 0
    mkdir -p "$M/sys/kernel/iommu_groups/$4/devices"
    ln -s "../../../kernel/iommu_groups/$4" "$M/$path/iommu_group"
    ln -s "../../../../devices/pci0000:00/$1" "$M/sys/kernel/iommu_groups/$4/devices/$1"
}

# make_interface NAME INDEX LINK FOLDER SPEED: FOLDER is that of its device, below /sys/devices.
make_interface() {
    local path=sys/devices/$4/net/$1
    file "$path/ifindex" "$2"
    file "$path/iflink" "$3"
    file "$path/type" 1
    file "$path/operstate" up
    file "$path/speed" "$5"
    file "$path/napi_defer_hard_irqs" 0
    file "$path/gro_flush_timeout" 0
    file "$path/uevent" "INTERFACE=$1"
    mkdir -p "$M/$path/queues"/{r,t}x-{0,1,2,3,4,5,6,7}
    [[ $4 == virtual ]] || ln -s ../.. "$M/$path/device"
    mkdir -p "$M/sys/class/net"
    ln -s "../../devices/$4/net/$1" "$M/sys/class/net/$1"
}

# stack UPPER LOWER TYPE: UPPER is a bond, bridge or VLAN over LOWER.
stack() {
    local path=$M/sys/devices/virtual/net/$1
    [ -d "$path" ] || make_interface "$1" $((RANDOM + 100)) 0 virtual -1
    echo "DEVTYPE=$3" >>"$path/uevent"
    [ "$3" != bridge ] || mkdir -p "$path/bridge" "$path/brif/$2"
    ln -s "../../../../class/net/$2" "$path/lower_$2"
}

build_machine() {
    mkdir -p "$M"
    make_card 0000:00:02.0 0x060400 pcieport 14 0
    make_card 0000:03:00.0 0x020000 i40e 12 0
    make_card 0000:03:00.1 0x020000 i40e 12 0
    make_card 0000:04:00.0 0x020000 mlx5_core 13 0
    make_card 0000:05:00.0 0x020000 virtio-pci - -1
    make_card 0000:06:00.0 0x010802 nvme 16 1
    make_card 0000:07:00.0 0x020000 ixgbe 14 1
    make_card 0000:0a:00.0 0x020000 ixgbe 16 1 # its driver shows no interface
    mkdir -p "$M"/sys/kernel/iommu_groups/{1,2}
    make_interface eth1 2 2 pci0000:00/0000:03:00.0 40000
    make_interface eth2 3 3 pci0000:00/0000:03:00.1 40000
    make_interface eth3 4 4 pci0000:00/0000:04:00.0 100000
    make_interface eth4 5 5 pci0000:00/0000:05:00.0/virtio0 -1
    ln -s ../../../../bus/virtio/drivers/virtio_net "$M/sys/devices/pci0000:00/0000:05:00.0/virtio0/driver"
    make_interface eth5 6 6 pci0000:00/0000:07:00.0 10000
    make_interface va 20 21 virtual 10000
    make_interface vb 21 20 virtual 10000
    make_interface vc 22 6 virtual 10000 # its peer's number, elsewhere, is eth5's here
    make_interface tap0 23 23 virtual 10
    file sys/class/net/tap0/tun_flags 0x1002
    make_interface lo 1 1 virtual -1
    file sys/class/net/lo/type 772
    file sys/class/net/bonding_masters bond0
    stack bond0 eth1 bond
    stack br0 eth2 bridge
    stack eth5.7 eth5 vlan
    stack bond0.7 bond0 vlan
    build_rest
    default_route bond0
    default_route6 none
}

build_rest() {
    local node
    file sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages 16
    file sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 10
    file sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages 0
    file sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages 0
    file sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages 0
    for node in 0 1; do
        file "sys/devices/system/node/node$node/hugepages/hugepages-2048kB/nr_hugepages" 8
        file "sys/devices/system/node/node$node/hugepages/hugepages-2048kB/free_hugepages" 5
        file "sys/devices/system/node/node$node/hugepages/hugepages-1048576kB/nr_hugepages" 0
        file "sys/devices/system/node/node$node/hugepages/hugepages-1048576kB/free_hugepages" 0
    done
    file sys/devices/system/cpu/online 0-7
    file sys/devices/system/cpu/isolated 7
    file sys/devices/system/cpu/nohz_full 7
    file proc/cmdline "quiet isolcpus=7 nohz_full=7 intel_iommu=on"
    file proc/meminfo "MemTotal:       16777216 kB
MemAvailable:    4194304 kB"
    file proc/mounts "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0"
    file proc/self/limits "Max locked memory         8388608              8388608              bytes     "
    file proc/self/ns/net ""
    file proc/sys/kernel/random/boot_id one
    file proc/sys/kernel/osrelease 6.1.0
    file proc/900/comm irqbalance
    file proc/interrupts "           CPU0       CPU1
 40:  1  0  PCI-MSI 100-edge      eth5
 41:  1  0  PCI-MSI 101-edge      eth5-TxRx-0
 42:  1  0  PCI-MSI 102-edge      eth5-TxRx-1
 50:  1  0  PCI-MSI 200-edge      i40e-eth1-TxRx-0
NMI:  0  0   Non-maskable interrupts"
    for node in 40 41 42 43; do file "sys/devices/pci0000:00/0000:07:00.0/msi_irqs/$node" msix; done
    file sys/devices/pci0000:00/0000:03:00.0/msi_irqs/50 msix
    for node in 40 41 42 50; do file "proc/irq/$node/smp_affinity_list" 0-7; done
}

# default_route INTERFACE|none: of IPv4.
default_route() {
    file proc/net/route "Iface	Destination	Gateway	Flags	RefCnt	Use	Metric	Mask	MTU	Window	IRTT
eth2	0000A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0"
    [ "$1" = none ] || printf '%s\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n' "$1" >>"$M/proc/net/route"
}

# default_route6 INTERFACE|none [FLAGS]
default_route6() {
    local zero=00000000000000000000000000000000
    file proc/net/ipv6_route "$zero 00 $zero 00 $zero ffffffff 00000001 00000000 00200200       lo"
    [ "$1" = none ] || echo "$zero 00 $zero 00 $zero 00000400 00000001 00000000 ${2:-00000003}     $1" >>"$M/proc/net/ipv6_route"
}

# answer TOOL ARGUMENT...: the tool, called like this, says what comes in; nothing to anything else.
answer() {
    local tool=$M/answers/$1 said
    shift
    said=$(cat)
    [ -e "$tool" ] || { mkdir -p "$M/answers" && echo '#!/bin/sh' >"$tool" && chmod 755 "$tool"; }
    printf "[ \"\$*\" != '%s' ] || cat <<'SAID'\n%s\nSAID\n" "$*" "$said" >>"$tool"
}

answers_of_ethtool() {
    answer ethtool -k "$1" <<'SAID'
tcp-segmentation-offload: on
generic-segmentation-offload: on
generic-receive-offload: on
large-receive-offload: on
rx-vlan-offload: on
rx-gro-hw: off [fixed]
SAID
    answer ethtool -l "$1" <<'SAID'
Pre-set maximums:
RX:		n/a
TX:		n/a
Other:		1
Combined:	8
Current hardware settings:
RX:		n/a
TX:		n/a
Other:		1
Combined:	2
SAID
}

# ---- A kernel that obeys ----

# obey: in a shell that has read host.sh: what it writes and calls has the effects that it would have on a machine.
# shellcheck disable=SC2317 # it is host.sh that calls these
obey() {
    M=$HOST_ROOT
    need_root() { :; }
    write_value() {
        case $1 in
            */driver/unbind) leave_driver "$2" ;;
            */drivers_probe) find_driver "$2" ;;
            */driver_override) file "${1#/}" "${2:-(null)}" ;;
            /sys/kernel/mm/*/nr_hugepages) spread_pages "$1" "$2" ;;
            /sys/devices/system/node/*/nr_hugepages) file "${1#/}" "$2" && add_pages "${1%/*}" ;;
            *) [ -e "$M$1" ] && file "${1#/}" "$2" ;;
        esac
    }
    modprobe() {
        if [ "$1" = -r ]; then
            rm -r "$M/sys/bus/pci/drivers/vfio-pci" "$M/sys/module"
        else
            mkdir -p "$M/sys/bus/pci/drivers/vfio-pci" "$M/sys/module/vfio_pci"
            file sys/module/vfio/parameters/enable_unsafe_noiommu_mode N
        fi
    }
}

leave_driver() {
    local device=$M/sys/bus/pci/devices/$1
    [ "$(driver "$1")" = vfio-pci ] || [ ! -d "$device/net" ] || mv "$device/net" "$device/no-net"
    rm "$device/driver"
}

find_driver() {
    local device=$M/sys/bus/pci/devices/$1 name
    [ ! -e "$device/driver" ] || return 0
    name=$(cat "$device/driver_override")
    [ "$name" != "(null)" ] || name=$(cat "$device/native")
    [ "$name" != vfio-pci ] || [ ! -e "$M/vfio-refuses" ] || return 0
    ln -s "../../../bus/pci/drivers/$name" "$device/driver"
    [ "$name" = vfio-pci ] || [ ! -d "$device/no-net" ] || mv "$device/no-net" "$device/net"
}

# Evenly over both nodes, and no more than there is room for.
spread_pages() {
    local node count=$2 size=${1%/*}
    [ ! -e "$M/most-pages" ] || count=$(cat "$M/most-pages")
    file "${1#/}" "$count"
    for node in 0 1; do file "sys/devices/system/node/node$node/hugepages/${size##*/}/nr_hugepages" $((count / 2)); done
}

add_pages() {
    local size=${1##*/}
    file "sys/kernel/mm/hugepages/$size/nr_hugepages" \
        $(($(cat "$M/sys/devices/system/node/node0/hugepages/$size/nr_hugepages") + $(cat "$M/sys/devices/system/node/node1/hugepages/$size/nr_hugepages")))
}
