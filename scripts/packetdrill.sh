#!/usr/bin/env bash
# packetdrill's scripts against corelane's stack: `scripts/packetdrill.sh --help`.

caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh

usage() {
    cat <<'HELP'
Usage: scripts/packetdrill.sh [OPTION...] [FOLDER|FILE]...

Builds libcorelane_packetdrill.so and runs packet scripts (*.pkt) through packetdrill, which loads it in place of the
kernel's TCP: over IPv4, in virtual time, each script in a process of its own. Neither packetdrill nor its scripts are
part of this repository: give your own. It needs no root and touches no interface.

  FOLDER|FILE         scripts, or folders with scripts in them; default: $PACKETDRILL_SCRIPTS
  --packetdrill FILE  the program; default: $PACKETDRILL, else `packetdrill` from PATH
  --mode MODE         as-is: the scripts as they are; open: with the TCP options of our SYN and SYN-ACK and the window that
                      we advertise left open; both (the default): a script counts as passed when it passes as it is, and
                      what passes only when left open is named
  --match REGEX       only scripts whose path matches
  --skip REGEX        but not those
  --limit SECONDS     the longest that a script may take; default 20
  --failures FILE     writes the scripts that fail to FILE, each with the line that says why
  --release           builds with optimisation
  --verbose           shows why a script fails
  --help              show this text

Commands in scripts are not run. The sysctls that they set, and those of a defaults.sh that they name, are handed to
the library, which ignores those that it has no knob for; `mtu lock` and `initcwnd` of `ip route`, `root fq` of `tc` and
`tso off` of `ethtool` as well. Other commands are left out. Blocks of code need python3.

The exit code is 0 when all pass, 1 when one fails, 2 when a flag is wrong, 77 when there is no packetdrill.
HELP
}

# commands FILE: the text between backticks.
commands() { awk -v RS='`' 'NR % 2 == 0' "$1"; }

# without_commands FILE: the script with `true` for each command, its lines where they were.
without_commands() {
    awk -v RS='`' '
        NR % 2 == 0 { gsub(/[^\n]/, ""); $0 = "`true" $0 "`" }
        { printf "%s", $0 }
    ' "$1"
}

# left_open: drops what a stack may choose from the packets that it sends.
left_open() {
    sed -E '/^[^<]*[[:space:]]>[[:space:]]/ {
        s/[[:space:]]win [0-9]+//
        /[[:space:]]>[[:space:]]+(\([^)]*\)[[:space:]]*)?(\[[^]]*\][[:space:]]*)?S/ s/<.*>/<...>/
    }'
}

# settings: the sysctls of the commands on standard input, as flags of the library.
settings() {
    local name value product
    sed 's/#.*//' | grep -oE '(/proc/sys/)?net[./]ipv4[./][a-z0-9_]+=("[^"]*"|[^[:space:];`]+)' |
        while IFS='=' read -r name value; do
            name=${name#/proc/sys/} name=${name//\//.} value=${value//\"/}
            while [[ $value =~ \$\(\(([0-9*]+)\)\) ]]; do
                product=${BASH_REMATCH[1]}
                value=${value/"${BASH_REMATCH[0]}"/$((product))}
            done
            [[ $value != 0x* ]] || value=$((value))
            printf ',sysctl.%s=%s' "$name" "$value"
        done
}

# flags FILE: what the library is told for this script.
flags() {
    local text defaults
    text=$(commands "$1")
    printf 'local=192.168.0.1/16,gw=192.168.0.1,peer=192.0.2.1'
    while read -r defaults; do
        defaults=$(dirname "$1")/$defaults
        [ ! -f "$defaults" ] || settings <"$defaults"
    done < <(grep -oE '[^[:space:]]*defaults\.sh' <<<"$text")
    settings <<<"$text"
    text=$(grep -v 'ip -6' <<<"$text")
    if [[ $text =~ mtu\ lock\ ([0-9]+) ]]; then printf ',mtu=%s' "${BASH_REMATCH[1]}"; fi
    if [[ $text =~ root\ fq ]]; then printf ',fq=on'; fi
    if [[ $text =~ tso\ off ]]; then printf ',tso=off'; fi
    if [[ $text =~ initcwnd\ ([0-9]+) ]]; then printf ',sysctl.initcwnd=%s' "${BASH_REMATCH[1]}"; fi
}

# run_script FILE FLAGS OUTPUT: true when it passes.
run_script() {
    # Preloaded, so that blocks of code find our sockets too: they call libc's getsockopt.
    (cd "$WORK" && LD_PRELOAD="$LIBRARY" timeout "$LIMIT" "$PACKETDRILL" --so_filename="$LIBRARY" --so_flags="$2" \
        --ip_version=ipv4 --local_ip=192.168.0.1 --gateway_ip=192.168.0.1 --netmask_ip=255.255.0.0 \
        --remote_ip=192.0.2.1 --send_omit_free --code_command=python3 \
        -D TFO_COOKIE=3021b9d889017eeb -D CODE=host_unreachable \
        -D CMSG_LEVEL_IP=SOL_IP -D CMSG_TYPE_RECVERR=IP_RECVERR "$1") >"$3" 2>&1 </dev/null
    local code=$?
    [ "$code" -ne 124 ] || echo "stopped after $LIMIT s" >>"$3"
    return "$code"
}

# reason OUTPUT: why a script failed, in a line: what packetdrill says from the script's name on, and of Python the end.
reason() {
    {
        if grep -q 'error in Python code' "$1"; then
            grep -m 1 'error in Python code' "$1"
            grep -E -m 1 '^[A-Za-z]+Error' "$1"
        elif grep -q 'script\.pkt:' "$1"; then
            grep -m 1 -A 2 'script\.pkt:' "$1"
        else
            grep -v '^corelane: sysctl' "$1" | tail -n 1
        fi
    } | tr '\n\t' '; ' | sed "s|$WORK/||g; s/; *$//"
}

run_all() {
    local script name mode result
    for script in "${FOUND[@]}"; do
        name=${script#"$ROOT"/}
        result=FAIL
        for mode in "${MODES[@]}"; do
            without_commands "$script" >"$WORK/script.pkt"
            if [ "$mode" = open ]; then
                left_open <"$WORK/script.pkt" >"$WORK/open.pkt"
                mv "$WORK/open.pkt" "$WORK/script.pkt"
            fi
            if run_script "$WORK/script.pkt" "$(flags "$script")" "$WORK/$mode.log"; then
                result=$mode
                break
            fi
        done
        case $result in
            FAIL) FAILED+=("$name"$'\t'"$(reason "$WORK/${MODES[0]}.log")") ;;
            as-is) AS_IS=$((AS_IS + 1)) ;;
            open) OPEN=$((OPEN + 1)) ;;
        esac
        case $result in
            FAIL) printf 'FAIL        %s\n' "$name" ;;
            open) printf 'PASS open   %s\n' "$name" ;;
            *) printf 'PASS        %s\n' "$name" ;;
        esac
        if [ "$VERBOSE" = yes ] && [ "$result" != as-is ]; then
            for mode in "${MODES[@]}"; do
                [ "$mode" != "$result" ] || break
                sed "s/^/    $mode: /" "$WORK/$mode.log"
            done
        fi
    done
}

