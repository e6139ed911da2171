#!/usr/bin/env bash
# Takes TCP's features away one by one, and shows that their packet scripts notice: `scripts/removed.sh --help`.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh

usage() {
    cat <<'HELP'
Usage: scripts/removed.sh [--only NAME]... [--list] [--help]

A test that passes shows little until it was seen to fail. For each feature of TCP in netstack/testkit/removed this takes
the feature out of a copy of the sources (target/removed/tree; yours are not touched), plays all packet scripts of
netstack/testkit/scripts, and demands that those which are there for the feature fail, and no more than a third of all:
a removal that breaks everything shows nothing. The copy as it is must pass first. Each line names the feature, its row
in netstack/testkit/scripts/COVERAGE.md, the script that failed, where and why, and what else failed.

  --only NAME   this feature alone; can be given several times
  --list        list the features: name, row, scripts that must fail, and what is removed
  --help        show this text

A removal is a patch, NAME.patch, with three lines in front: `What:` it removes, the row by which it is `Shown:`, and the
scripts it `Fails:`. Needs bash, git and Rust (rustup), and no root; all take five minutes on two cores. Outputs are kept in
target/removed/logs. The exit code is 0 when nothing failed, 1 when something did, 2 for a wrong call.
HELP
}

REMOVALS=netstack/testkit/removed
WORK=target/removed
TREE=$WORK/tree
LOGS=$WORK/logs
# How long building and playing may take: a removal may make the stack go round for ever.
LIMIT=900

names() { find "$REMOVALS" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort; }

# field NAME WORD: what the lines in front of a patch say of it.
field() { sed -n "/^--- /q; s/^$2: //p" "$REMOVALS/$1.patch"; }

list() {
    local name
    while read -r name; do
        printf '%-22s %s: %s\n%-22s %s\n' "$name" "$(field "$name" Shown)" "$(field "$name" Fails)" '' "$(field "$name" What)"
    done < <(names)
}

# copy_tree: all files get a new time, so that cargo builds none of them from what an earlier removal left.
copy_tree() {
    rm -rf "$TREE" && mkdir -p "$TREE" "$LOGS" || return 1
    tar --exclude=target -cf - Cargo.toml Cargo.lock bench drivers netstack runtime | tar -xmf - -C "$TREE"
}

# play LOG: builds the copy and plays all packet scripts. What a removal leaves unused is no error.
play() {
    local code build=$PWD/$WORK/build
    (
        cd "$TREE" || exit 1
        export RUSTFLAGS=--cap-lints=warn CARGO_TARGET_DIR="$build" CARGO_INCREMENTAL=1 CARGO_TERM_COLOR=never
        export CARGO_PROFILE_DEV_DEBUG=0 RUST_BACKTRACE=0
        exec timeout --kill-after=10 "$LIMIT" cargo test -q -p corelane-testkit --test packet_scripts --no-fail-fast
    ) </dev/null >"$1" 2>&1 9>&- &
    PLAYING=$!
    wait "$PLAYING"
    code=$?
    PLAYING=
    return "$code"
}

# It outlives an interrupted script otherwise: `timeout` gives it a process group of its own.
PLAYING=
stop_playing() { [ -z "$PLAYING" ] || stop "$PLAYING" 30; }

# failures LOG: a line for each script that failed: its name, where, and why.
failures() {
    awk '
        function flush() { if (said != "") print said; said = ""; waits = 0 }
        match($0, /^[a-z]+\/[a-z0-9_]+\.pkt, line [0-9]+: /) {
            flush()
            said = substr($0, 1, RLENGTH - 2); sub(/\.pkt,/, "", said); waits = 1
            next
        }
        waits { said = said ": " $0; waits = 0; next }
        said != "" && /^ +(expected|sent): / { gsub(/ +/, " "); said = said "," $0; next }
        { flush() }
        END { flush() }
    ' "$1"
}

# why_none LOG: what happened where no script says that it failed.
why_none() {
    grep -m 1 -E '^error(\[|:)' "$1" || grep -m 1 -A 1 'panicked at' "$1" | tr '\n' ' ' || tail -n 1 "$1"
}

