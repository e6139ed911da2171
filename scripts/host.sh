#!/usr/bin/env bash
# What this machine gives corelane, set up and taken back: `scripts/host.sh --help`.

caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh
. scripts/host/journal.sh
. scripts/host/card.sh
. scripts/host/memory.sh
. scripts/host/cores.sh
. scripts/host/interface.sh
. scripts/host/overview.sh

usage() {
    cat <<'HELP'
Usage: scripts/host.sh [show]
       scripts/host.sh [--dry-run] SETTING...
       scripts/host.sh [--dry-run] --undo

Without arguments: what this machine has of what corelane can use, and the commands that get there. The settings need
root; each change is remembered, and --undo takes all of them back. None of them lasts beyond a reboot.

  --hugepages N[x2M|x1G]  have N huge pages, of 2 MiB unless said otherwise; DPDK's memory by default is 128 of 2 MiB
  --bind CARD             give a network card to vfio-pci, for DPDK; the kernel loses it. CARD is an interface or a PCI
                          address, as in eth1, 0000:03:00.0 or 03:00.0. Refused where it carries the default route
  --unbind CARD           give it back to the kernel's driver that it had
    --no-iommu            with --bind, where there is no IOMMU: the card can then write to all of the memory
    --force               with --bind: even if this cuts the machine off
  --xdp IF                offloads of an interface as AF_XDP needs them (of a veth: its peer's too)
    --queues N            with --xdp: so many queues, all of which corelane must open, or it misses frames
    --busy-poll           with --xdp: interrupts deferred, as corelane's busy polling wants it
  --irqs IF --cores LIST  move the interface's interrupts to these cores (2,4-7), queue by queue; without --cores: show
  --cores LIST            alone: what to put in the boot loader, so that nothing else runs on these cores

  --undo                  take back what this script did, the last first
  --dry-run               print the commands that would change something, for a root shell, and change nothing
  --help                  show this text

CORELANE_STATE is the folder of the script's memory (/run/corelane/host). HOST_ROOT is put before /sys, /proc and /run,
for the tree of another machine: only to show, and for --dry-run. The exit code is 0 when all was done, 1 when
something failed, 2 for a wrong call.
HELP
}

# ---- What is asked for ----

ACTIONS=() # `KIND ARGUMENT`, in the order of the command line
WORDS=("$@")
DRY_RUN=no FORCE=no NO_IOMMU=no BUSY_POLL=no QUEUES='' CORES=''

# need_argument OPTION WHAT [VALUE]
need_argument() {
    [[ -n ${3:-} && $3 != -* ]] || die "$1 needs $2: see --help"
}

read_words() {
    while [ $# -gt 0 ]; do
        case $1 in
            --hugepages) need_argument "$1" "a number of pages" "${2:-}" && ACTIONS+=("hugepages $2") && shift ;;
            --bind | --unbind)
                need_argument "$1" "a PCI address or an interface" "${2:-}" && ACTIONS+=("${1#--} $2") && shift
                ;;
            --xdp | --irqs) need_argument "$1" "an interface" "${2:-}" && ACTIONS+=("${1#--} $2") && shift ;;
            --queues) need_argument "$1" "a number" "${2:-}" && QUEUES=$2 && shift ;;
            --cores) need_argument "$1" "a list such as 2,4-7" "${2:-}" && CORES=$2 && shift ;;
            --no-iommu) NO_IOMMU=yes ;;
            --force) FORCE=yes ;;
            --busy-poll) BUSY_POLL=yes ;;
            --undo) ACTIONS+=(undo) ;;
            --dry-run) DRY_RUN=yes ;;
            --help | -h) usage && exit ;;
            show | --show) ACTIONS+=(show) ;;
            *) die "unknown option '$1': see --help" ;;
        esac
        shift
    done
}

asked() { [[ " ${ACTIONS[*]%% *} " == *" $1 "* ]]; }

# What makes no sense together is a slip: better told than guessed.
check_words() {
    local alone
    for alone in undo show; do
        if asked "$alone" && [ ${#ACTIONS[@]} -gt 1 ]; then die "--$alone and ${ACTIONS[*]/#/--}: call them one by one"; fi
    done
    [ "$FORCE$NO_IOMMU" = nono ] || asked bind || die "--force and --no-iommu belong to --bind CARD"
    [ "$BUSY_POLL" = no ] || asked xdp || die "--busy-poll belongs to --xdp IF"
    [ -z "$QUEUES" ] || asked xdp || die "--queues $QUEUES belongs to --xdp IF"
    if [ -n "$CORES" ]; then
        [ ${#ACTIONS[@]} -eq 0 ] || asked irqs || die "--cores $CORES belongs to --irqs IF, or stands alone"
        check_cores "$CORES"
        [ ${#ACTIONS[@]} -gt 0 ] || ACTIONS=(isolate)
    fi
    [ ${#ACTIONS[@]} -gt 0 ] || [ "$DRY_RUN" = no ] || die "--dry-run of what? see --help"
    [ ${#ACTIONS[@]} -gt 0 ] || ACTIONS=(show)
}

changes_something() {
    local action
    for action in "${ACTIONS[@]}"; do
        case $action in
            show | isolate) ;;
            irqs\ *) [ -z "$CORES" ] || return 0 ;;
            *) return 0 ;;
        esac
    done
    return 1
}

need_root() {
    [ -z "$HOST_ROOT" ] || die "HOST_ROOT=$HOST_ROOT is not this machine: add --dry-run"
    is_root || die "this needs root: sudo scripts/host.sh$(printf ' %q' "${WORDS[@]}")" 1
}

main() {
    local action code=0
    read_words "$@"
    check_words
    # All of it is looked at before anything changes: a slip in the last word must not leave half of it done.
    for action in "${ACTIONS[@]}"; do
        "check_${action%% *}" "${action#* }"
    done
    [ "$DRY_RUN" = yes ] || ! changes_something || need_root
    for action in "${ACTIONS[@]}"; do
        "do_${action%% *}" "${action#* }" || code=1
    done
    return "$code"
}

[ "${SOURCED:-}" = 1 ] || main "$@"
