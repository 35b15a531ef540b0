#!/usr/bin/env bash
# How long a fresh clone takes to build, and what the programs weigh, as the table of docs/PERFORMANCE.md.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'USAGE'
usage: scripts/measure-build.sh [COMMIT]      default HEAD; what is not committed is not measured

Clones this repository twice into a folder of its own: `make demo` in the one, `make install` in the other. The times are
those of a clock, and of the processors (user and system); the second says more where the machine has other work.
Repositories that SwiftPM has in its cache are not fetched again.
USAGE
}

scratch=''
clean_up() { rm -rf "$scratch"; }

# clone COMMIT FOLDER
clone() {
    git clone --quiet --no-hardlinks "$REPOSITORY" "$2"
    git -C "$2" checkout --quiet --detach "$1"
}

# measured WHAT COMMAND...: a line of the table.
measured() {
    local what=$1 TIMEFORMAT='%R %U %S' code=0
    shift
    heading "$what"
    { time "$@" >"$scratch/log" 2>&1 || code=$?; } 2>"$scratch/time"
    ((code == 0)) || { show_log_tail "$scratch/log" && die "'$*' failed with exit code $code"; }
    awk -v what="$what" '{ printf "| %s | %d min %02d s | %d s |\n", what, $1 / 60, $1 % 60, $2 + $3 }' \
        "$scratch/time" >>"$scratch/table"
}

main() {
    local commit load program
    case "${1:-}" in -h | --help) usage && return ;; esac
    commit="$(git rev-parse --verify --quiet "${1:-HEAD}^{commit}")" || die "there is no commit ${1:-HEAD}"
    scratch="$(mktemp -d)"
    trap clean_up EXIT
    load="$(cut -d' ' -f1 /proc/loadavg)"
    scripts/setup.sh base
    clone "$commit" "$scratch/demo"
    measured "fresh clone to the end of \`make demo\`" make -C "$scratch/demo" demo
    clone "$commit" "$scratch/release"
    measured "fresh clone to the end of \`make install\`" \
        make -C "$scratch/release" install PREFIX="$scratch/installed"
    heading "commit ${commit:0:12}, $(nproc) cores, load before: $load, $(swift --version 2>/dev/null | head -n 1)"
    printf '| what | clock | processors |\n|---|--:|--:|\n'
    cat "$scratch/table"
    printf '\n| program, stripped | size |\n|---|--:|\n'
    for program in "${OUR_PROGRAMS[@]}"; do
        awk -v name="$program" -v bytes="$(stat -c %s "$scratch/installed/bin/$program")" \
            'BEGIN { printf "| `%s` | %.1f MB |\n", name, bytes / 1e6 }'
    done
}

main "$@"
