#!/usr/bin/env bash
# Behind `make bench`: a release build and the benchmark table; figures also in .build/bench.json.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"
scripts/setup.sh base bench
swift build -c release </dev/null
exec "$(swift build -c release --show-bin-path)/podling-bench" "$@"
