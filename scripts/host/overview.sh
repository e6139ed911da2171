# shellcheck shell=bash
# What the machine has, and what leads from there to corelane, for host.sh.

indent() {
    local line
    while IFS= read -r line; do note "$line"; done <<<"$1"
}

check_show() { :; }

do_show() {
    show_machine
    show_cards
    show_ways
    show_hugepages
    show_iommu
    show_cores
    show_memlock
    show_dpdk
    show_journal
}

show_machine() {
    local nodes=("$SYS"/devices/system/node/node[0-9]*) count=1
    [ ! -e "${nodes[0]}" ] || count=${#nodes[@]}
    heading "Machine"
    note "Linux $(value "$PROC/sys/kernel/osrelease"), $(expand "$(online || echo 0)" | wc -l) cores on $count NUMA node(s), $(($(meminfo MemTotal) / 1024)) MiB of memory, $(($(meminfo MemAvailable) / 1024)) available"
}

# ---- Cards and interfaces ----

# all_interfaces: one a line, lo left out.
all_interfaces() {
    local folder
    for folder in "$SYS"/class/net/*; do
        # bonding_masters is a file.
        [ -d "$folder" ] && [ "${folder##*/}" != lo ] && echo "${folder##*/}"
    done
}

# hidden_cards: those without an interface, as after --bind; one a line.
hidden_cards() {
    local folder
    for folder in "$HOST_ROOT$PCI_DEVICES"/*; do
        is_network_card "${folder##*/}" && [ -z "$(interfaces_of "${folder##*/}")" ] && echo "${folder##*/}"
    done
}

# link_of INTERFACE: `down`, `up`, or with the speed.
link_of() {
    local state speed
    state=$(value "$SYS/class/net/$1/operstate")
    [ "$state" = up ] || { echo "${state:-?}"; return; }
    speed=$(value "$SYS/class/net/$1/speed") || speed=-1
    [[ $speed =~ ^[0-9]+$ ]] || { echo up; return; }
    if [ $((speed % 1000)) -eq 0 ]; then echo "up $((speed / 1000))G"; else echo "up ${speed}M"; fi
}

node_of() {
    local node
    node=$(value "$HOST_ROOT$PCI_DEVICES/$1/numa_node") && [ "$node" -ge 0 ] && echo "$node"
}

CARD_FORMAT='%-15s %-12s %-12s %-4s %-8s %-6s %-5s %s\n'

show_cards() {
    local name card shown
    heading "Network cards and interfaces"
    # shellcheck disable=SC2059 # the format is ours
    shown=$(
        printf "$CARD_FORMAT" INTERFACE "PCI ADDRESS" DRIVER NODE LINK QUEUES GROUP NOTES
        while read -r name; do show_interface "$name"; done < <(all_interfaces)
        while read -r card; do
            name=$(driver_of "$card")
            printf "$CARD_FORMAT" - "$card" "${name:--}" "$(node_of "$card" || echo -)" - - \
                "$(group_of "$card" || echo -)" "$([ "$name" = vfio-pci ] && echo "for DPDK")"
        done < <(hidden_cards)
    )
    indent "$shown"
    note "GROUP is that of the IOMMU; QUEUES are those that can both receive and send."
}

show_interface() {
    local card route notes=() folder below=()
    card=$(card_of "$1")
    if route=$(carries_default "$1"); then
        if [ "$route" = "$1" ]; then notes+=("default route"); else notes+=("default route, by $route"); fi
    fi
    for folder in "$SYS/class/net/$1"/lower_*; do
        [ ! -L "$folder" ] && [ ! -e "$folder" ] || below+=("${folder##*/lower_}")
    done
    [ ${#below[@]} -eq 0 ] || notes+=("over ${below[*]}")
    # shellcheck disable=SC2059 # the format is ours
    printf "$CARD_FORMAT" "$1" "${card:--}" "$(kind_of "$1")" "$([ -n "$card" ] && node_of "$card" || echo -)" \
        "$(link_of "$1")" "$(queues_of "$1")" "$([ -n "$card" ] && group_of "$card" || echo -)" \
        "$(join_by ', ' "${notes[@]}")"
}

# join_by SEPARATOR WORD...
join_by() {
    local separator=$1 all
    shift
    printf -v all "%s$separator" "$@"
    printf '%s\n' "${all%"$separator"}"
}

# ---- What can open them ----

show_ways() {
    local name card kind
    heading "What corelane can open, and what leads there"
    while read -r name; do
        kind=$(kind_of "$name")
        case $kind in
            tap) way "$name" tap "--driver tap --interface $name" ;;
            bridge | bond | vlan) way "$name" - "AF_XDP and DPDK take what lies below it" ;;
            *)
                card=$(card_of "$name")
                [ -n "$card" ] || [ "$kind" = veth ] || continue
                [ -z "$card" ] || way "$name" dpdk "$(way_to_dpdk "$card")"
                way "$name" xdp "sudo scripts/host.sh --xdp $name"
                ;;
        esac
    done < <(all_interfaces)
    while read -r card; do
        way "$card" dpdk "$(way_to_dpdk "$card")"
    done < <(hidden_cards)
    way "(none)" tap "--driver tap makes an interface of its own"
}

