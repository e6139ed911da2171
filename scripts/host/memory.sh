# shellcheck shell=bash
# Huge pages and locked memory, for host.sh.

# page_name KIB: 2 MiB, 1 GiB.
page_name() { if [ "$1" -ge 1048576 ]; then echo "$(($1 / 1048576)) GiB"; else echo "$(($1 / 1024)) MiB"; fi; }

# mebibytes COUNT KIB
mebibytes() { echo $(($1 * $2 / 1024)); }

# number FILE: 0 where there is none.
number() { value "$1" || echo 0; }

# held FOLDER: pages that stay. Surplus ones go by themselves when they are free, and are not set by anybody.
held() { echo $(($(number "$1/nr_hugepages") - $(number "$1/surplus_hugepages"))); }

# meminfo NAME: in KiB.
meminfo() {
    local name kib rest
    while read -r name kib rest; do
        [ "$name" != "$1:" ] || { echo "$kib"; return; }
    done <"$PROC/meminfo"
    echo 0
}

# read_pages TEXT: N[x2M|x1G] goes to $PAGES, $PAGE_KIB and $PAGE_FOLDER (without $HOST_ROOT).
read_pages() {
    [[ $1 =~ ^([0-9]{1,9})(x(2M|1G))?$ ]] || die "--hugepages $1: give a number of pages, as in 512 (of 2 MiB) or 4x1G"
    PAGES=$((10#${BASH_REMATCH[1]})) PAGE_KIB=2048
    [ "${BASH_REMATCH[3]}" != 1G ] || PAGE_KIB=1048576
    PAGE_FOLDER=/sys/kernel/mm/hugepages/hugepages-${PAGE_KIB}kB
}

check_hugepages() {
    local folder more available used
    read_pages "$1"
    folder=$HOST_ROOT$PAGE_FOLDER
    [ -d "$folder" ] || die "--hugepages $1: this machine has no pages of $(page_name "$PAGE_KIB"): the others are in the overview"
    used=$(($(number "$folder/nr_hugepages") - $(number "$folder/free_hugepages")))
    [ "$PAGES" -ge "$used" ] || die "--hugepages $1: $used are in use: end what uses them, or give $used or more"
    more=$((PAGES - $(held "$folder")))
    available=$(($(meminfo MemAvailable) / PAGE_KIB))
    [ "$more" -le "$available" ] ||
        die "--hugepages $1: $(mebibytes "$PAGES" "$PAGE_KIB") MiB don't fit into free memory: give $((PAGES - more + available)) or fewer"
}

do_hugepages() {
    local folder former nodes node count
    read_pages "$1"
    folder=$HOST_ROOT$PAGE_FOLDER former=$(held "$HOST_ROOT$PAGE_FOLDER")
    if [ "$former" -eq "$PAGES" ]; then
        say "there are $PAGES huge pages of $(page_name "$PAGE_KIB") already"
        return
    fi
    [ "$former" -le "$PAGES" ] || warn "these are fewer than the $former that there are: others may count on them"
    # The kernel spreads a number over the nodes; what each had is given back to each.
    nodes=("$SYS"/devices/system/node/node[0-9]*/hugepages/"${folder##*/}")
    [ ${#nodes[@]} -gt 1 ] || nodes=("$folder")
    for node in "${nodes[@]}"; do
        remember value "${node#"$HOST_ROOT"}/nr_hugepages" "$(held "$node")" ""
    done
    put "$PAGE_FOLDER/nr_hugepages" "$PAGES" || return 1
    [ "$DRY_RUN" = no ] || return 0
    remember_pages ${#nodes[@]}
    count=$(held "$folder")
    say "$count huge pages of $(page_name "$PAGE_KIB"): $(mebibytes "$count" "$PAGE_KIB") MiB"
    [ "$count" -eq "$PAGES" ] && return
    warn "the kernel finds no more than $count pages in one piece: ask right after booting, or by hugepages=$PAGES in the boot loader"
    return 1
}

# remember_pages COUNT: how many pages the last entries got; only now that is known.
remember_pages() {
    local i path former
    load_journal
    for ((i = ${#ENTRIES[@]} - $1; i < ${#ENTRIES[@]}; i++)); do
        IFS='|' read -r _ path former _ <<<"${ENTRIES[i]}"
        ENTRIES[i]="value|$path|$former|$(current "$path")"
    done
    save_journal
}

# ---- Showing ----

show_hugepages() {
    local folder kib node name format='%-8s %-8s %8s %8s %12s\n' shown
    heading "Huge pages (DPDK's packet memory)"
    # shellcheck disable=SC2059 # the format is ours
    shown=$(
        printf "$format" SIZE NODE PAGES FREE MEMORY
        for folder in "$SYS"/kernel/mm/hugepages/hugepages-*kB; do
            [ -d "$folder" ] || continue
            name=${folder##*/} && kib=${name//[!0-9]/}
            for node in all "$SYS"/devices/system/node/node[0-9]*; do
                [ "$node" = all ] || folder=$node/hugepages/$name
                [ -d "$folder" ] || continue
                printf "$format" "$(page_name "$kib")" "${node##*/}" "$(number "$folder/nr_hugepages")" \
                    "$(number "$folder/free_hugepages")" "$(mebibytes "$(number "$folder/nr_hugepages")" "$kib") MiB"
            done
        done
    )
    indent "$shown"
    show_mounts
    [ "$(number "$SYS/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")" -gt 0 ] ||
        note "to have 512 of them (1 GiB): sudo scripts/host.sh --hugepages 512"
}

show_mounts() {
    local folder kind options found=no
    while read -r _ folder kind options _; do
        [ "$kind" = hugetlbfs ] || continue
        found=yes
        note "hugetlbfs is mounted on $folder ($options)"
    done < <(cat "$PROC/mounts" 2>/dev/null)
    [ "$found" = yes ] || note "hugetlbfs is mounted nowhere: corelane does without"
}

# The limit of this process is that of what the same shell starts.
show_memlock() {
    local line limit=unknown
    heading "Memory that a process may lock (AF_XDP's packet memory, without CAP_IPC_LOCK)"
    while IFS= read -r line; do
        [[ $line == "Max locked memory"* ]] || continue
        read -r _ _ _ limit _ <<<"$line"
    done < <(cat "$PROC/self/limits" 2>/dev/null)
    case $limit in
        unlimited | unknown) note "$limit" ;;
        *) note "$((limit / 1024)) KiB; for more: ulimit -l unlimited (as root), or LimitMEMLOCK= of the systemd unit" ;;
    esac
}
