# shellcheck shell=bash
# Cores: which are kept free, and which take interrupts, for host.sh.

# ---- Lists of cores ----

# expand LIST: `1,3-5` as one number a line, in order.
expand() {
    local part
    for part in ${1//,/ }; do seq "$((10#${part%-*}))" "$((10#${part#*-}))"; done | sort -nu
}

# compress: numbers, one a line, as a list.
compress() {
    local n first='' last='' list=''
    while read -r n; do
        if [ -n "$last" ] && [ "$n" -eq $((last + 1)) ]; then
            last=$n
            continue
        fi
        [ -z "$first" ] || list+=,$(part "$first" "$last")
        first=$n last=$n
    done
    [ -z "$first" ] || list+=,$(part "$first" "$last")
    echo "${list#,}"
}

part() { if [ "$1" = "$2" ]; then echo "$1"; else echo "$1-$2"; fi; }

# without LIST LIST: the cores of the first that the second doesn't have.
without() { grep -vxF -f <(expand "$2") < <(expand "$1") | compress; }

online() { value "$SYS/devices/system/cpu/online"; }

# isolated FILE: of /sys/devices/system/cpu; what the kernel writes for none becomes nothing.
isolated() {
    local list
    list=$(value "$SYS/devices/system/cpu/$1") || return 0
    [[ $list == *null* ]] || echo "${list// /}"
}

check_cores() {
    local missing
    [[ $1 =~ ^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$ ]] || die "--cores $1: give a list such as 2,4-7"
    [ -n "$(expand "$1")" ] || die "--cores $1: an empty range; give a list such as 2,4-7"
    missing=$(without "$1" "$(online)")
    [ -z "$missing" ] || die "--cores $1: no core $missing: this machine has $(online)"
}

# ---- Keeping cores free ----

check_isolate() {
    [ -n "$(without "$(online)" "$CORES")" ] || die "--cores $CORES: these are all: leave the kernel one of $(online)"
}

do_isolate() {
    local rest list
    list=$(expand "$CORES" | compress)
    show_cores
    if [ -z "$(without "$list" "$(isolated isolated)")" ] && [ -z "$(without "$list" "$(isolated nohz_full)")" ]; then
        note "the cores $list are kept free: nothing to do"
        return
    fi
    rest=$(without "$(online)" "$list")
    note "to keep the cores $list for corelane, add this to the kernel's command line, and boot:"
    note "    isolcpus=managed_irq,domain,$list nohz_full=$list rcu_nocbs=$list irqaffinity=$rest"
    note "With GRUB: in GRUB_CMDLINE_LINUX of /etc/default/grub, then update-grub (or grub2-mkconfig -o /boot/grub2/grub.cfg)."
}

show_cores() {
    local word words=() list
    heading "Cores"
    list=$(isolated isolated)
    note "online: $(online); isolated: ${list:-none}"
    if [ -e "$SYS/devices/system/cpu/nohz_full" ]; then
        list=$(isolated nohz_full)
        note "without a timer tick while one thread runs (nohz_full): ${list:-none}"
    else
        note "this kernel can't stop the timer tick (no nohz_full)"
    fi
    for word in $(value "$PROC/cmdline"); do
        case $word in
            isolcpus=* | nohz_full=* | rcu_nocbs=* | irqaffinity=* | nohz=*)
                words+=("$word")
                ;;
        esac
    done
    note "of the kernel's command line: ${words[*]:-nothing of it}"
}

# ---- Interrupts ----

# irqs_of INTERFACE: `NUMBER NAME` a line, of those that are in use.
irqs_of() {
    local card line number name known=" "
    if card=$(card_of "$1") && [ -d "$HOST_ROOT$PCI_DEVICES/$card/msi_irqs" ]; then
        for line in "$HOST_ROOT$PCI_DEVICES/$card/msi_irqs"/*; do known+="${line##*/} "; done
    fi
    while read -r line; do
        number=${line%%:*} name=${line##*[[:space:]]}
        [[ $number =~ ^[0-9]+$ ]] || continue
        # Cards without MSI have lines with the interface's name alone.
        if [ "$known" = " " ]; then
            [[ $name == "$1" || $name == "$1"-* || $name == *-"$1"-* ]] || continue
        elif [[ $known != *" $number "* ]]; then
            continue
        fi
        echo "$number $name"
    done < <(cat "$PROC/interrupts" 2>/dev/null)
}

# queue_of NAME: the number of the queue: `i40e-eth0-TxRx-3`, `virtio2-input.3`, `mlx5_comp3@pci:...`; false: no queue's.
queue_of() {
    local name=${1%%@*}
    [[ $name =~ ([-.]|comp|[tr]x|TxRx)([0-9]+)$ ]] && echo "$((10#${BASH_REMATCH[2]}))"
}

check_irqs() {
    check_interface --irqs "$1"
    [ -n "$(irqs_of "$1")" ] || die "--irqs $1: it has no interrupts of its own; for the cards there are: scripts/host.sh"
}

do_irqs() {
    local number name cores queue core code=0
    if [ -z "$CORES" ]; then
        show_irqs "$1"
        return
    fi
    mapfile -t cores < <(expand "$CORES")
    if irqbalance_runs; then
        warn "irqbalance runs, and will move them again: systemctl stop irqbalance, or IRQBALANCE_BANNED_CPULIST in its settings"
    fi
    while read -r number name; do
        # All of a queue on one core; what is no queue's is rare, and goes to the first.
        queue=$(queue_of "$name") || queue=0
        core=${cores[queue % ${#cores[@]}]}
        move_irq "$number" "$name" "$core" || code=1
    done < <(irqs_of "$1")
    [ "$code" -eq 0 ] || say "what can't be moved is placed by the card's driver (managed interrupts)"
    [ "$DRY_RUN" = yes ] || show_irqs "$1"
    return "$code"
}

# move_irq NUMBER NAME CORE
move_irq() {
    local path=/proc/irq/$1/smp_affinity_list former
    former=$(value "$HOST_ROOT$path")
    [ "$former" != "$3" ] || return 0
    remember irq "$1" "$2" "$former" "$3"
    put "$path" "$3" || { forget_last; return 1; }
}

# undo_irq NUMBER NAME FORMER SET: a number whose interrupt is gone may be another device's today.
undo_irq() {
    local number line
    while read -r line; do
        number=${line%%:*}
        [ "$number" != "$1" ] || [ "${line##*[[:space:]]}" != "$2" ] || { undo_value "/proc/irq/$1/smp_affinity_list" "$3" "$4"; return; }
    done < <(cat "$PROC/interrupts" 2>/dev/null)
    say "gone, so nothing to take back: interrupt $1 ($2)"
}

irqbalance_runs() {
    local file
    for file in "$PROC"/[0-9]*/comm; do
        [ "$(value "$file")" != irqbalance ] || return 0
    done
    return 1
}

show_irqs() {
    local number name
    heading "Interrupts of $1"
    printf '   %-6s %-10s %s\n' IRQ CORES NAME
    while read -r number name; do
        printf '   %-6s %-10s %s\n' "$number" "$(value "$PROC/irq/$number/smp_affinity_list" || echo '?')" "$name"
    done < <(irqs_of "$1")
    ! irqbalance_runs || note "irqbalance runs, and moves them"
}
