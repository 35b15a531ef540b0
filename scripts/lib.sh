# Shared by the scripts beside it. Source it; it runs nothing by itself.
# shellcheck shell=bash

# shellcheck disable=SC2034
REPOSITORY="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    BOLD=$'\e[1m' GREEN=$'\e[32m' YELLOW=$'\e[33m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
    BOLD='' GREEN='' YELLOW='' RED='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
heading() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
good() { printf '%s%s%s\n' "$GREEN" "$*" "$PLAIN"; }
warn() { printf '%s%s%s\n' "$YELLOW" "$*" "$PLAIN" >&2; }
complain() { printf '%serror: %s%s\n' "$RED" "$*" "$PLAIN" >&2; }
die() {
    complain "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

OUR_PROGRAMS=(podling-master podling-worker podling-client)
# How programs ship, with Swift's libraries in them. Whatever builds for release builds so: other flags would begin anew.
RELEASE=(-c release --static-swift-stdlib)

# build_programs [FLAG OF swift build...]: the three programs, and nothing that they do not need.
build_programs() {
    local program
    for program in "${OUR_PROGRAMS[@]}"; do quiet_build "$@" --product "$program" || return; done
}

# quiet_build FLAG...: where nobody looks on, a line for each step would bury everything else, and so would notes about
# files of dependencies.
quiet_build() {
    if [[ -t 1 ]]; then
        swift build "$@" </dev/null
    else
        swift build "$@" </dev/null 2>&1 | awk '
            /found [0-9]+ file\(s\) which are unhandled|^ .*\.build\/checkouts\/|swift_static\/.*warning: the use of/ { next }
            !/^\[[0-9]+\/[0-9]+\]/ || ++steps % 200 == 0 { print; fflush() }'
    fi
}

# programs_folder [FLAG OF swift build...]: where they are then.
programs_folder() { swift build "$@" --show-bin-path </dev/null; }

# given_programs: the folder that PODLING_PROGRAMS names, with all three in it; fails where it names none.
given_programs() {
    local program
    [[ -n ${PODLING_PROGRAMS:-} ]] || return 1
    for program in "${OUR_PROGRAMS[@]}"; do
        [[ -x $PODLING_PROGRAMS/$program ]] || die "PODLING_PROGRAMS: $PODLING_PROGRAMS has no $program"
    done
    (cd "$PODLING_PROGRAMS" && pwd)
}

# wait_until SECONDS COMMAND...: polls until the command succeeds; fails at the deadline.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# The start time tells a process from a later one that got the same pid.
process_start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# remember_process FILE PID: notes a process that this script started.
remember_process() { printf '%s %s\n' "$2" "$(process_start_time "$2")" >"$1"; }

# live_process FILE: prints the pid if the noted process still runs.
live_process() {
    local pid started
    [[ -s $1 ]] && read -r pid started <"$1" || return 1
    [[ -n $started && $(process_start_time "$pid") == "$started" ]] || return 1
    [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1) != Z ]] || return 1
    printf '%s\n' "$pid"
}

process_is_gone() { ! live_process "$1"; }

# end_process FILE SECONDS: SIGTERM, SIGKILL after the seconds; never touches a process it did not note.
end_process() {
    local pid
    if pid=$(live_process "$1"); then
        kill -TERM "$pid" 2>/dev/null || true
        if ! wait_until "$2" process_is_gone "$1"; then
            kill -KILL "$pid" 2>/dev/null || true
            wait_until 5 process_is_gone "$1" || warn "process $pid does not end"
        fi
    fi
    rm -f "$1"
}

# show_log_tail FILE: the end of a log, for a failure message.
show_log_tail() {
    [[ -s $1 ]] || return 0
    printf -- '---- last lines of %s ----\n' "$1" >&2
    tail -n 25 "$1" >&2
    printf -- '----\n' >&2
}

# start_process FILE LOG COMMAND...: in a session of its own, so that Ctrl-C reaches it only through the script's trap.
start_process() {
    local file=$1 log=$2
    shift 2
    setsid "$@" </dev/null >"$log" 2>&1 9>&- &
    remember_process "$file" $!
}

# use_scratch SECONDS [COMMAND...]: makes the folder `scratch`. However the script ends, the processes noted there as
# NAME.process are ended, each within the seconds, then the command runs, and the folder goes.
use_scratch() {
    scratch="$(mktemp -d)"
    scratch_seconds=$1 scratch_end=("${@:2}")
    trap leave_scratch EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

leave_scratch() {
    local code=$? file
    trap - EXIT
    trap '' INT TERM
    set +e
    for file in "$scratch"/*.process; do [[ ! -e $file ]] || end_process "$file" "$scratch_seconds"; done
    "${scratch_end[@]}"
    rm -rf "$scratch"
    exit "$code"
}

# build_busybox_root TAR: a root of one static program and its links, the smallest image one can do everything with.
build_busybox_root() {
    local root applet
    [[ ! -s $1 ]] || return 0
    root="$(mktemp -d)"
    mkdir -p "$root"/{bin,dev,etc,home,proc,root,sys,tmp,usr/bin,var/tmp}
    chmod 755 "$root"
    chmod 1777 "$root/tmp" "$root/var/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    while read -r applet; do
        [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
    done < <(busybox --list)
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    tar -C "$root" --owner=0 --group=0 --numeric-owner -cf "$1.part" .
    mv "$1.part" "$1"
    rm -rf "$root"
}