# judge NAME CODE: reads what playing gave; the result is in $SAID, false when it is not what a removal must do.
judge() {
    local name=$1 code=$2 log=$LOGS/$1.log script wanted found=() others=() missed=() first=''
    mapfile -t found < <(failures "$log")
    IFS=', ' read -ra wanted <<<"$(field "$name" Fails)"
    for script in "${wanted[@]}"; do
        if [[ $'\n'$(printf '%s\n' "${found[@]}") != *$'\n'"$script line "* ]]; then missed+=("$script"); fi
    done
    for script in "${found[@]}"; do
        if [[ " ${wanted[*]} " != *" ${script%% *} "* ]]; then others+=("${script%% *}"); fi
        [ "${script%% *}" != "${wanted[0]}" ] || first=$script
    done
    SAID=$first
    [ ${#wanted[@]} -eq 1 ] || SAID+="; as they must: ${wanted[*]:1}"
    [ ${#others[@]} -eq 0 ] || SAID+="; others: ${others[*]}"
    if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
        SAID="stopped after $LIMIT s"
    elif [ "$code" -eq 0 ]; then
        SAID="no script failed: ${wanted[*]} is too weak"
    elif [ ${#found[@]} -eq 0 ]; then
        SAID="no script says why: $(why_none "$log")"
    elif [ ${#missed[@]} -gt 0 ]; then
        SAID="passed all the same: ${missed[*]}; failed: ${found[*]%% *}"
    elif grep -q 'panicked at netstack/src' "$log"; then
        SAID="the stack panicked: $(grep -m 1 'panicked at netstack/src' "$log")"
    elif [ $((${#found[@]} * 3)) -gt "$SCRIPTS" ]; then
        SAID="it breaks too much: ${#found[@]} of $SCRIPTS scripts failed"
    else
        return 0
    fi
    return 1
}

# say RESULT NAME TEXT SECONDS
say() {
    [ "$1" = ok ] && PASSED=$((PASSED + 1)) || FAILED=$((FAILED + 1))
    printf '%-7s %s: %s (%d s)\n' "$1" "$2" "$3" "$4"
}

patch_tree() { git apply --directory="$TREE" "$@"; }

# remove NAME: one feature, and back.
remove() {
    local name=$1 started=$SECONDS result=ok code patch=$REMOVALS/$1.patch log=$LOGS/$1.log
    if ! patch_tree "$patch" 2>"$log"; then
        say FAILED "$name" "$patch does not apply any more: $(head -n 1 "$log")" 0
        return
    fi
    play "$log"
    code=$?
    judge "$name" "$code" || result=FAILED
    # Not by copying the file back: its time would be older than what was built.
    patch_tree --reverse "$patch" || copy_tree || die "can't write to $TREE" 1
    say "$result" "$name ($(field "$name" Shown))" "$SAID" $((SECONDS - started))
}

main() {
    local name started only=()
    while [ $# -gt 0 ]; do
        case $1 in
            --only)
                [ $# -gt 1 ] || die "--only needs the name of a feature: see --list"
                [ -e "$REMOVALS/$2.patch" ] || die "no feature '$2': see --list"
                only+=("$2") && shift
                ;;
            --list) list && exit ;;
            --help | -h) usage && exit ;;
            *) die "unknown option '$1': see --help" ;;
        esac
        shift
    done
    [ ${#only[@]} -gt 0 ] || mapfile -t only < <(names)
    need_commands git flock:util-linux || die "missing: apt-get install ${MISSING[*]}" 1
    need_cargo
    mkdir -p "$WORK" || die "can't write to target: is the clone yours?" 1
    exec 9>"$WORK/lock"
    flock -n 9 || die "another scripts/removed.sh is at work here" 1
    on_exit stop_playing
    copy_tree || die "can't copy the sources to $TREE" 1
    SCRIPTS=$(find netstack/testkit/scripts -name '*.pkt' | wc -l)
    started=$SECONDS
    if ! play "$LOGS/nothing.log"; then
        say FAILED "nothing removed" "$(failures "$LOGS/nothing.log" | grep . || why_none "$LOGS/nothing.log")" $((SECONDS - started))
        tally
        exit
    fi
    say ok "nothing removed" "all $SCRIPTS scripts pass" $((SECONDS - started))
    for name in "${only[@]}"; do remove "$name"; done
    note "$((SECONDS / 60)) min $((SECONDS % 60)) s"
    tally
}

main "$@"
