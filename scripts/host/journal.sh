# shellcheck shell=bash
# How host.sh changes the machine: every change is shown, remembered before it is made, and can be taken back.
#
# The journal has one line a change, `KIND|FIELD|...`, oldest first; undo_KIND FIELD... takes it back. The first line
# names the boot: what was set before a reboot is gone by itself.

# Where the machine's files are: a test gives a tree of its own.
HOST_ROOT=${HOST_ROOT:-}
[[ -z $HOST_ROOT || $HOST_ROOT == /* ]] || HOST_ROOT=${caller:-$PWD}/$HOST_ROOT
# shellcheck disable=SC2034 # the others use it
SYS=$HOST_ROOT/sys PROC=$HOST_ROOT/proc
STATE=${CORELANE_STATE:-$HOST_ROOT/run/corelane/host}
[[ $STATE == /* ]] || STATE=${caller:-$PWD}/$STATE
JOURNAL=$STATE/journal

# ---- Reading and saying ----

# value FILE: its first line; false when it can't be read, as the speed of an interface without a link.
value() {
    local line=
    [ -f "$1" ] && { IFS= read -r line || [ -n "$line" ]; } <"$1" 2>/dev/null || return 1
    printf '%s\n' "$line"
}

# link_name LINK: the last part of where a symbolic link points; false when there is none.
link_name() { [ -L "$1" ] && basename "$(readlink "$1")"; }

# say TEXT: what is no command. A dry run prints commands alone, so that they can go into a file or a shell.
say() { if [ "$DRY_RUN" = yes ]; then note "$@" >&2; else note "$@"; fi; }
# say_once TEXT: several changes may have the same to say.
SAID=''
say_once() { [[ $SAID == *"|$1|"* ]] || { SAID+="|$1|"; say "$1"; }; }
show_command() { if [ "$DRY_RUN" = yes ]; then printf '%s\n' "$1"; else note "$1"; fi; }

# ask TOOL ARGUMENT...: what a tool says. Ours knows nothing of another machine, whose tree may bring answers of its own.
ask() {
    local tool=$1
    shift
    [ -z "$HOST_ROOT" ] || tool=$HOST_ROOT/answers/$tool
    have "$tool" && "$tool" "$@" 2>/dev/null
}

# ---- Changing ----

# put PATH VALUE: writes to a file of sysfs; PATH is without $HOST_ROOT.
put() {
    local error
    show_command "echo${2:+ $(printf %q "$2")} > $(printf %q "$1")"
    [ "$DRY_RUN" = no ] || return 0
    error=$(write_value "$1" "$2" 2>&1) && return 0
    warn "$1 doesn't take '$2': ${error##*: }"
    return 1
}

write_value() { printf '%s\n' "$2" >"$HOST_ROOT$1"; }

# run TOOL ARGUMENT...: a command that changes something.
run() {
    local line error
    printf -v line '%q ' "$@"
    show_command "${line% }"
    [ "$DRY_RUN" = no ] || return 0
    error=$("$@" 2>&1) && return 0
    warn "$1: ${error##*$'\n'}"
    return 1
}

# current PATH: what put would replace.
current() {
    case $1 in
        */nr_hugepages) held "$HOST_ROOT${1%/*}" ;;
        *) value "$HOST_ROOT$1" ;;
    esac
}

# change PATH VALUE: put, remembered; nothing where the value is that already.
change() {
    local former
    former=$(current "$1")
    [ "$former" != "$2" ] || return 0
    remember value "$1" "$former" "$2"
    put "$1" "$2" || { forget_last; return 1; }
}

# ---- Remembering ----

boot_id() { value "$PROC/sys/kernel/random/boot_id" || echo unknown; }

# remember KIND FIELD...: before the change, so that a script which is killed meanwhile leaves nothing unknown.
remember() {
    local IFS='|'
    [ "$DRY_RUN" = no ] || return 0
    load_journal
    ENTRIES+=("$*")
    save_journal
}

forget_last() {
    [ "$DRY_RUN" = no ] || return 0
    load_journal
    unset 'ENTRIES[-1]'
    save_journal
}

# The journal is then in $ENTRIES.
load_journal() {
    local line
    ENTRIES=()
    [ -f "$JOURNAL" ] || return 0
    while IFS= read -r line; do
        if [[ $line == boot\|* ]]; then
            [ "${line#*|}" = "$(boot_id)" ] || return 0
        elif [ -n "$line" ]; then
            ENTRIES+=("$line")
        fi
    done <"$JOURNAL"
}

save_journal() {
    if [ ${#ENTRIES[@]} -eq 0 ]; then
        rm -f "$JOURNAL"
        rmdir "$STATE" 2>/dev/null
        [ -n "${CORELANE_STATE:-}" ] || rmdir "${STATE%/*}" 2>/dev/null
        return 0
    fi
    # Root obeys the journal: nobody else may write it. Renamed into place, it is whole at any time.
    (umask 077 && mkdir -p "$STATE" && printf '%s\n' "boot|$(boot_id)" "${ENTRIES[@]}" >"$JOURNAL.new" &&
        mv "$JOURNAL.new" "$JOURNAL") || die "can't write $JOURNAL: name another folder by CORELANE_STATE" 1
}

# ---- Taking back ----

check_undo() {
    [ ! -f "$JOURNAL" ] || [ -r "$JOURNAL" ] || [ "$DRY_RUN" = no ] || die "$JOURNAL can't be read: sudo scripts/host.sh --undo --dry-run" 1
    # Root must not do what somebody else has written.
    [ ! -f "$JOURNAL" ] || [ "$DRY_RUN" = yes ] || [ -O "$JOURNAL" ] ||
        die "$JOURNAL belongs to somebody else: remove it, or name your folder by CORELANE_STATE" 1
}

do_undo() {
    local i code=0
    load_journal
    [ ${#ENTRIES[@]} -gt 0 ] || say "nothing to take back"
    for ((i = ${#ENTRIES[@]} - 1; i >= 0; i--)); do
        if undo_entry "${ENTRIES[i]}"; then
            unset 'ENTRIES[i]'
            [ "$DRY_RUN" = yes ] || save_journal
        else
            code=1
        fi
    done
    [ "$code" -eq 0 ] || warn "what could not be taken back is remembered: try --undo again"
    return "$code"
}

undo_entry() {
    local fields
    IFS='|' read -r -a fields <<<"$1|" # an empty last field would get lost
    case ${fields[0]} in
        value | irq | card | module) ;;
        setting | feature | channels)
            find_place "${fields[@]:1:3}"
            case $? in
                1) say_once "gone, so nothing to take back: ${fields[2]}"; return 0 ;;
                2) return 1 ;;
            esac
            ;;
        *) warn "$JOURNAL: not understood: $1"; return 1 ;;
    esac
    "undo_${fields[0]}" "${fields[@]:1}"
}

# undo_value PATH FORMER SET: what somebody else has set meanwhile stays. SET is empty when it isn't known.
undo_value() {
    local now
    [ -e "$HOST_ROOT$1" ] || { say_once "gone, so nothing to take back: $1"; return 0; }
    now=$(current "$1")
    [ "$now" != "$2" ] || return 0
    # A dry run has not taken back what came after it.
    if [ -n "${3:-}" ] && [ "$now" != "$3" ] && [ "$DRY_RUN" = no ]; then
        say "$1 is $now, and not the $3 that was set here: left to whoever did that"
        return 0
    fi
    put "$1" "$2"
}
