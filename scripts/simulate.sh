#!/usr/bin/env bash
# What CI runs of the simulator: the kept seeds, then new ones, each kind of fault often enough to be a test. A failure names the seed, which
# `podling-sim --seed N` repeats; keep it in Tests/SimulatorTests/Seeds.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() { say "usage: scripts/simulate.sh [--seeds COUNT] [--first SEED]      a million events each; 20 seeds from a random one"; }

seeds=20 first=$((RANDOM * 32768 * 32768 + RANDOM * 32768 + RANDOM))
while (($# > 0)); do
    case "$1" in
        -h | --help) usage && exit 0 ;;
        --seeds | --first)
            [[ ${2:-} =~ ^[0-9]+$ ]] || { usage >&2 && exit 2; }
            if [[ $1 == --seeds ]]; then seeds=$2; else first=$2; fi
            shift
            ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done

scripts/setup.sh base
quiet_build "${RELEASE[@]}" --product podling-sim
simulator="$(programs_folder "${RELEASE[@]}")/podling-sim"
for file in Tests/SimulatorTests/Seeds/*.seed; do
    say "$(sed -n 's/^# //p' "$file")"
    # shellcheck disable=SC2046
    "$simulator" $(grep -v '^#' "$file")
done
# A kind of fault that hardly happens tests nothing.
"$simulator" --seed "$first" --seeds "$seeds" --events 1e6 --minimize \
    --faults-min $((seeds * 50))
