#!/usr/bin/env bash
# Shows that the simulator's checkers can fail: each patch in Tests/Mutants is a real fault, put into a scratch copy.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'USAGE'
usage: scripts/mutants.sh [NAME...]

Applies each patch of Tests/Mutants (or those named) to a copy of the tree under .build/mutants, builds podling-sim
there, and runs seeds until one finds the fault. Prints a table: mutant, checker, seed, events. Fails if one is not
found, or by another checker than its patch names.

MUTANT_EVENTS   events of one seed (300000)
MUTANT_SEEDS    seeds at most (33, which is ten million events)
USAGE
}

readonly EVENTS="${MUTANT_EVENTS:-300000}" SEEDS="${MUTANT_SEEDS:-33}"
readonly TREE="$REPOSITORY/.build/mutants"
missed=0

copy_tree() {
    local file
    mkdir -p "$TREE"
    (cd "$TREE" && find Sources Benchmarks Tests -type f 2>/dev/null || true) | while IFS= read -r file; do
        [[ -f $file ]] || rm -f "$TREE/$file"
    done
    # Files that are as they were keep their times, so that only what a patch touches is built again.
    git ls-files --cached --others --exclude-standard -- Package.swift Sources Benchmarks Tests |
        while IFS= read -r file; do
            [[ -f $file ]] || continue
            cmp -s "$file" "$TREE/$file" && continue
            mkdir -p "$TREE/$(dirname "$file")"
            cp "$file" "$TREE/$file"
        done
    [[ ! -f Package.resolved ]] || cp Package.resolved "$TREE/Package.resolved"
}

build() {
    # File by file: most of the time goes into the builds, of which each changes a file or two.
    swift build --package-path "$TREE" -c release -Xswiftc -no-whole-module-optimization --product podling-sim \
        >"$TREE/build.log" 2>&1 </dev/null
}

# field NAME PATCH: a line of the patch's head.
field() { sed -nE "s/^$1: (.*)/\1/p" "$2" | head -n 1; }

# row MUTANT CHECKER SEED EVENTS
row() { printf '| %s | %s | %s | %s |\n' "$@"; }

try_mutant() {
    local patch=$1 name checker output found seed events code
    name="$(basename "$patch" .patch)"
    checker="$(field Checker "$patch")"
    if ! patch --dry-run --quiet --forward -p1 -d "$TREE" <"$patch" >"$TREE/patch.log" 2>&1; then
        complain "$name: the patch does not apply any more"
        missed=$((missed + 1))
        return
    fi
    patch --quiet --forward --no-backup-if-mismatch -p1 -d "$TREE" <"$patch"
    if build; then
        code=0
        output="$("$TREE/.build/release/podling-sim" --seed 1 --seeds "$SEEDS" --events "$EVENTS" 2>/dev/null)" || code=$?
        found="$(sed -nE 's/^ *violated at event [0-9]+: (.*)/\1/p' <<<"$output")"
        seed="$(sed -nE 's/^seed ([0-9]+): VIOLATED.*/\1/p' <<<"$output")"
        events="$(sed -nE 's/^seed [0-9]+: [A-Za-z]+, ([0-9]+) events.*/\1/p' <<<"$output" | awk '{ sum += $1 } END { print sum + 0 }')"
        # A trap (SIGILL, SIGTRAP, SIGABRT, SIGSEGV) ends the program at an event that nobody counted.
        if ((code == 132 || code == 133 || code == 134 || code == 139)); then
            found=trap seed="$(($(grep -c ': held, ' <<<"$output" || true) + 1))"
            events="more than $events"
        fi
        row "$name" "${found:-not found}" "${seed:--}" "$events"
        if [[ $found != "$checker" ]]; then
            complain "$name: expected the checker '$checker'"
            missed=$((missed + 1))
        fi
    else
        complain "$name: does not build, see $TREE/build.log"
        missed=$((missed + 1))
    fi
    patch --quiet --reverse --no-backup-if-mismatch -p1 -d "$TREE" <"$patch"
}

main() {
    local name
    local -a patches=()
    [[ ${1:-} != --help ]] || { usage && exit 0; }
    have patch || die "the program patch is missing"
    if (($# > 0)); then
        for name in "$@"; do
            [[ -f Tests/Mutants/$name.patch ]] || die "there is no Tests/Mutants/$name.patch"
            patches+=("Tests/Mutants/$name.patch")
        done
    else
        patches=(Tests/Mutants/*.patch)
    fi
    copy_tree
    build || die "podling-sim does not build, see $TREE/build.log"
    row Mutant Checker Seed Events
    row --- --- --- ---
    for name in "${patches[@]}"; do try_mutant "$name"; done
    ((missed == 0)) || die "$missed mutant(s) not found as expected"
    good "all ${#patches[@]} mutants are found"
}

main "$@"
