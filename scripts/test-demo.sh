#!/usr/bin/env bash
# The demo's three tasks, in plain text and over TLS with certificates on all sides.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/demo.sh
scripts/demo.sh --tls
