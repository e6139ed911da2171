# shellcheck shell=bash
# What the scripts share: packages, skips, checks that count, namespaces and processes that are gone afterwards.
#
#   . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#
# Sourcing it sets the traps that run what on_exit remembers. It needs bash 4.4 and nothing else.

set -uo pipefail

# Tools such as ip and nginx stand where a plain user doesn't look; rustup's where a bare root doesn't.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"
export PATH

# ---- Saying things ----

heading() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die MESSAGE [CODE]: one line that names the fault and the way out, then the end. CODE 2 (the default) is a bad call.
die() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-2}"
}

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# ---- Leaving nothing behind ----

EXIT_COMMANDS=()

# on_exit COMMAND [ARGUMENT...]: runs it when the script ends, however it ends; the last one first.
# Not in a subshell, `$(...)` or a pipe: what is remembered there is forgotten.
on_exit() { EXIT_COMMANDS+=("$(printf '%q ' "$@")"); }

run_exit_commands() {
    local code=$? i
    # A child that is ended before it has become its command still has our traps.
    [ "$BASHPID" = $$ ] || exit "$code"
    trap - EXIT
    trap '' INT TERM HUP
    for ((i = ${#EXIT_COMMANDS[@]} - 1; i >= 0; i--)); do
        eval "${EXIT_COMMANDS[i]}" >/dev/null 2>&1
    done
    exit "$code"
}
trap run_exit_commands EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# work_dir: makes the folder $WORK, which is removed at the end.
work_dir() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/corelane.XXXXXX") || die "can't make a folder in ${TMPDIR:-/tmp}" 1
    on_exit rm -rf "$WORK"
}

# ---- Packages ----

# Packages that were asked for and can't be had; need_commands fills it.
MISSING=()

# need_commands COMMAND[:PACKAGE]...: installs with apt, as root, the packages of commands that are missing. False when
# one is missing afterwards; $MISSING then names their packages.
need_commands() {
    local pair packages=()
    for pair in "$@"; do
        have "${pair%%:*}" || packages+=("${pair##*:}")
    done
    if [ ${#packages[@]} -gt 0 ] && is_root && have apt-get; then
        install_packages "${packages[@]}"
    fi
    MISSING=()
    for pair in "$@"; do
        have "${pair%%:*}" || MISSING+=("${pair##*:}")
    done
    [ ${#MISSING[@]} -eq 0 ]
}

# install_packages PACKAGE...: with apt, asking nothing, starting no service, and refreshing its lists only when needed.
install_packages() {
    local log package policy=/usr/sbin/policy-rc.d made_policy=no code=0
    log=$(mktemp) || return 1
    note "installing: $*"
    # A web server that comes as a tool must not start serving this machine.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made_policy=yes
        on_exit remove_policy "$policy"
    fi
    if ! apt_install "$@" >"$log" 2>&1; then
        apt-get update </dev/null >"$log" 2>&1 || tail -n 3 "$log" >&2
        # One by one, so that one which can't be had doesn't keep the others out.
        for package in "$@"; do
            apt_install "$package" >"$log" 2>&1 && continue
            code=1
            warn "apt-get can't install $package: $(grep -m 1 '^E: ' "$log")"
        done
    fi
    [ "$made_policy" = no ] || remove_policy "$policy"
    rm -f "$log"
    hash -r
    return "$code"
}

# ---- DPDK ----

have_dpdk() { pkg-config --atleast-version=22.11 libdpdk 2>/dev/null; }

# need_dpdk: installs libdpdk with apt, as root, where it is missing. False when it is missing afterwards.
need_dpdk() {
    have_dpdk && return 0
    is_root && have apt-get && install_packages libdpdk-dev
    have_dpdk
}

# choose_features: cargo's flags for all features that can be built here are then in $FEATURES.
# shellcheck disable=SC2034 # who calls uses them
choose_features() {
    FEATURES=(--all-features)
    have_dpdk || FEATURES=(--features "corelane-bench/axum,corelane/axum,corelane/futures-io,corelane/http-client,corelane/test-util")
}

# ---- Huge pages ----

HUGE_PAGES=/sys/kernel/mm/hugepages/hugepages-2048kB

free_huge_pages() { cat "$HUGE_PAGES/free_hugepages"; }

# need_huge_pages MEBIBYTES: so much is free in pages of 2 MiB; what had to be asked for is given back at the end. False,
# after `skip` with the reason, when it can't be had.
need_huge_pages() {
    local needed=$((($1 + 1) / 2)) free before now
    [ -r "$HUGE_PAGES/nr_hugepages" ] || { skip "this kernel has no huge pages of 2 MiB"; return 1; }
    free=$(free_huge_pages)
    [ "$free" -lt "$needed" ] || return 0
    before=$(cat "$HUGE_PAGES/nr_hugepages")
    if ! echo $((before + needed - free)) >"$HUGE_PAGES/nr_hugepages" 2>/dev/null; then
        skip "$needed free huge pages are needed, and only root can ask for them"
        return 1
    fi
    # The kernel takes the wish without an error, and does what it can.
    now=$(cat "$HUGE_PAGES/nr_hugepages")
    on_exit return_huge_pages "$before" "$now"
    free=$(free_huge_pages)
    [ "$free" -ge "$needed" ] || { skip "$needed free huge pages are needed, the kernel found $free"; return 1; }
}

# return_huge_pages BEFORE NOW: whoever has changed the number since then needs his pages, not ours.
return_huge_pages() {
    [ "$(cat "$HUGE_PAGES/nr_hugepages")" != "$2" ] || echo "$1" >"$HUGE_PAGES/nr_hugepages"
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null; }

# Removes the policy file above, and no other one.
remove_policy() { [ "$(cat "$1" 2>/dev/null)" != "$(printf '#!/bin/sh\nexit 101\n')" ] || rm -f "$1"; }

# need_cargo: ends the script when there is no cargo. Under sudo the caller's toolchain is used, and what is written
# there and below the working folder is the caller's again at the end.
need_cargo() {
    local home
    if is_root && [ "${SUDO_USER:-root}" != root ]; then
        home=$(getent passwd "$SUDO_USER" | cut -d : -f 6)
        export PATH="$PATH:$home/.cargo/bin" RUSTUP_HOME="${RUSTUP_HOME:-$home/.rustup}"
        export CARGO_HOME="${CARGO_HOME:-$home/.cargo}"
        on_exit give_back "$RUSTUP_HOME" "$CARGO_HOME" "$PWD"
    fi
    have cargo || die "cargo is missing: install Rust with rustup, see https://rustup.rs" 1
    need_commands cc:build-essential || die "a linker is missing: apt-get install ${MISSING[*]}" 1
}

# give_back FOLDER...: what root made in the folders of sudo's caller becomes the caller's. Other folders, such as a
# toolchain of the whole machine, stay as they are.
give_back() {
    local folder
    for folder in "$@"; do
        [ "$(stat -c %u "$folder")" != "$SUDO_UID" ] || chown -R --from=root "$SUDO_UID:$SUDO_GID" "$folder"
    done
}

# ---- Checks that count ----

PASSED=0 FAILED=0 SKIPPED=0

# skip REASON: says what is not checked and why, in the form that test.sh collects.
skip() {
    SKIPPED=$((SKIPPED + 1))
    printf 'SKIPPED: %s\n' "$*"
}

# check NAME COMMAND [ARGUMENT...]: runs it, prints one line; what it said is shown when it fails.
check() {
    local name=$1 started=$SECONDS output code
    shift
    # Not in `$(...)`: the command may be a function that calls on_exit or start.
    output=$(mktemp) || die "can't make a file in ${TMPDIR:-/tmp}" 1
    "$@" >"$output" 2>&1
    code=$?
    if [ "$code" -eq 0 ]; then
        PASSED=$((PASSED + 1))
        printf 'ok      %s (%d s)\n' "$name" $((SECONDS - started))
    else
        FAILED=$((FAILED + 1))
        printf 'FAILED  %s (exit code %d, %d s)\n' "$name" "$code" $((SECONDS - started))
        tail -n 100 "$output" | sed 's/^/        | /'
    fi
    rm -f "$output"
    return "$code"
}

# tally: the last line of a script of checks; false when one failed. A plain last line is what test.sh adds up.
tally() {
    printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
    [ "$FAILED" -eq 0 ]
}

# ---- Waiting, starting, stopping ----

# await SECONDS COMMAND [ARGUMENT...]: tries it every 20 ms until it succeeds; false when the time is up.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# start LOG COMMAND [ARGUMENT...]: runs it in the background with its output in LOG, and stops it at the end at the
# latest. Its process id is then in $STARTED.
start() {
    local log=$1
    shift
    : >"$log" # or whoever waits for a line could find the last one's
    "$@" </dev/null >"$log" 2>&1 &
    STARTED=$!
    on_exit stop "$STARTED"
}

# stop PID [SECONDS]: ends a process that `start` began: asks, waits (5 s), kills. False when it had to be killed.
stop() {
    local pid=$1 code=0
    kill -0 "$pid" 2>/dev/null || return 0
    kill -TERM "$pid" 2>/dev/null
    if ! await "${2:-5}" is_gone "$pid"; then
        kill -KILL "$pid" 2>/dev/null
        code=1
    fi
    wait "$pid" 2>/dev/null
    return "$code"
}

# kill_hard PID: ends a process that `start` began with SIGKILL, and forgets it: its id may be another's later.
kill_hard() {
    local i
    kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    for i in "${!EXIT_COMMANDS[@]}"; do
        [ "${EXIT_COMMANDS[i]}" != "stop $1 " ] || EXIT_COMMANDS[i]=:
    done
}

# A process that has ended stays a zombie until its parent waits for it.
is_gone() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

# ---- Network namespaces ----

# make_namespace VARIABLE LABEL: a network namespace of this process alone, with its loopback up; its name goes to
# VARIABLE. Removed at the end. LABEL: a few letters that tell them apart.
make_namespace() {
    local name="cl$2$$"
    ip netns add "$name" || return 1
    on_exit remove_namespace "$name"
    ip -n "$name" link set lo up || return 1
    printf -v "$1" '%s' "$name"
}

# remove_namespace NAME: ends what still runs in it, or it would live on without a name.
remove_namespace() {
    local pid
    for pid in $(ip netns pids "$1" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
    ip netns del "$1"
}

# inside NAMESPACE COMMAND [ARGUMENT...]
inside() { ip netns exec "$@"; }

# join NAMESPACE_A INTERFACE_A ADDRESS_A/BITS NAMESPACE_B INTERFACE_B ADDRESS_B/BITS: a veth pair between the two, both
# ends up. Give `-` for an address to leave an end without one, as an AF_XDP server's end is.
join() {
    ip -n "$1" link add "$2" type veth peer name "$5" netns "$4" || return 1
    [ "$3" = - ] || ip -n "$1" address add "$3" dev "$2" || return 1
    [ "$6" = - ] || ip -n "$4" address add "$6" dev "$5" || return 1
    # No address of IPv6's own making, whose frames would come at times of their own. (No IPv6 at all is as good.)
    ip -n "$1" link set "$2" addrgenmode none 2>/dev/null
    ip -n "$4" link set "$5" addrgenmode none 2>/dev/null
    ip -n "$1" link set "$2" up && ip -n "$4" link set "$5" up || return 1
    await 5 is_up "$1" "$2" && await 5 is_up "$4" "$5"
}

is_up() { ip -n "$1" link show "$2" | grep -q 'state UP'; }

# lose_frames NAMESPACE INTERFACE PER_MILLE: nftables drops this share of what comes in, at random, in the namespace
# whose kernel is the peer; for both directions call it with `lose_frames_out` too.
lose_frames() {
    inside "$1" nft -f - <<RULES
table netdev cl_lose_in {
    chain drop_some { type filter hook ingress device "$2" priority 0; numgen random mod 1000 < $3 drop; }
}
RULES
}

# lose_frames_out NAMESPACE INTERFACE PER_MILLE: the same for what goes out (Linux 5.16 and later).
lose_frames_out() {
    inside "$1" nft -f - <<RULES
table netdev cl_lose_out {
    chain drop_some { type filter hook egress device "$2" priority 0; numgen random mod 1000 < $3 drop; }
}
RULES
}

# keep_frames NAMESPACE: ends the losses of both.
keep_frames() {
    inside "$1" nft delete table netdev cl_lose_in 2>/dev/null
    inside "$1" nft delete table netdev cl_lose_out 2>/dev/null
    return 0
}

# network_state NAMESPACE: what a server must leave as it found it: links with their XDP programs, addresses, routes,
# rules, neighbours that were set by hand. Compare two of them.
network_state() {
    ip -n "$1" -details link show | sed -E 's/ (state|group|qlen) [^ ]+//g'
    ip -n "$1" -oneline address show | sed -E 's/(valid|preferred)_lft [^ ]+//g'
    ip -n "$1" route show table all
    ip -n "$1" rule show
    ip -n "$1" neighbour show nud permanent
    inside "$1" nft --stateless list ruleset
}

# ---- Peers ----

# await_port NAMESPACE ADDRESS PORT [SECONDS]: until a TCP connection from the namespace is accepted, 10 s at most.
await_port() { await "${4:-10}" inside "$1" nc -z -w 1 "$2" "$3"; }

# random_file PATH MEBIBYTES
random_file() { head -c $(($2 * 1048576)) /dev/urandom >"$1"; }

# digest PATH: its SHA-256, and nothing else.
digest() { sha256sum <"$1" | cut -d ' ' -f 1; }

# start_nginx NAMESPACE FOLDER PORT: a kernel web server that gives out FOLDER. Needs work_dir; its logs are in $WORK.
start_nginx() {
    local settings="$WORK/nginx-$3.conf"
    cat >"$settings" <<SETTINGS
daemon off; master_process off; worker_processes 1; pid $WORK/nginx-$3.pid; error_log $WORK/nginx-$3.err;
events { worker_connections 4096; }
http {
    access_log off; sendfile on; keepalive_requests 1000000; client_max_body_size 0;
    client_body_temp_path $WORK/body; proxy_temp_path $WORK/proxy; fastcgi_temp_path $WORK/fastcgi;
    uwsgi_temp_path $WORK/uwsgi; scgi_temp_path $WORK/scgi;
    server { listen $3 backlog=4096; root $2; }
}
SETTINGS
    start "$WORK/nginx-$3.log" ip netns exec "$1" nginx -c "$settings"
}