way() { printf '   %-15s %-5s %s\n' "$1" "$2" "$3"; }

# way_to_dpdk CARD
way_to_dpdk() {
    local driver pmd why command="sudo scripts/host.sh --bind $1"
    driver=$(driver_of "$1")
    if [ "$driver" = vfio-pci ]; then
        echo "ready: --driver dpdk --interface $1; back to the kernel: sudo scripts/host.sh --unbind $1"
        return
    fi
    if ! is_bifurcated "$driver" && why=$(card_carries_default "$1"); then
        echo "no: $why"
        return
    fi
    pmd=$(pmd_for "$driver") || { echo "no: no driver of DPDK's is known for ${driver:-a card without a driver}"; return; }
    if ! has_pmd "$pmd"; then
        why="apt-get install libdpdk-dev 'librte-net-$pmd*', then "
    fi
    if is_bifurcated "$driver"; then
        echo "${why:-}--driver dpdk --interface $1, beside the kernel's driver: never bind it"
        return
    fi
    [ -n "$(group_of "$1")" ] || command+=" --no-iommu (it is behind no IOMMU: read --help first)"
    echo "${why:-}$command"
}

# pmd_for KERNEL_DRIVER: DPDK's for the same cards.
pmd_for() {
    case $1 in
        i40e | ice | iavf | igc | ena | gve | ionic | enic | sfc | qede | nfp | fm10k | hinic | hns3 | vmxnet3 | atlantic)
            echo "$1"
            ;;
        ixgbe | ixgbevf) echo ixgbe ;;
        e1000 | e1000e | igb | igbvf) echo e1000 ;;
        virtio-pci) echo virtio ;;
        mlx5_core) echo mlx5 ;;
        mlx4_core) echo mlx4 ;;
        bnxt_en) echo bnxt ;;
        bnx2x) echo bnx2x ;;
        cxgb4 | cxgb4vf) echo cxgbe ;;
        amd-xgbe) echo axgbe ;;
        txgbe | ngbe) echo "$1" ;;
        *) return 1 ;;
    esac
}

# ---- DPDK ----

# pmds: the network drivers that libdpdk finds, one a line.
pmds() {
    local file folder
    folder=$(ask pkg-config --variable=libdir libdpdk) || return 1
    for file in "$HOST_ROOT$folder"/dpdk/pmds-*/librte_net_*.so; do
        file=${file##*/librte_net_} && file=${file%.so}
        [ "$file" = '*' ] || echo "$file"
    done
}

has_pmd() { grep -qxF -e "$1" < <(pmds); }

show_dpdk() {
    local version list
    heading "DPDK"
    if ! version=$(ask pkg-config --modversion libdpdk); then
        note "libdpdk is not installed: apt-get install libdpdk-dev 'librte-net-*'"
        return
    fi
    list=$(pmds | tr '\n' ' ')
    note "libdpdk $version; its network drivers:"
    indent "$(fold -s -w 110 <<<"${list:-none: apt-get install librte-net-*}" | sed 's/^/    /')"
}

# ---- The IOMMU, and what was done ----

show_iommu() {
    local word words=() groups
    heading "IOMMU (for DPDK with vfio-pci)"
    groups=("$SYS"/kernel/iommu_groups/*)
    for word in $(value "$PROC/cmdline"); do
        case $word in
            iommu=* | iommu.* | intel_iommu=* | amd_iommu=* | vfio*) words+=("$word") ;;
        esac
    done
    if [ -e "${groups[0]}" ]; then
        note "on: ${#groups[@]} groups"
    else
        note "off: switch it on in the firmware, and by intel_iommu=on iommu=pt in the boot loader (AMD: iommu=pt alone)"
    fi
    note "of the kernel's command line: ${words[*]:-nothing of it}"
    if [ -d "$SYS/bus/pci/drivers/vfio-pci" ]; then note "vfio-pci is loaded"; else note "vfio-pci is not loaded: --bind does it"; fi
    ! no_iommu_is_on || note "VFIO's no-IOMMU mode is on: cards can write to all of the memory"
}

show_journal() {
    [ -f "$JOURNAL" ] || return 0
    heading "Done by this script"
    if [ ! -r "$JOURNAL" ]; then
        note "something: only root can read $JOURNAL"
        return
    fi
    load_journal
    note "${#ENTRIES[@]} change(s); to take them back: sudo scripts/host.sh --undo"
}