MODES=(as-is open) MATCH=. SKIP='^$' LIMIT=20 FAILURES='' PROFILE=debug VERBOSE=no PATHS=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit ;;
        --release) PROFILE=release ;;
        --verbose) VERBOSE=yes ;;
        --packetdrill | --mode | --match | --skip | --limit | --failures)
            [ $# -gt 1 ] || die "$1 needs a value: see --help"
            case $1 in
                --packetdrill) PACKETDRILL=$2 ;;
                --match) MATCH=$2 ;;
                --skip) SKIP=$2 ;;
                --limit) LIMIT=$2 ;;
                --failures) FAILURES=$2 ;;
                --mode)
                    case $2 in
                        as-is | open) MODES=("$2") ;;
                        both) MODES=(as-is open) ;;
                        *) die "no mode '$2': as-is, open or both" ;;
                    esac
                    ;;
            esac
            shift
            ;;
        -*) die "unknown option '$1': see --help" ;;
        *) PATHS+=("$1") ;;
    esac
    shift
done
[ ${#PATHS[@]} -gt 0 ] || PATHS=("${PACKETDRILL_SCRIPTS:-}")
[ -n "${PATHS[0]}" ] || die "no scripts: give a folder, or set PACKETDRILL_SCRIPTS"
PACKETDRILL=$(cd "$caller" && readlink -f "$(command -v "${PACKETDRILL:-packetdrill}")")
if [ ! -x "$PACKETDRILL" ]; then
    skip "no packetdrill: set PACKETDRILL to the program"
    exit 77
fi
mapfile -t FOUND < <(cd "$caller" && for path in "${PATHS[@]}"; do
    find "$(readlink -f "$path")" -name '*.pkt'
done | grep -E "$MATCH" | grep -vE "$SKIP" | sort -u)
[ ${#FOUND[@]} -gt 0 ] || die "no script (*.pkt) there: ${PATHS[*]}"
ROOT=$(cd "$caller" && readlink -f "${PATHS[0]}")

need_cargo
heading "Building"
build=(build -p corelane-packetdrill)
[ "$PROFILE" = debug ] || build+=(--release)
cargo "${build[@]}" || die "the build failed, see above" 1
LIBRARY=$(readlink -f "${CARGO_TARGET_DIR:-target}/$PROFILE/libcorelane_packetdrill.so") || die "no library was built" 1

heading "Running ${#FOUND[@]} scripts"
work_dir
AS_IS=0 OPEN=0 FAILED=()
run_all
if [ -n "$FAILURES" ]; then
    (cd "$caller" && printf '%s\n' "${FAILED[@]}" >"$FAILURES") || die "can't write $FAILURES" 1
fi
heading "Of ${#FOUND[@]} scripts"
[[ " ${MODES[*]} " != *" open "* ]] || note "$OPEN passed only with SYN options and window left open"
printf '%d passed, %d failed, 0 skipped\n' $((AS_IS + OPEN)) ${#FAILED[@]}
[ ${#FAILED[@]} -eq 0 ]
