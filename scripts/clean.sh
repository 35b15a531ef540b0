#!/usr/bin/env bash
# Ends the test engines of this checkout and removes what was built.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"
if [[ -d ${PODLING_ENGINES_DIR:-.build/engines} ]]; then
    scripts/engines.sh down
fi
rm -rf .build
